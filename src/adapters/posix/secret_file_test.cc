#include "adapters/posix/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

namespace dray::adapters {
namespace {

namespace fs = std::filesystem;

class SecretFileTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path with(std::string_view text, fs::perms mode = fs::perms::owner_read | fs::perms::owner_write) const {
    const fs::path file = folder_ / "token";
    std::ofstream{file, std::ios::binary} << text;
    fs::permissions(file, mode);
    return file;
  }
  static std::string text_of(const fs::path& file) {
    std::stringstream out;
    out << std::ifstream{file}.rdbuf();
    return out.str();
  }
  static unsigned mode_of(const fs::path& file) {
    struct stat status {};
    return ::lstat(file.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
  }
  const fs::path folder_ = testing::TempDir() + "dray_secret_file_" + std::to_string(::getpid());
};

TEST_F(SecretFileTest, WhatEditorsLeaveAroundATokenIsNoPartOfIt) {
  for (const std::string_view text : {"abc", "abc\n", "abc\r\n", "\xEF\xBB\xBF" "abc\r\n", "  abc \t\n", "abc\nsecond line\n", "\tabc\r"}) {
    const auto read = read_secret(with(text));
    ASSERT_TRUE(read) << text << ": " << read.error().message();
    EXPECT_EQ(*read, "abc") << text;
  }
}

TEST_F(SecretFileTest, WhatIsNoTokenIsRefusedByName) {
  for (const auto& [text, why] : std::map<std::string, std::string>{{"", "is empty"},
                                                                    {"\n", "is empty"},
                                                                    {"\xEF\xBB\xBF\r\n", "is empty"},
                                                                    {"a b\n", "without blanks inside"},
                                                                    {std::string{"a\0b", 3}, "without blanks inside"},
                                                                    {"a\x1b[31m", "without blanks inside"},
                                                                    {std::string(4097, 'x'), "longer than 4096"},
                                                                    {std::string(1 << 20, 'x'), "longer than 4096"}}) {
    const auto read = read_secret(with(text));
    ASSERT_FALSE(read) << text.substr(0, 9);
    EXPECT_EQ(read.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(read.error().message().find(why), std::string::npos) << read.error().message();
    EXPECT_NE(read.error().message().find("token"), std::string::npos) << "names the file";
  }
  std::string longest(4096, 'x');
  longest += "\r\n";
  EXPECT_TRUE(read_secret(with(longest)));
  EXPECT_EQ(read_secret(folder_ / "gone").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(read_secret(folder_).error().code(), ErrorCode::kInvalid);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_secret(folder_ / "pipe").error().code(), ErrorCode::kInvalid) << "and nobody waits for its writer";
}

TEST_F(SecretFileTest, AFileThatOthersCanReadIsRefused) {
  for (const fs::perms more : {fs::perms::group_read, fs::perms::others_read, fs::perms::group_write, fs::perms::others_write}) {
    const auto read = read_secret(with("abc\n", fs::perms::owner_read | more));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kDenied);
    EXPECT_NE(read.error().message().find("0600"), std::string::npos);
  }
  EXPECT_TRUE(read_secret(with("abc\n", fs::perms::owner_read)));
}

TEST_F(SecretFileTest, ANewOneIsOursAloneAndNeverReplacesAny) {
  const fs::path file = folder_ / "new";
  const mode_t mask = ::umask(0);
  {
    auto made = NewSecret::make(file);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(mode_of(file), 0600U);
    EXPECT_EQ(NewSecret::make(file).error().code(), ErrorCode::kConflict);
    EXPECT_TRUE(made->write("secret"));
  }
  ::umask(mask);
  EXPECT_EQ(text_of(file), "secret\n");
  const auto again = NewSecret::make(file);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
  EXPECT_NE(again.error().message().find("not overwritten"), std::string::npos);
  EXPECT_EQ(text_of(file), "secret\n");
}

TEST_F(SecretFileTest, ALinkIsSomethingThatIsThere) {
  fs::create_symlink(folder_ / "elsewhere", folder_ / "link");
  EXPECT_EQ(NewSecret::make(folder_ / "link").error().code(), ErrorCode::kConflict);
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
}

TEST_F(SecretFileTest, OneThatIsNeverWrittenIsRemoved) {
  {
    auto made = NewSecret::make(folder_ / "new");
    ASSERT_TRUE(made);
    const NewSecret moved = std::move(*made);
    EXPECT_TRUE(fs::exists(folder_ / "new"));
  }
  EXPECT_FALSE(fs::exists(folder_ / "new"));
}

TEST_F(SecretFileTest, APublicFileReplacesALinkAndFollowsNone) {
  std::ofstream{folder_ / "victim"} << "mine";
  fs::create_symlink(folder_ / "victim", folder_ / "PORTS");
  fs::create_symlink(folder_ / "victim", folder_ / "PORTS.new");
  fs::create_symlink(folder_ / "victim", folder_ / "PORTS.tmp");
  ASSERT_TRUE(replace_public_file(folder_ / "PORTS", "{}\n"));
  EXPECT_EQ(text_of(folder_ / "victim"), "mine");
  EXPECT_FALSE(fs::is_symlink(folder_ / "PORTS"));
  EXPECT_EQ(text_of(folder_ / "PORTS"), "{}\n");
  EXPECT_EQ(mode_of(folder_ / "PORTS"), 0644U);
  const auto entries = std::distance(fs::directory_iterator{folder_}, fs::directory_iterator{});
  EXPECT_EQ(entries, 4) << "nothing is left beside it";
  EXPECT_FALSE(replace_public_file(folder_ / "gone" / "PORTS", "{}\n"));
}

}  // namespace
}  // namespace dray::adapters
