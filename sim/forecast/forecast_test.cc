#include "sim/forecast/forecast.h"

#include <gtest/gtest.h>

#include "sim/forecast/site_play.h"

namespace dray::sim::forecast {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 12 / 1}};

wire::ForecastRollout rollout(int devices, std::uint64_t bytes, std::uint64_t wan) {
  wire::ForecastRollout out;
  out.expires_at = kStart + 24h;
  out.kinds = {{"till", {60s}, 0}};
  wire::ForecastSite site;
  site.name = "berlin";
  site.update_at = kStart;
  site.wan = {BytesPerSecond{wan}, BytesPerSecond{wan}, 0};
  site.artifacts = {{bytes, bytes}};
  for (int i = 0; i < devices; ++i) {
    wire::ForecastDevice device;
    device.steps = {{0}};
    device.lan = {BytesPerSecond{10'000'000}, BytesPerSecond{10'000'000}, 0};
    site.devices.push_back(device);
  }
  out.sites = {site};
  return out;
}
Duration took(const wire::ForecastRollout& asked, std::uint64_t seed = 1) {
  const auto outcome = play(asked, asked.sites[0], seed);
  EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().message());
  EXPECT_TRUE(outcome && outcome->finish_at);
  return outcome && outcome->finish_at ? *outcome->finish_at - kStart : Duration{0};
}

// A GiB at 1 MiB/s takes 1024 s, however it is scaled; then the devices ask within five minutes, and install in one.
TEST(Forecast, ALargeFileTakesTheTimeThatItsLineNeeds) {
  const Duration time = took(rollout(2, 1 << 30, 1 << 20));
  EXPECT_GE(time, 1024s + 60s);
  EXPECT_LE(time, 1024s * 11 / 10 + 60s + 7min);
  EXPECT_GT(took(rollout(2, 1 << 30, 1 << 19)), time + 900s) << "half the rate";
}

TEST(Forecast, WhatTheGatewayHasIsNotFetchedAgain) {
  auto asked = rollout(2, 1 << 30, 1 << 20);
  asked.sites[0].artifacts[0].missing = 0;
  EXPECT_LE(took(asked), 110s + 60s + 7min);
}

TEST(Forecast, KeepsToWindowsAndShares) {
  auto asked = rollout(1, 1 << 30, 4 << 20);
  asked.sites[0].transfer = {{kStart, kStart + 2min}, {kStart + 3h, kStart + 6h}};
  EXPECT_GE(took(asked), 3h + 2min);
  asked.sites[0].transfer.clear();
  asked.sites[0].shares = {{kStart, kStart + 24h, 1 << 20}};
  EXPECT_GE(took(asked), 1024s);
}

TEST(Forecast, KeepsToTheCapsOfTheSite) {
  auto asked = rollout(1, 1 << 30, 4 << 20);
  asked.sites[0].wan_caps = {{kStart, kStart + 24h, 1 << 20}};
  EXPECT_GE(took(asked), 1024s + 60s);
  asked.sites[0].wan_caps.clear();
  asked.sites[0].lan_caps = {{kStart, kStart + 24h, 1 << 20}};
  EXPECT_GE(took(asked), 256s + 1024s + 60s);
}

TEST(Forecast, PushIsSentAtItsTimeAndInstalledAtItsOwn) {
  auto asked = rollout(2, 100 << 20, 1 << 20);
  asked.delivery = core::Delivery::kPush;
  asked.sites[0].transmit_at = kStart;
  asked.sites[0].update_at = kStart + 4h;
  const Duration time = took(asked);
  EXPECT_GE(time, 4h + 60s);
  EXPECT_LE(time, 4h + 60s + 8min);
}

TEST(Forecast, DevicesThatOftenFailTakeLongerAndMayNotEndInTime) {
  auto asked = rollout(8, 1 << 20, 1 << 20);
  const Duration well = took(asked);
  asked.kinds[0].failing = 0.6;
  EXPECT_GT(took(asked), well);
  asked.kinds[0].failing = 1;
  const auto never = play(asked, asked.sites[0], 1);
  ASSERT_TRUE(never.has_value()) << never.error().message();
  EXPECT_FALSE(never->finish_at);
  EXPECT_EQ(never->updated, 0);
}

