#include "core/schedule/window.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace dray::core {
namespace {

using namespace std::chrono;

WallTime instant(const char* text) { return parse_rfc3339(text).value(); }
Window window(const char* text) { return parse_window(text).value(); }
BlackOut black_out(const char* text) { return parse_black_out(text).value(); }

// Berlin in 2026: +2 h from 29 March 01:00 UTC, +1 h from 25 October 01:00 UTC.
ZoneRules berlin() {
  return {
      "Europe/Berlin",
      hours{1},
      {{sys_days{2026y / 3 / 29} + hours{1}, hours{2}}, {sys_days{2026y / 10 / 25} + hours{1}, hours{1}}}};
}

std::string shown(const Intervals& intervals) {
  std::string out;
  for (const Interval& i : intervals)
    out += (out.empty() ? "" : " ") + to_rfc3339(i.from) + "/" + to_rfc3339(i.to);
  return out;
}

std::string resolved(const char* text, const char* from, const char* to) {
  return shown(resolve({{window(text)}, {}}, berlin(), {instant(from), instant(to)}));
}

TEST(Windows, AreTheSitesWallTimeNotUtc) {
  EXPECT_EQ(resolved("02:00-04:00", "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z"),
            "2026-01-10T01:00:00Z/2026-01-10T03:00:00Z");
  EXPECT_EQ(resolved("02:00-04:00", "2026-07-10T00:00:00Z", "2026-07-11T00:00:00Z"),
            "2026-07-10T00:00:00Z/2026-07-10T02:00:00Z");
}

TEST(Windows, OverMidnightBelongToTheDayOnWhichTheyBegin) {
  // 2026-11-27 is a Friday; the window of Friday goes into Saturday, none begins on Saturday.
  EXPECT_EQ(resolved("Mon-Fri 22:00-05:00", "2026-11-27T12:00:00Z", "2026-11-29T12:00:00Z"),
            "2026-11-27T21:00:00Z/2026-11-28T04:00:00Z");
  EXPECT_EQ(resolved("Sun 23:00-01:00", "2026-11-29T12:00:00Z", "2026-11-30T12:00:00Z"),
            "2026-11-29T22:00:00Z/2026-11-30T00:00:00Z");
}

TEST(Windows, ThatTouchOrOverlapBecomeOne) {
  EXPECT_EQ(shown(resolve({{window("00:00-24:00")}, {}}, berlin(),
                          {instant("2026-11-20T00:00:00Z"), instant("2026-11-30T00:00:00Z")})),
            "2026-11-20T00:00:00Z/2026-11-30T00:00:00Z");
  EXPECT_EQ(shown(resolve({{window("01:00-03:00"), window("02:00-04:00")}, {}}, berlin(),
                          {instant("2026-11-20T00:00:00Z"), instant("2026-11-21T00:00:00Z")})),
            "2026-11-20T00:00:00Z/2026-11-20T03:00:00Z");
}

TEST(Windows, NoneIsAlwaysAndThatIsWrittenOut) {
  EXPECT_EQ(shown(resolve({}, berlin(), {instant("2026-11-20T00:00:00Z"), instant("2026-11-21T00:00:00Z")})),
            "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z");
}

TEST(Windows, BeginAtTheJumpWhereTheClockSkipsTheirBegin) {
  EXPECT_EQ(resolved("02:30-04:00", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            "2026-03-29T01:00:00Z/2026-03-29T02:00:00Z");
  EXPECT_EQ(resolved("01:00-02:30", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            "2026-03-29T00:00:00Z/2026-03-29T01:00:00Z");
  EXPECT_EQ(resolved("02:15-02:45", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"), "")
      << "the clock never shows it on that day";
}

TEST(Windows, ArePermittedTwiceWhereTheClockShowsThemTwice) {
  EXPECT_EQ(resolved("01:00-04:00", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
            "2026-10-24T23:00:00Z/2026-10-25T03:00:00Z")
      << "an hour longer";
  EXPECT_EQ(resolved("02:30-04:00", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
            "2026-10-25T00:30:00Z/2026-10-25T01:00:00Z 2026-10-25T01:30:00Z/2026-10-25T03:00:00Z");
  EXPECT_EQ(resolved("01:00-02:30", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
            "2026-10-24T23:00:00Z/2026-10-25T00:30:00Z 2026-10-25T01:00:00Z/2026-10-25T01:30:00Z");
}

TEST(Windows, BlackOutsCoverLocalDatesWhole) {
  const Calendar calendar{{window("22:00-05:00")}, {black_out("2026-12-24..2026-12-25")}};
  EXPECT_EQ(shown(resolve(calendar, berlin(), {instant("2026-12-23T12:00:00Z"), instant("2026-12-26T12:00:00Z")})),
            "2026-12-23T21:00:00Z/2026-12-23T23:00:00Z 2026-12-25T23:00:00Z/2026-12-26T04:00:00Z")
      << "the window of the 23rd ends at midnight; of the one that began on the 25th only the 26th is left";
  EXPECT_EQ(shown(resolve({{}, {black_out("2026-12-24")}}, berlin(),
                          {instant("2026-12-24T00:00:00Z"), instant("2026-12-24T20:00:00Z")})),
            "");
}

TEST(Windows, ASpanThatIsNoneGivesNothing) {
  EXPECT_TRUE(resolve({}, berlin(), {instant("2026-12-24T00:00:00Z"), instant("2026-12-23T00:00:00Z")}).empty());
  EXPECT_EQ(resolve({}, berlin(), {WallTime::min(), WallTime::max()}).size(), 1U);
}

TEST(Windows, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(window("Mon-Fri 22:00-05:00"), (Window{0x1f, hours{22}, hours{5}}));
  EXPECT_EQ(window("Fri-Mon 08:30-24:00"), (Window{0x71, minutes{510}, hours{24}}));
  EXPECT_EQ(window("02:00-04:00"), (Window{kEveryDay, hours{2}, hours{4}}));
  EXPECT_EQ(window("Sat 22:00-00:00"), (Window{0x20, hours{22}, hours{24}}));
  for (const char* bad :
       {"", "Mon", "Mon 22-05", "Foo 22:00-05:00", "Mon- 22:00-05:00", "24:00-05:00", "22:00-24:01",
        "22:60-23:00", "22:00-05:00 ", "Mon,22:00-05:00", "Mon  22:00-05:00", "-1:00-05:00"})
    EXPECT_FALSE(parse_window(bad)) << bad;
  EXPECT_EQ(to_text(black_out("2026-12-24..2027-01-02")), "2026-12-24..2027-01-02");
  EXPECT_EQ(to_text(black_out("2026-12-24")), "2026-12-24");
  for (const char* bad : {"", "2026-02-30", "2026-12-24..", "2026-12-24..2026-12-23", "24.12.2026"})
    EXPECT_FALSE(parse_black_out(bad)) << bad;
}

TEST(Windows, EveryWindowIsReadBackAsItWasWritten) {
  EXPECT_TRUE(rc::check([] {
    const Window w{static_cast<std::uint8_t>(*rc::gen::inRange(1, 128)), minutes{*rc::gen::inRange(0, 1440)},
                   minutes{*rc::gen::inRange(1, 1441)}};
    RC_ASSERT(parse_window(to_text(w)).value() == w);
  }));
}

// The whole meaning, once more and by other means: every minute, the wall clock is read.
bool shows(const Calendar& calendar, const ZoneRules& zone, WallTime t) {
  const auto clock = t.time_since_epoch() + offset_at(zone, t);
  const local_days today{floor<days>(clock)};
  const auto time = clock - today.time_since_epoch();
  for (const BlackOut& b : calendar.black_outs)
    if (b.first <= today && today <= b.last) return false;
  for (const Window& w : calendar.windows) {
    const auto on = [&](local_days day) {
      return (w.weekdays >> (weekday{day}.iso_encoding() - 1) & 1) != 0;
    };
    const bool over_midnight = w.to <= w.from;
    if (on(today) && time >= w.from && (over_midnight || time < w.to)) return true;
    if (over_midnight && on(today - days{1}) && time < w.to) return true;
  }
  return calendar.windows.empty();
}

TEST(Windows, PermitExactlyWhatTheWallClockShows) {
  EXPECT_TRUE(rc::check([] {
    Calendar calendar;
    for (int n = *rc::gen::inRange(0, 4); n > 0; --n)
      calendar.windows.push_back({static_cast<std::uint8_t>(*rc::gen::inRange(0, 128)),
                                  minutes{*rc::gen::inRange(0, 1440)}, minutes{*rc::gen::inRange(1, 1441)}});
    const auto day =
        *rc::gen::element(sys_days{2026y / 3 / 29}, sys_days{2026y / 10 / 25}, sys_days{2026y / 6 / 1});
    for (int n = *rc::gen::inRange(0, 2); n > 0; --n) {
      const local_days first{day.time_since_epoch() + days{*rc::gen::inRange(-2, 3)}};
      calendar.black_outs.push_back({first, first + days{*rc::gen::inRange(0, 2)}});
    }
    const ZoneRules zone = berlin();
    const Intervals got = resolve(calendar, zone, {day - days{2}, day + days{2}});
    for (std::size_t i = 1; i < got.size(); ++i) RC_ASSERT(got[i - 1].to < got[i].from);
    std::size_t next = 0;
    for (WallTime t = day - days{2}; t < day + days{2}; t += minutes{1}) {
      while (next < got.size() && got[next].to <= t) ++next;
      const bool permitted = next < got.size() && got[next].from <= t;
      RC_ASSERT(permitted == shows(calendar, zone, t));
    }
  }));
}

}  // namespace
}  // namespace dray::core
