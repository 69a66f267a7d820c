#include "core/schedule/install_times.h"

#include <gtest/gtest.h>

#include <chrono>

#include "core/schedule/deferral.h"

namespace dray::core {
namespace {

using namespace std::chrono_literals;

TEST(InstallTimes, OfASiteAreItsSlowOnes) {
  InstallTimes times{{"berlin", {2min, 3min, 4min, 9min}}};
  EXPECT_EQ(InstallEstimates{times}.at("berlin"), 9min);
  EXPECT_EQ(InstallEstimates{InstallTimes{}}.at("berlin"), Duration{kAssumedInstall});
}

TEST(InstallTimes, OfASiteThatIsNewAreTheMedianOfTheOthers) {
  const InstallTimes times{{"a", {3min}}, {"b", {5min}}, {"c", {20min}}};
  EXPECT_EQ(InstallEstimates{times}.at("new"), 5min);
  EXPECT_EQ(InstallEstimates{times}.at("c"), 20min);
}

TEST(InstallTimes, BeyondADayAreAClockThatWasSet) {
  const InstallTimes times{{"berlin", {24h * 200, -1h, 0s, 4min}}};
  EXPECT_EQ(InstallEstimates{times}.at("berlin"), 4min);
  EXPECT_EQ(InstallEstimates{times}.at("new"), 4min);
}

// One site says what it likes, as often as it likes.
TEST(InstallTimes, OfOneSiteNeverSpoilThoseOfOthers) {
  for (const Duration lie : {Duration{1}, Duration{23h}})
    for (std::size_t honest = 0; honest < 12; ++honest) {
      InstallTimes times;
      for (std::size_t i = 0; i < honest; ++i) times["site-" + std::to_string(i)] = {4min, 5min + i * 10s};
      const InstallTimes without = times;
      times["liar"] = std::vector<Duration>(1'000, lie);
      for (const std::string site : {"site-0", "new"}) {
        const Duration now = InstallEstimates{times}.at(site), before = InstallEstimates{without}.at(site);
        EXPECT_LE(now, before * 10) << site << " beside " << honest;
        EXPECT_GE(now, before / 25) << site << " beside " << honest;
        if (honest >= 3) {
          EXPECT_LE(std::chrono::abs(now - before), 20s) << site << " beside " << honest;
        }
      }
      EXPECT_EQ(far_off(times, "liar").has_value(), honest >= 2);
      EXPECT_FALSE(far_off(times, "site-0")) << honest;
      if (honest < 2) continue;
      for (const Duration one : likely_times(times)) EXPECT_LE(one, 50min);
    }
}

}  // namespace
}  // namespace dray::core
