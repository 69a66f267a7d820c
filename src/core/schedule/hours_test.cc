#include "core/schedule/hours.h"

#include <gtest/gtest.h>

#include <vector>

namespace dray::core {
namespace {

using std::chrono::minutes;

constexpr LocalTime local_at(int weekday, int hour, int minute) { return {weekday, hour * 60 + minute}; }
std::vector<Hours> hours_of(std::initializer_list<std::string_view> texts) {
  std::vector<Hours> out;
  for (const auto text : texts) out.push_back(*parse_hours(text));
  return out;
}

TEST(Hours, SayHowLongTheyStillLast) {
  const auto opening = hours_of({"Mon-Fri 08:00-20:00"});
  EXPECT_EQ(hours_left(opening, local_at(0, 7, 59)), std::nullopt);
  EXPECT_EQ(hours_left(opening, local_at(0, 8, 0)), minutes{720});
  EXPECT_EQ(hours_left(opening, local_at(4, 19, 59)), minutes{1});
  EXPECT_EQ(hours_left(opening, local_at(4, 20, 0)), std::nullopt);
  EXPECT_EQ(hours_left(opening, local_at(5, 12, 0)), std::nullopt);
}

TEST(Hours, BelongToTheDayOnWhichTheyBegin) {
  const auto night = hours_of({"Sun 22:00-06:00"});
  EXPECT_EQ(hours_left(night, local_at(6, 23, 0)), minutes{7 * 60});
  EXPECT_EQ(hours_left(night, local_at(0, 5, 0)), minutes{60});
  EXPECT_EQ(hours_left(night, local_at(6, 5, 0)), std::nullopt);
}

TEST(Hours, ThatTouchCountAsOneSpan) {
  EXPECT_EQ(hours_left(hours_of({"Mon 08:00-24:00", "Tue 00:00-01:00"}), local_at(0, 23, 0)), minutes{120});
  EXPECT_EQ(hours_left(hours_of({"daily 00:00-24:00"}), local_at(3, 3, 3)), minutes{7 * 24 * 60});
}

TEST(Hours, AreReadFromWhatPeopleWrite) {
  EXPECT_EQ(parse_hours("Fri-Mon 10:00-12:00")->days.to_string(), "1110001");
  EXPECT_EQ(parse_hours("Sat,Sun 22:00-06:00")->days.to_string(), "1100000");
  EXPECT_EQ(parse_hours("daily 22:00-06:00")->from, 22 * 60);
  for (const char* wrong :
       {"", "08:00-20:00", "mon 08:00-20:00", "Mon 8:00-20:00", "Mon 08:00-20:60", "Mon 24:00-25:00",
        "Mon- 08:00-20:00", "Mon,, 08:00-20:00", "Mon 08:00 20:00", "Mon 08:00-20:00 x"})
    EXPECT_FALSE(parse_hours(wrong)) << wrong;
}

}  // namespace
}  // namespace dray::core
