#include "wire/range.h"

#include <gtest/gtest.h>

namespace dray::wire {
namespace {

FileAnswer ask(std::optional<std::string_view> range, std::optional<std::string_view> if_range = {},
               std::optional<std::string_view> if_match = {}, bool is_get = true) {
  return answer_range({.range = range,
                       .if_range = if_range,
                       .if_match = if_match,
                       .is_get = is_get,
                       .size = 1000,
                       .tag = "abc",
                       .last_modified = "Sun, 06 Nov 1994 08:49:37 GMT"});
}

TEST(Range, NoneMeansTheWholeFile) {
  EXPECT_EQ(ask({}).status, 200);
  EXPECT_TRUE(ask({}).ranges.empty());
}

TEST(Range, OneRangeIsClippedToTheFile) {
  const std::vector<std::pair<std::string_view, ByteRange>> rows{
      {"bytes=0-99", {0, 100}},     {"bytes=990-5000", {990, 10}}, {"bytes=999-", {999, 1}},
      {"bytes=-10", {990, 10}},     {"bytes=-5000", {0, 1000}},    {"bytes=0-", {0, 1000}},
      {"bytes= 5-5", {5, 1}},       {"bytes=990-18446744073709551615", {990, 10}},
      {"bytes=990-18446744073709551616", {990, 10}},  // 2^64
      {"bytes=0-99999999999999999999999999999999", {0, 1000}},
      {"bytes=-18446744073709551616", {0, 1000}},
  };
  for (const auto& [header, expected] : rows) {
    const auto answer = ask(header);
    EXPECT_EQ(answer.status, 206) << header;
    ASSERT_EQ(answer.ranges.size(), 1u) << header;
    EXPECT_EQ(answer.ranges[0], expected) << header;
  }
}

TEST(Range, SeveralKeepTheirOrder) {
  const auto answer = ask("bytes=500-599,0-9,-1");
  EXPECT_EQ(answer.status, 206);
  const std::vector<ByteRange> expected{{500, 100}, {0, 10}, {999, 1}};
  EXPECT_EQ(answer.ranges, expected);
}

TEST(Range, WhatCanNotBeSatisfiedIs416) {
  for (const std::string_view header :
       {"bytes=1000-", "bytes=5-4", "bytes=0-9,5-20", "bytes=-0", "bytes=-", "bytes=a-b", "items=0-1", "bytes=",
        "bytes=1", "bytes=0-1,,", "bytes=99999999999999999999-", "bytes=99999999999999999999-99999999999999999999", "bytes=0-18446744073709551616x", "bytes=0--1"})
    EXPECT_EQ(ask(header).status, 416) << header;
}

TEST(Range, OfAnEmptyFileIs416) { EXPECT_EQ(answer_range({.range = "bytes=0-", .size = 0}).status, 416); }

TEST(Range, WhoHasItIsToldSoByAnyTagOfIt) {
  for (const char* has : {"\"abc\"", "W/\"abc\"", "\"x\", W/\"abc\"", "*"})
    EXPECT_EQ(answer_range({.range = "bytes=0-1", .if_none_match = has, .size = 1000, .tag = "abc"}).status, 304) << has;
  EXPECT_EQ(answer_range({.range = "bytes=0-1", .if_none_match = "\"abd\"", .size = 1000, .tag = "abc"}).status, 206);
  EXPECT_EQ(answer_range({.if_match = "x", .if_none_match = "*", .size = 1000, .tag = "abc"}).status, 412);
}

TEST(Range, HeadKnowsNoRange) { EXPECT_EQ(ask("bytes=0-1", {}, {}, false).status, 200); }

TEST(Range, IfRangeHoldsForTheTagAndForADateThatIsNotOlder) {
  EXPECT_EQ(ask("bytes=0-1", "\"abc\"").status, 206);
  EXPECT_EQ(ask("bytes=0-1", "W/\"abc\"").status, 200) << "a weak tag says nothing of bytes";
  EXPECT_EQ(ask("bytes=0-1", "Sun, 06 Nov 1994 08:49:37 GMT").status, 206);
  EXPECT_EQ(ask("bytes=0-1", "Mon, 07 Nov 1994 08:49:37 GMT").status, 206);
  EXPECT_EQ(ask("bytes=0-1", "Sat, 05 Nov 1994 08:49:37 GMT").status, 200);
  EXPECT_EQ(ask("bytes=0-1", "\"abd\"").status, 200);
  EXPECT_EQ(ask("bytes=0-1", "abc").status, 200);
  EXPECT_EQ(ask("bytes=0-1", "W/\"abc\"").status, 200);
}

TEST(Range, IfMatchTakesTheBareAndTheQuotedTag) {
  for (const std::string_view good : {"abc", "\"abc\"", "*", "\"x\", \"abc\""})
    EXPECT_EQ(ask({}, {}, good).status, 200) << good;
  EXPECT_EQ(ask({}, {}, "abd").status, 412);
  EXPECT_EQ(ask("bytes=5-4", {}, "abd").status, 412);
}

TEST(Range, SaysWhereItLies) {
  EXPECT_EQ(content_range({100, 50}, 812), "bytes 100-149/812");
  EXPECT_EQ(unsatisfied_range(812), "bytes */812");
}

}  // namespace
}  // namespace dray::wire
