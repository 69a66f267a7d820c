#include "core/schedule/rate.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

const WallTime kEvening = parse_rfc3339("2026-11-24T21:40:00Z").value();
constexpr std::uint64_t kMega = 1'000'000;

RateSample sample(std::uint64_t rate, WallTime at, Duration took = kRatePiece, bool capped = false) {
  return {rate * static_cast<std::uint64_t>(took.count()) / 1000, took, at, capped};
}

std::optional<LinkRate> estimate(const RateHistory& history, WallTime now) {
  const auto hours = history.hours(now);
  return estimate_rate(hours, hour_of_week(now), now);
}

double ratio(std::uint64_t a, std::uint64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

TEST(Rate, TheHourOfTheWeekBeginsOnMondayInUtc) {
  EXPECT_EQ(hour_of_week(kEvening), 45);  // the example of docs/gateway-api.md
  EXPECT_EQ(hour_of_week(parse_rfc3339("2026-11-23T00:00:00Z").value()), 0);
  EXPECT_EQ(hour_of_week(parse_rfc3339("2026-11-22T23:59:59Z").value()), 167);
  EXPECT_EQ(hour_of_week(parse_rfc3339("1969-12-31T23:00:00Z").value()), 71);  // a Wednesday
}

TEST(Rate, ALinkNeverMeasuredHasNoEstimate) { EXPECT_FALSE(estimate(RateHistory{}, kEvening)); }

TEST(Rate, ConvergesToTheTrueRateWithItsLowPercentile) {
  RateHistory history;
  for (int i = 0; i < 200; ++i) history.add(sample(i % 5 == 0 ? kMega / 2 : kMega, kEvening));
  const auto rate = estimate(history, kEvening);
  ASSERT_TRUE(rate);
  EXPECT_NEAR(ratio(rate->value, kMega), 1, 0.01);
  EXPECT_NEAR(ratio(rate->low, kMega / 2), 1, 0.01);
  EXPECT_NEAR(rate->spread(), 0.5, 0.01);
  EXPECT_EQ(rate->percentile, 10);
  EXPECT_NEAR(rate->samples, 200, 0.01);
  EXPECT_EQ(rate->newest, kEvening);
  EXPECT_EQ(rate->scope, RateScope::kHour);
  EXPECT_FALSE(rate->assumed);
  EXPECT_FALSE(rate->capped);
}

TEST(Rate, FewSamplesShowNoSpreadSoLessIsPlannedWith) {
  RateHistory history;
  history.add(sample(kMega, kEvening));
  EXPECT_NEAR(ratio(estimate(history, kEvening)->low, kMega), 0.7, 0.01);
  for (int i = 0; i < 20; ++i) history.add(sample(kMega, kEvening));
  EXPECT_NEAR(ratio(estimate(history, kEvening)->low, kMega), 1, 0.01);
}

TEST(Rate, AnHourWithTooLittleAsksItsNeighboursThenTheWholeWeek) {
  RateHistory history;
  for (int i = 0; i < 10; ++i) history.add(sample(8 * kMega, kEvening - 72h));
  EXPECT_EQ(estimate(history, kEvening)->scope, RateScope::kWeek);
  EXPECT_NEAR(ratio(estimate(history, kEvening)->value, 8 * kMega), 1, 0.01);
  for (int i = 0; i < 10; ++i) history.add(sample(4 * kMega, kEvening - 2h));
  EXPECT_EQ(estimate(history, kEvening)->scope, RateScope::kNeighbours);
  EXPECT_NEAR(ratio(estimate(history, kEvening)->value, 4 * kMega), 1, 0.01);
  for (int i = 0; i < 10; ++i) history.add(sample(2 * kMega, kEvening));
  EXPECT_EQ(estimate(history, kEvening)->scope, RateScope::kHour);
  EXPECT_NEAR(ratio(estimate(history, kEvening)->value, 2 * kMega), 1, 0.01);
}

TEST(Rate, SundayNightIsANeighbourOfMondayMorning) {
  const WallTime monday = parse_rfc3339("2026-11-23T00:30:00Z").value();
  RateHistory history;
  for (int i = 0; i < 10; ++i) history.add(sample(kMega, monday - 1h));
  EXPECT_EQ(estimate(history, monday)->scope, RateScope::kNeighbours);
}

TEST(Rate, ForgetsWithItsHalfLife) {
  RateHistory history;
  for (int i = 0; i < 100; ++i) history.add(sample(kMega, kEvening));
  const WallTime later = kEvening + kRateHalfLife;
  EXPECT_EQ(hour_of_week(later), hour_of_week(kEvening));
  EXPECT_NEAR(estimate(history, later)->samples, 50, 0.01);
  // Sixty new ones outweigh a hundred that are a half-life old; forty do not.
  RateHistory fewer = history;
  for (int i = 0; i < 40; ++i) fewer.add(sample(9 * kMega, later));
  EXPECT_NEAR(ratio(estimate(fewer, later)->value, kMega), 1, 0.01);
  for (int i = 0; i < 60; ++i) history.add(sample(9 * kMega, later));
  EXPECT_NEAR(ratio(estimate(history, later)->value, 9 * kMega), 1, 0.01);
  EXPECT_NEAR(estimate(history, later)->samples, 110, 0.01);
  // What nobody has measured for years is not known any more.
  EXPECT_FALSE(estimate(history, later + kRateHalfLife * 16));
}

TEST(Rate, UnderACapItIsTheCapsAndMarkedAndNeverPullsTheLinksOwnDown) {
  RateHistory history;
  for (int i = 0; i < 50; ++i) history.add(sample(kMega / 10, kEvening, kRatePiece, true));
  EXPECT_TRUE(estimate(history, kEvening)->capped);
  EXPECT_NEAR(ratio(estimate(history, kEvening)->value, kMega / 10), 1, 0.01);
  // One sample of the link itself, in whatever hour, is worth more.
  history.add(sample(kMega, kEvening - 72h));
  const auto before = estimate(history, kEvening);
  EXPECT_FALSE(before->capped);
  EXPECT_NEAR(ratio(before->value, kMega), 1, 0.01);
  for (int i = 0; i < 1000; ++i) history.add(sample(kMega / 100, kEvening, kRatePiece, true));
  EXPECT_EQ(estimate(history, kEvening), before);
}

TEST(Rate, AThousandTinyBodiesDoNotOutvoteALongOne) {
  RateHistory history;
  for (int i = 0; i < 100; ++i) history.add(sample(kMega, kEvening));
  for (int i = 0; i < 1000; ++i) history.add(sample(50 * kMega, kEvening, Duration{50}));
  EXPECT_NEAR(ratio(estimate(history, kEvening)->value, kMega), 1, 0.01);
}

TEST(Rate, APriorIsTheMedianOfMeasuredSiblingsAndSaysSo) {
  const LinkRate prior = assume_rate({5 * kMega, kMega, 2 * kMega}, PriorOf::kTypeAtSite);
  EXPECT_EQ(prior.value, 2 * kMega);
  EXPECT_EQ(prior.low, kMega);
  EXPECT_TRUE(prior.assumed);
  EXPECT_EQ(prior.samples, 0);
  EXPECT_EQ(describe_rate(prior, kEvening), "assumed from 3 devices of the same type here");
  EXPECT_EQ(describe_rate(assume_rate({kMega}, PriorOf::kSites), kEvening), "assumed from 1 other site");
  EXPECT_LE(assume_rate({9, 9, 9}, PriorOf::kType).low, 4u);  // alike so far; nobody knows of this one
  EXPECT_EQ(assume_rate({}, PriorOf::kSites), guess_rate(true));
  EXPECT_EQ(describe_rate(guess_rate(false), kEvening), "assumed: nothing like it was ever measured");
}

TEST(Rate, IsToldToPeopleInBitsWithItsAge) {
  EXPECT_EQ(human_rate(740'000), "5.92 Mbit/s");
  EXPECT_EQ(human_rate(125), "1.00 kbit/s");
  EXPECT_EQ(human_rate(12'500'000), "100 Mbit/s");
  EXPECT_EQ(human_rate(2'000'000), "16.0 Mbit/s");
  EXPECT_EQ(human_rate(0), "0 bit/s");
  RateHistory history;
  for (int i = 0; i < 214; ++i) history.add(sample(740'000, kEvening - 14min));
  EXPECT_EQ(describe_rate(*estimate(history, kEvening), kEvening), "measured 14 min ago from 214 samples");
  RateHistory capped;
  capped.add(sample(740'000, kEvening - 3h, kRatePiece, true));
  EXPECT_EQ(describe_rate(*estimate(capped, kEvening), kEvening), "measured 3 h ago from 1 sample, under a cap");
}

TEST(Rate, WhatIsPutBackIsWhatWasKeptAndNonsenseIsDropped) {
  RateHistory history;
  for (int i = 0; i < 20; ++i) history.add(sample(kMega + static_cast<std::uint64_t>(i) * 70'000, kEvening));
  RateHistory again;
  for (const auto& [key, cell] : history.cells()) again.put(key, cell);
  EXPECT_EQ(again.hours(kEvening), history.hours(kEvening));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  again.put({168, false}, history.cells().begin()->second);
  again.put({3, false},
            {kEvening,
             kEvening,
             1,
             {{-1, {1, 1}}, {200, {1, 1}}, {5, {nan, 1}}, {6, {1, nan}}, {7, {-1, 1}}, {8, {1, 99}}}});
  EXPECT_EQ(again.hours(kEvening), history.hours(kEvening));
}

// --- properties ---

TEST(RateProperty, TheEstimateLiesAmongItsSamplesAndLowIsNoHigher) {
  EXPECT_TRUE(rc::check([] {
    const auto rates = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(
        rc::gen::inRange<std::uint64_t>(1'000, 1'000'000'000)));
    RateHistory history;
    WallTime at = kEvening;
    for (const auto rate : rates) {
      at += std::chrono::minutes{*rc::gen::inRange(0, 300)};
      history.add(sample(rate, at, Duration{*rc::gen::inRange(100, 60'000)}));
    }
    const auto got = estimate(history, at);
    RC_ASSERT(got.has_value());
    const auto [least, most] = std::minmax_element(rates.begin(), rates.end());
    RC_ASSERT(got->low <= got->value);
    RC_ASSERT(ratio(got->value, *most) < 1.01);
    RC_ASSERT(ratio(got->value, *least) > 0.99);
    RC_ASSERT(ratio(got->low, *least) > 0.69);
  }));
}

TEST(RateProperty, OneOutlierDoesNotMoveItMuch) {
  EXPECT_TRUE(rc::check([] {
    const auto rate = *rc::gen::inRange<std::uint64_t>(100'000, 100'000'000);
    RateHistory history;
    const int n = *rc::gen::inRange(5, 50);
    for (int i = 0; i < n; ++i)
      history.add(sample(rate * static_cast<std::uint64_t>(*rc::gen::inRange(90, 110)) / 100, kEvening));
    const auto before = estimate(history, kEvening);
    history.add(sample(*rc::gen::element<std::uint64_t>(rate * 1000, rate / 1000), kEvening,
                       Duration{*rc::gen::inRange(50, 3'600'000)}));
    RC_ASSERT(std::abs(ratio(estimate(history, kEvening)->value, before->value) - 1) < 0.2);
  }));
}

TEST(RateProperty, CappedSamplesNeverPullTheLinksOwnEstimateDown) {
  EXPECT_TRUE(rc::check([] {
    RateHistory own, mixed;
    const auto n = *rc::gen::inRange(1, 100);
    for (int i = 0; i < n; ++i) {
      const auto one =
          sample(*rc::gen::inRange<std::uint64_t>(1'000, 1'000'000'000), kEvening + std::chrono::minutes{i * 17});
      own.add(one);
      mixed.add(one);
      RateSample capped = one;
      capped.bytes = capped.bytes / 10 + 1;
      capped.capped = true;
      mixed.add(capped);
    }
    const WallTime now = kEvening + std::chrono::minutes{n * 17};
    RC_ASSERT(estimate(mixed, now) == estimate(own, now));
  }));
}

TEST(RateProperty, TotalOverNonsense) {
  EXPECT_TRUE(rc::check([] {
    RateHistory history;
    const auto samples =
        *rc::gen::container<std::vector<std::tuple<std::uint64_t, std::int64_t, std::int64_t, bool>>>(
            rc::gen::tuple(rc::gen::arbitrary<std::uint64_t>(), rc::gen::arbitrary<std::int64_t>(),
                           rc::gen::inRange<std::int64_t>(-1'000'000'000'000'000, 1'000'000'000'000'000),
                           rc::gen::arbitrary<bool>()));
    for (const auto& [bytes, took, at, capped] : samples)
      history.add({bytes, Duration{took}, WallTime{Duration{at}}, capped});
    const WallTime now{
        Duration{*rc::gen::inRange<std::int64_t>(-1'000'000'000'000'000, 1'000'000'000'000'000)}};
    for (const HourRate& h : history.hours(now)) {
      RC_ASSERT((h.hour >= 0 && h.hour < kHoursOfWeek));
      RC_ASSERT((h.low > 0 && h.low <= h.value));
    }
    if (const auto got = estimate(history, now)) RC_ASSERT((got->low > 0 && got->low <= got->value));
  }));
  // Also of what came over the wire: no value, fewer samples than none, from another age.
  std::vector<HourRate> strange{{7, 0, 9, 3, kEvening, kEvening, false},
                                {7, 5, 900, -3, kEvening, kEvening, false},
                                {900, 5, 9, 2, WallTime::max(), WallTime::min(), false}};
  EXPECT_FALSE(estimate_rate(strange, 7, kEvening));
  strange.push_back({-4, 5, 900, 3, WallTime::max(), WallTime::max(), true});  // low above the value
  const auto got = estimate_rate(strange, 7, kEvening);
  ASSERT_TRUE(got);
  EXPECT_LE(got->low, got->value);
  EXPECT_FALSE(describe_rate(*got, kEvening).empty());
}

// What one site says, as often as it likes, of however many links.
TEST(Rates, OfOneSiteDoNotDecideForAnother) {
  for (const PriorOf prior : {PriorOf::kSites, PriorOf::kType})
    for (const std::uint64_t lie : {std::uint64_t{1}, std::uint64_t{100'000'000'000}})
      for (std::int64_t honest = 0; honest < 25; ++honest) {
        const LinkRate guess = guess_rate(prior == PriorOf::kSites);
        std::map<std::int64_t, std::vector<std::uint64_t>> all;
        for (std::int64_t i = 0; i < honest; ++i) all[i] = {4 * kMega, 5 * kMega, 6 * kMega};
        all[honest] = std::vector<std::uint64_t>(200, lie);
        const LinkRate out = assume_rate_of_sites(all, prior);
        EXPECT_TRUE(out.assumed);
        EXPECT_GE(out.low, honest >= 2 ? 5 * kMega / 2 : guess.value / 20) << honest;
        EXPECT_LE(out.value, honest >= 2 ? 5 * kMega : guess.value * 10) << honest;
      }
  EXPECT_EQ(assume_rate_of_sites({}, PriorOf::kType), guess_rate(false));
}

}  // namespace
}  // namespace dray::core