TEST(Forecast, SaysTheFinishOfEachSiteAndOfAllWithItsSpreadAndTheSameForTheSameSeed) {
  auto asked = rollout(3, 64 << 20, 1 << 20);
  asked.sites.push_back(asked.sites[0]);
  asked.sites[1].name = "lyon";
  asked.sites[0].wan.spread = asked.sites[1].wan.spread = 0.4;
  std::size_t told = 0;
  const auto once = forecast(asked, {.runs = 6}, [&](std::size_t done, std::size_t all) {
    told = done;
    EXPECT_EQ(all, 12u);
  });
  ASSERT_TRUE(once.has_value()) << once.error().message();
  EXPECT_EQ(told, 12u);
  ASSERT_EQ(once->sites.size(), 2u);
  EXPECT_EQ(once->in_time, 1);
  ASSERT_TRUE(once->finish.tenth && once->finish.ninetieth);
  EXPECT_LT(*once->finish.tenth, *once->finish.ninetieth);
  EXPECT_NE(once->sites[0].finish.median, once->sites[1].finish.median) << "each site has its own draws";
  const auto again = forecast(asked, {.runs = 6}, {});
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(wire::to_text(encode(*once)), wire::to_text(encode(*again)));
}

TEST(Forecast, OfManySitesItPlaysTheLastOnesAndSome) {
  auto asked = rollout(0, 1, 1);
  const wire::ForecastSite site = asked.sites[0];
  asked.sites.clear();
  for (int i = 0; i < 100; ++i) {
    asked.sites.push_back(site);
    asked.sites.back().name = "s" + std::to_string(i);
    asked.sites.back().finish_at = kStart + i * 1min;
  }
  asked.sites[3].update_at.reset();  // nothing starts there
  const auto some = forecast(asked, {.runs = 1, .most_sites = 10}, {});
  ASSERT_TRUE(some.has_value());
  EXPECT_EQ(some->sites_of_plan, 99u);
  ASSERT_EQ(some->sites.size(), 10u);
  EXPECT_EQ(some->sites.front().site, "s0");
  EXPECT_EQ(some->sites.back().site, "s99");
  EXPECT_EQ(some->sites[5].site, "s95");
}

TEST(Forecast, ItsFileIsReadAsItIsWrittenAndRefusedByTheMemberThatIsWrong) {
  auto asked = rollout(2, 1000, 500);
  asked.sites[0].shares = {{kStart, kStart + 1h, 77}};
  asked.sites[0].transfer = {{kStart, kStart + 1h}};
  const std::string text = wire::to_text(wire::encode(asked));
  const auto read = wire::decode_forecast(text);
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(wire::to_text(wire::encode(*read)), text);
  asked.sites[0].devices[1].steps = {{1}};
  const auto wrong = wire::decode_forecast(wire::to_text(wire::encode(asked)));
  ASSERT_FALSE(wrong.has_value());
  EXPECT_NE(wrong.error().message().find("sites[0].devices[1].steps[0][0]"), std::string::npos) << wrong.error().message();
  asked.sites[0].devices.clear();
  asked.kinds[0].failing = 2;
  EXPECT_NE(wire::decode_forecast(wire::to_text(wire::encode(asked))).error().message().find("kinds[0].failing"), std::string::npos);
}

// A share is as long as a site was expected to need; one whose line is slower gets more.
TEST(Forecast, ASiteThatIsBehindItsShareGetsMore) {
  auto asked = rollout(1, 1 << 30, 1 << 20);
  auto& site = asked.sites[0];
  site.wan.rate = BytesPerSecond{1 << 19};  // half of what the share was for
  site.shares = {{kStart, kStart + 18min, 1 << 20}};
  site.transfer = {{kStart, kStart + 18min}};
  const auto never = play(asked, site, 1);
  ASSERT_TRUE(never.has_value());
  EXPECT_FALSE(never->finish_at) << "as a plan that nobody makes anew";
  site.later = {{kStart, kStart + 20min}, {kStart + 2h, kStart + 5h}};
  EXPECT_GE(took(asked), 2h + 10min) << "in its windows";
  EXPECT_LE(took(asked), 2h + 30min);
}

// Where nothing may be transmitted, as a plan says it, and nothing starts.
TEST(Forecast, FactsOfASiteWithoutAnIntervalAreRead) {
  auto asked = rollout(1, 1 << 20, 1 << 20);
  asked.sites[0].update_at.reset();
  asked.sites[0].transfer = asked.sites[0].update = {{kStart, kStart}};
  const auto again = wire::decode_forecast(wire::to_text(wire::encode(asked)));
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_EQ(again->sites[0].transfer, asked.sites[0].transfer);
  EXPECT_TRUE(forecast(*again, {}, {}).has_value());
}

}  // namespace
}  // namespace dray::sim::forecast
