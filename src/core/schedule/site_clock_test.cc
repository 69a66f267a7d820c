#include "core/schedule/site_clock.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

WallTime wall(int s) { return WallTime{seconds{1795557600 + s}}; }
SteadyTime steady(int s) { return SteadyTime{seconds{1000 + s}}; }

TEST(SiteClock, RunsOnTheOwnClockUntilTheServerIsHeard) {
  const SiteClock clock{wall(0), steady(0), {}};
  EXPECT_TRUE(clock.known());
  EXPECT_EQ(clock.now(steady(90)), wall(90));
  EXPECT_FALSE(clock.floor(steady(90))) << "an own clock that is wrong must not become the floor";
}

TEST(SiteClock, IsUnknownWithoutContactBelowTheFloor) {
  SiteClock clock{wall(-86400), steady(0), wall(0)};  // no RTC: it starts in the past
  EXPECT_FALSE(clock.known());
  EXPECT_EQ(clock.now(steady(10)), wall(10)) << "never below the floor";
  EXPECT_EQ(clock.floor(steady(10)), wall(0));
  clock.contact(wall(3600), steady(20));
  EXPECT_TRUE(clock.known());
  EXPECT_EQ(clock.now(steady(25)), wall(3605));
  EXPECT_EQ(clock.floor(steady(25)), wall(3605));
}

TEST(SiteClock, IsKnownAtOrAboveTheFloor) {
  EXPECT_TRUE((SiteClock{wall(0), steady(0), wall(0)}.known()));
  EXPECT_TRUE((SiteClock{wall(1), steady(0), wall(0)}.known()));
}

TEST(SiteClock, FollowsTheServerForwardsAndBackwards) {
  SiteClock clock{wall(5 * 3600), steady(0), wall(-60)};  // hours ahead
  EXPECT_TRUE(clock.known());
  clock.contact(wall(0), steady(1));
  EXPECT_EQ(clock.now(steady(1)), wall(0));
  clock.contact(wall(7200), steady(2));
  EXPECT_EQ(clock.now(steady(3)), wall(7201));
}

TEST(SiteClock, NeverGoesBackBelowTheFloor) {
  SiteClock clock{wall(0), steady(0), wall(0)};
  clock.contact(wall(-1000), steady(1));
  EXPECT_EQ(clock.now(steady(1)), wall(0));
  clock.contact(wall(500), steady(2));
  clock.contact(wall(100), steady(3));
  EXPECT_EQ(clock.now(steady(3)), wall(500));
}

// A server whose clock was thirty days ahead for a moment has raised the floor of every gateway.
TEST(SiteClock, AFloorThatIsDaysAheadFollowsTwoWordsOfTheServerThatAgree) {
  SiteClock clock{wall(0), steady(0), wall(30 * 86400)};
  EXPECT_FALSE(clock.contact(wall(10), steady(10)));
  EXPECT_EQ(clock.now(steady(10)), wall(30 * 86400));
  EXPECT_TRUE(clock.contact(wall(65), steady(65)));
  EXPECT_EQ(clock.now(steady(65)), wall(65));
  EXPECT_EQ(clock.floor(steady(65)), wall(65));
}

TEST(SiteClock, AFloorThatIsADayAheadStays) {
  SiteClock clock{wall(0), steady(0), wall(86400)};
  for (int s = 0; s < 600; s += 60) EXPECT_FALSE(clock.contact(wall(s), steady(s)));
  EXPECT_EQ(clock.now(steady(600 - 60)), wall(86400));
}

// An old answer that a cache has kept says the same whenever it is asked.
TEST(SiteClock, WordsThatDoNotAgreeMoveNoFloor) {
  SiteClock clock{wall(0), steady(0), wall(30 * 86400)};
  for (int s = 0; s < 6000; s += 60) EXPECT_FALSE(clock.contact(wall(7), steady(s))) << s;
  EXPECT_FALSE(clock.contact(wall(6000), steady(6000)));
  EXPECT_FALSE(clock.contact(wall(6002), steady(6002))) << "at one instant both may be old";
  EXPECT_TRUE(clock.contact(wall(6060), steady(6060)));
}

TEST(SiteClock, AnOwnClockFarAheadDoesNotOutliveItsMistake) {
  SiteClock wrong{wall(0) + hours{24 * 3650}, steady(0), wall(0)};
  EXPECT_EQ(wrong.floor(steady(100)), wall(0));
  wrong.contact(wall(60), steady(200));
  EXPECT_EQ(wrong.now(steady(200)), wall(60));
}

TEST(SiteClock, AnEarlierSteadyTimeIsNoStepBack) {
  const SiteClock clock{wall(0), steady(10), {}};
  EXPECT_EQ(clock.now(steady(0)), wall(0));
}

}  // namespace
}  // namespace dray::core
