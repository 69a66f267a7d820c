#include "base/text.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text_testing.h"

namespace dray {
namespace {

constexpr std::string_view kBad = "\xEF\xBF\xBD";

TEST(Text, OrdinaryTextStaysAsItIs) {
  for (const std::string_view text : {"", "till 7", "Köln", "Δ 漢字 🛒", "a\xEF\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(text));
    EXPECT_EQ(clean_text(text, 1'000), text);
    EXPECT_EQ(clean_name(text), text);
    EXPECT_EQ(mend_utf8(text), text);
  }
}

TEST(Text, BytesThatAreNoCharacterAreReplacedEachByOne) {
  using namespace std::string_literals;
  const std::pair<std::string, int> odd[] = {
      {"\xFC", 1},          {"\xC3", 1},              {"\xC0\xAF", 2},         {"\xE0\x80\xAF", 3},
      {"\xED\xA0\x80", 3},  {"\xF4\x90\x80\x80", 4},  {"\xF5\x80\x80\x80", 4}, {"\x80", 1},
      {"\xE2\x82", 2},      {"\xF0\x9F\x9B", 3},      {"\xFF\xFE", 2}};
  for (const auto& [bytes, count] : odd) {
    EXPECT_FALSE(is_utf8(bytes));
    std::string expected = "a";
    for (int i = 0; i < count; ++i) expected += kBad;
    EXPECT_EQ(clean_text("a" + bytes + "b", 1'000), expected + "b");
    EXPECT_EQ(mend_utf8("a" + bytes + "b"), expected + "b");
  }
}

TEST(Text, ControlsAreMadeVisible) {
  EXPECT_EQ(clean_text(std::string_view{"a\0b", 3}, 99), "a␀b");
  EXPECT_EQ(clean_text("\x1b[31mred\x7f\n", 99), "␛[31mred␡␊");
  EXPECT_EQ(clean_text("one\ttwo", 99), "one two");
  EXPECT_EQ(clean_text("a\u0085b\u202Ec\u2028", 99), "a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c\xEF\xBF\xBD");
}

TEST(Text, IsCutAtCharacters) {
  EXPECT_EQ(clean_text("äää", 5), "ää");
  EXPECT_EQ(clean_text("äää", 1), "");
  EXPECT_EQ(clean_text("x" + std::string(3, '\n'), 6), "x␊");
  EXPECT_EQ(clean_characters("äöü", 2), "äö");
  EXPECT_EQ(cut_text("aé", 2), "a");
  EXPECT_EQ(cut_text("aé", 3), "aé");
  EXPECT_EQ(cut_text("🛒", 3), "");
  EXPECT_EQ(cut_characters("aé🛒z", 3), "aé🛒");
  EXPECT_EQ(cut_characters("aé", 9), "aé");
}

TEST(Text, EveryByteAndPairOfBytesBecomesTextThatStaysAsItIs) {
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::string raw{static_cast<char>(first), static_cast<char>(second)};
      const std::string once = clean_text(raw, 64);
      EXPECT_TRUE(is_utf8(once));
      EXPECT_EQ(clean_text(once, 64), once);
      EXPECT_TRUE(is_utf8(clean_name(raw)));
      EXPECT_TRUE(is_utf8(mend_utf8(raw)));
    }
}

TEST(Text, DifferentNamesStayDifferent) {
  EXPECT_EQ(clean_name("kasse-\xFC" "ber"), "kasse-%FCber");
  EXPECT_NE(clean_name("kasse-\xFC" "ber"), clean_name("kasse-\xE4" "ber"));
  EXPECT_EQ(clean_name("a\nb"), "a%0Ab");
  EXPECT_EQ(clean_name("a%2Fb"), "a%252Fb");
  EXPECT_EQ(clean_name("100% %zz %f0"), "100% %zz %f0") << "what reads as no escape stays as it is";
}

TEST(Text, ACleanNameSaysWhichNameItWas) {
  const std::string letters = "%2FC0a\n\xFC\xC3\xA4";
  std::set<std::string> clean;
  std::size_t names = 0;
  for (std::size_t length = 0; length <= 5; ++length) {
    std::size_t all = 1;
    for (std::size_t i = 0; i < length; ++i) all *= letters.size();
    for (std::size_t n = 0; n < all; ++n) {
      std::string raw;
      for (std::size_t i = 0, rest = n; i < length; ++i, rest /= letters.size()) raw += letters[rest % letters.size()];
      const std::string name = clean_name(raw);
      ASSERT_TRUE(is_utf8(name));
      ASSERT_EQ(testing_text::name_outside(name), raw) << name;
      clean.insert(name);
      ++names;
    }
  }
  EXPECT_EQ(clean.size(), names) << "two different names became one";
}

TEST(Text, ANameThatWasCleanedStaysAsItIsWhereItIsPassedOn) {
  for (const std::string raw : {"kasse-\xFC", "kasse-%FC", "a\nb", "100%", "till-014"})
    EXPECT_EQ(plain_name(clean_name(raw)), clean_name(raw));
  EXPECT_EQ(plain_name("a\nb"), "a%0Ab");
}

TEST(Text, LinesOfAProgramStayLines) {
  EXPECT_EQ(clean_lines("one\r\n\x1btwo\xFC\n\nlast", 99), "one\n␛two\xEF\xBF\xBD\n\nlast");
  EXPECT_EQ(clean_lines("ab\ncd", 4), "ab\nc");
  EXPECT_EQ(clean_lines("ab\ncd", 3), "ab\n");
  EXPECT_EQ(clean_lines("aä\n", 2), "a\n") << "cut at a character";
  EXPECT_EQ(clean_lines("", 9), "");
  EXPECT_EQ(clean_fields("one\ttwo\r\n\x1b\tx", 99), "one\ttwo\n␛\tx");
  EXPECT_EQ(clean_fields("one\ttwo", 5), "one\tt");
  EXPECT_EQ(clean_version(" 2.0~rc 1\r\n", 99), "2.0~rc 1");
  EXPECT_EQ(clean_version("2.0 rc", 4), "2.0") << "the cut leaves no blank at its end";
  EXPECT_EQ(clean_version(" \t", 9), "");
  EXPECT_EQ(one_line("  in use\r\n\n\tuntil ten \n", 99), "in use; until ten");
  EXPECT_EQ(one_line("a\nb", 3), "a; ");
  EXPECT_EQ(one_line("a\nb", 2), "a;");
  EXPECT_EQ(one_line(" \n\t", 9), "");
}

}  // namespace
}  // namespace dray
