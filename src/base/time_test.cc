#include "base/time.h"

#include <gtest/gtest.h>

namespace dray {
namespace {

TEST(Time, WritesAndReadsRfc3339) {
  for (const char* text : {"2026-11-24T21:40:00Z", "1970-01-01T00:00:00Z", "2026-11-24T21:40:00.250Z", "2400-02-29T23:59:59.999Z"}) {
    const auto time = parse_rfc3339(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(to_rfc3339(*time), text);
  }
}

TEST(Time, ReadsOffsetsAndLongFractions) {
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-11-24T23:40:00.123456789+02:00")), "2026-11-24T21:40:00.123Z");
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-11-24t16:10:00-05:30")), "2026-11-24T21:40:00Z");
}

TEST(Time, RefusesWhatIsNoTime) {
  for (const char* text : {"", "2026", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T21:40:00",
                           "2026-11-24T21:40:00Zx", "2026-11-24T21:40:00.Z", "2026-11-24T21:40:00+2:00", "26-11-24T21:40:00Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Time, TakesOnlyWhatItCanWriteAgain) {
  for (const char* text : {"9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59+10:00"}) {
    const auto time = parse_rfc3339(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(*parse_rfc3339(to_rfc3339(*time)), *time);
  }
  for (const char* text : {"9999-12-31T23:59:59-10:00", "0000-01-01T00:00:00+10:00", "9999-12-31T23:59:60Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Time, WritesTimesThatNoCalendarHoldsAsTheLastOneThatItDoes) {
  EXPECT_EQ(to_rfc3339(kWallMax), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(to_rfc3339(WallTime::min()), "0000-01-01T00:00:00Z");
}

TEST(Time, WritesPollingTimesWithEightCharacters) {
  EXPECT_EQ(to_hms(std::chrono::seconds{300}), "00:05:00");
  EXPECT_EQ(to_hms(std::chrono::seconds{0}), "00:00:01");
  EXPECT_EQ(to_hms(std::chrono::hours{99}), "23:59:59");
  EXPECT_EQ(*parse_hms("01:02:03"), std::chrono::seconds{3723});
  EXPECT_FALSE(parse_hms("1:02:03"));
  EXPECT_FALSE(parse_hms("01:60:03"));
}

}  // namespace
}  // namespace dray
