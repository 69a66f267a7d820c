#include "adapters/posix/posix_disk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace dray::adapters {
namespace {

namespace fs = std::filesystem;

class PosixDiskTest : public ::testing::Test {
 protected:
  PosixDiskTest() {
    std::string name = fs::temp_directory_path() / "dray-disk-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    std::ofstream{folder_ / "secret"} << "outside";
    disk_ = std::make_unique<PosixDisk>(folder_ / "root");
  }
  ~PosixDiskTest() override { fs::remove_all(folder_); }

  void put(const Path& path, std::string_view text) { ASSERT_TRUE(replace_file(*disk_, path, text)); }
  std::string get(const Path& path) {
    auto text = read_file(*disk_, path, 1000);
    return text ? *text : "error: " + text.error().message();
  }

  fs::path folder_;
  std::unique_ptr<PosixDisk> disk_;
};

TEST_F(PosixDiskTest, KeepsWhatIsWritten) {
  put("state", "hello");
  EXPECT_EQ(get("state"), "hello");
  auto file = *disk_->open("state", Mode::kWrite);
  EXPECT_EQ(file->size(), 5U);
  ASSERT_TRUE(file->write(10, as_bytes("end")));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->size(), 13U);
  std::vector<std::byte> out(100);
  EXPECT_EQ(*file->read(3, out), 10U);
  EXPECT_EQ(*file->read(13, out), 0U);
  EXPECT_GE(file->fd(), 0);
  EXPECT_EQ((*disk_->open("state", Mode::kTruncate))->size(), 0U);
}

TEST_F(PosixDiskTest, ReachesPastFourGigabytes) {
  auto file = *disk_->open("big", Mode::kWrite);
  constexpr std::uint64_t kAt = 5ULL << 30;
  ASSERT_TRUE(file->write(kAt, as_bytes("x")));
  EXPECT_EQ(file->size(), kAt + 1);
  std::byte one{};
  EXPECT_EQ(*file->read(kAt, {&one, 1}), 1U);
  EXPECT_EQ(one, std::byte{'x'});
}

TEST_F(PosixDiskTest, SaysWhatIsNotThere) {
  EXPECT_EQ(disk_->open("none", Mode::kRead).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(disk_->open("no/folder", Mode::kWrite).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(disk_->list("none").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(disk_->unlink("none").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(disk_->rename("none", "other").error().code(), ErrorCode::kNotFound);
}

TEST_F(PosixDiskTest, HandlesFoldersAndNames) {
  ASSERT_TRUE(disk_->make_dir("a/b//c/"));
  ASSERT_TRUE(disk_->make_dir("a/b"));
  put("a/b/two", "2");
  put("a/b/one", "1");
  EXPECT_EQ(*disk_->list("a/b"), (std::vector<std::string>{"c", "one", "two"}));
  EXPECT_EQ(*disk_->list(""), std::vector<std::string>{"a"});
  ASSERT_TRUE(disk_->rename("a/b/one", "a/b/two"));
  EXPECT_EQ(get("a/b/two"), "1");
  ASSERT_TRUE(disk_->sync_dir("a/b"));
  ASSERT_TRUE(disk_->sync_dir("."));
  EXPECT_EQ(disk_->unlink("a/b").error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(disk_->unlink("a/b/c"));
  ASSERT_TRUE(disk_->unlink("a/b/two"));
  ASSERT_TRUE(disk_->unlink("a/b"));
  EXPECT_EQ(disk_->open("a", Mode::kRead).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(disk_->make_dir("a/../../x").error().code(), ErrorCode::kInvalid);
}

TEST_F(PosixDiskTest, RefusesPathsThatAreNotBelowTheRoot) {
  put("ok", "1");
  for (const Path& path : {Path{"/etc/passwd"}, Path{"../secret"}, Path{"a/../../secret"}, Path{".."},
                           Path{""}, Path{"ok\0x", 4}}) {
    EXPECT_EQ(disk_->open(path, Mode::kRead).error().code(), ErrorCode::kInvalid) << path;
    EXPECT_EQ(disk_->open(path, Mode::kWrite).error().code(), ErrorCode::kInvalid) << path;
    EXPECT_EQ(disk_->unlink(path).error().code(), ErrorCode::kInvalid) << path;
    EXPECT_EQ(disk_->rename("ok", path).error().code(), ErrorCode::kInvalid) << path;
  }
  EXPECT_EQ(get("ok"), "1");
}

TEST_F(PosixDiskTest, RefusesLinksThatLeadOut) {
  fs::create_symlink("../secret", folder_ / "root/up");
  fs::create_symlink(folder_ / "secret", folder_ / "root/absolute");
  fs::create_directory_symlink("..", folder_ / "root/folder");
  for (const char* path : {"up", "absolute", "folder/secret"}) {
    EXPECT_EQ(disk_->open(path, Mode::kRead).error().code(), ErrorCode::kInvalid) << path;
    EXPECT_EQ(disk_->open(path, Mode::kTruncate).error().code(), ErrorCode::kInvalid) << path;
  }
  EXPECT_EQ(disk_->unlink("folder/secret").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(disk_->list("folder").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(disk_->make_dir("folder/x").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(disk_->make_dir("folder").error().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(fs::exists(folder_ / "secret"));
  ASSERT_TRUE(disk_->unlink("up"));  // the link itself is ours
}

TEST_F(PosixDiskTest, LinksBelowTheRootAreFollowed) {
  ASSERT_TRUE(disk_->make_dir("versions/2"));
  put("versions/2/app", "two");
  ASSERT_TRUE(disk_->symlink("versions/2", "current"));
  EXPECT_EQ(get("current/app"), "two");
  EXPECT_EQ(*disk_->read_link("current"), "versions/2");
  EXPECT_EQ(disk_->symlink("x", "current").error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(disk_->symlink("../versions/2", "versions/same"));
  EXPECT_EQ(get("versions/same/app"), "two");
  ASSERT_TRUE(disk_->symlink("versions/3", "next"));
  ASSERT_TRUE(disk_->rename("next", "current"));
  EXPECT_EQ(*disk_->read_link("current"), "versions/3");
  EXPECT_EQ(disk_->symlink("../secret", "out").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(disk_->symlink("/etc/passwd", "out").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(disk_->read_link("versions/2").error().code(), ErrorCode::kInvalid);
}

TEST_F(PosixDiskTest, DoesNotHangOnAFifo) {
  ASSERT_EQ(::mkfifo((folder_ / "root/pipe").c_str(), 0600), 0);
  EXPECT_EQ(disk_->open("pipe", Mode::kRead).error().code(), ErrorCode::kInvalid);
}

TEST_F(PosixDiskTest, NewFilesAreForTheOwnerOnly) {
  put("token", "secret");
  EXPECT_EQ(fs::status(folder_ / "root/token").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  PosixDisk shared{folder_ / "shared", 0644};
  ASSERT_TRUE(shared.make_dir("d"));
  EXPECT_NE(fs::status(folder_ / "shared/d").permissions() & fs::perms::owner_exec, fs::perms::none);
}

TEST_F(PosixDiskTest, KnowsTheFreeSpace) { EXPECT_GT(disk_->free_bytes(), 0U); }

}  // namespace
}  // namespace dray::adapters
