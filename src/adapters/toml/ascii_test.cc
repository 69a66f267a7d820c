#include "adapters/toml/ascii.h"

#include <gtest/gtest.h>

#include "adapters/toml/config.h"

namespace dray::adapters {
namespace {

TEST(TomlAscii, EveryTextComesBack) {
  for (const char* text : {"", "plain", "Köln", "~", "~C3;", "~~41;", "a~b\xFF", "🛒"}) {
    const std::string ascii = to_ascii(text);
    for (const char c : ascii) EXPECT_GE(c, 0);
    EXPECT_EQ(from_ascii(ascii), text);
  }
  EXPECT_EQ(from_ascii("~, ~4, ~4x; and ~"), "~, ~4, ~4x; and ~");
}

TEST(TomlAscii, KeysAndTextsOfAFileAreWhatWasWritten) {
  const auto file = Config::parse(
      "city = \"Köln ~C3;\"\npath = '~/größe'\nlist = [\"ä\", \"b\"]\n[\"größe\"]\n\"höhe\" = \"ü\"\n[[shops]]\nname = \"Łódź\"\n", "x.toml");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text("city"), "Köln ~C3;");
  EXPECT_EQ(file->text("path"), "~/größe");
  EXPECT_EQ(file->strings("list"), (std::vector<std::string>{"ä", "b"}));
  EXPECT_EQ(file->table("größe").text("höhe"), "ü");
  ASSERT_EQ(file->tables("shops").size(), 1U);
  EXPECT_EQ(file->tables("shops")[0].text("name"), "Łódź");
  const auto done = file->finish();
  EXPECT_TRUE(done) << (done ? "" : done.error().message());
}

TEST(TomlAscii, LettersOutsideOfQuotesAreAnErrorWithTheirLine) {
  const auto file = Config::parse("a = 1\ngröße = 2\n", "x.toml");
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().message().starts_with("x.toml:2: is no TOML")) << file.error().message();
}

}  // namespace
}  // namespace dray::adapters
