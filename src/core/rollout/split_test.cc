// Every device in exactly one phase, no phase empty by accident, and always the same ones.
#include "core/rollout/split.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <numeric>

namespace dray::core {
namespace {

PhaseTerms taking(Share share) {
  PhaseTerms out;
  out.share = std::move(share);
  return out;
}
constexpr Percent whole_percent(int n) { return Percent{n * 100}; }

std::vector<Candidate> fleet(std::size_t n, std::string_view salt = "till/2") {
  std::vector<Candidate> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i].place = place_in_queue(salt, "till-" + std::to_string(i));
  return out;
}

std::vector<std::int64_t> sizes(const std::vector<PhaseTerms>& phases,
                                const std::vector<Candidate>& devices) {
  const auto of = split(phases, devices);
  if (!of) return {};
  std::vector<std::int64_t> out(phases.size());
  for (const std::size_t p : *of) ++out.at(p);
  return out;
}

std::string error(const std::vector<PhaseTerms>& phases, const std::vector<Candidate>& devices) {
  const auto of = split(phases, devices);
  return of ? "" : of.error().message();
}

using Sizes = std::vector<std::int64_t>;

TEST(Split, SharesOfHundredPercentAreAllDevices) {
  const std::vector<PhaseTerms> thirds{taking(Percent{3333}), taking(Percent{3333}), taking(Percent{3334})};
  EXPECT_EQ(sizes(thirds, fleet(100)), (Sizes{33, 34, 33}));
  EXPECT_EQ(sizes(thirds, fleet(1'000)), (Sizes{333, 334, 333}));
  EXPECT_EQ(sizes({taking(whole_percent(5)), taking(whole_percent(25)), taking(WhatIsLeft{})}, fleet(812)),
            (Sizes{41, 203, 568}));
}

TEST(Split, ASmallShareIsOneDeviceAndALargeOneLeavesOneForTheNext) {
  EXPECT_EQ(sizes({taking(Percent{1}), taking(WhatIsLeft{})}, fleet(10)), (Sizes{1, 9}));
  EXPECT_EQ(sizes({taking(whole_percent(99)), taking(whole_percent(1))}, fleet(4)), (Sizes{3, 1}));
}

TEST(Split, PhasesTakeInTheirOrderWhatTheEarlierOnesLeft) {
  auto devices = fleet(20);
  for (std::size_t i = 0; i < 6; ++i) devices[i].passes = 0b011;  // of the first and the second
  for (std::size_t i = 6; i < 9; ++i) devices[i].passes = 0b010;
  const std::vector<PhaseTerms> phases{taking(Passing{"a"}), taking(Passing{"b"}), taking(DeviceCount{5}),
                                       taking(WhatIsLeft{})};
  EXPECT_EQ(sizes(phases, devices), (Sizes{6, 3, 5, 6}));
}

TEST(Split, APhaseThatWouldGetNoDeviceIsNamed) {
  EXPECT_EQ(error({taking(whole_percent(50)), taking(whole_percent(30)), taking(WhatIsLeft{})}, fleet(2)),
            "phases[2]: no device is left for it: the rollout has 2 for 3 phases");
  EXPECT_EQ(error({taking(Passing{"site=lab"}), taking(WhatIsLeft{})}, fleet(2)),
            "phases[0]: filter: no device passes it that the release fits and no earlier phase has");
  EXPECT_EQ(error({taking(DeviceCount{7}), taking(WhatIsLeft{})}, fleet(7)),
            "phases[1]: no device is left for it: the rollout has 7 for 2 phases");
}

TEST(Split, DevicesThatNoPhaseTakesAreSaid) {
  EXPECT_EQ(
      error({taking(whole_percent(10)), taking(whole_percent(40))}, fleet(10)),
      "phases[1]: 5 of 10 devices are in no phase: say no share for the last one, and it takes what is left");
}

TEST(Split, ADeviceThatNothingFitsFillsNoPhase) {
  auto devices = fleet(4);
  devices[0].fits = false;
  devices[1].fits = false;
  devices[1].passes = 0b01;
  EXPECT_NE(error({taking(Passing{"x"}), taking(WhatIsLeft{})}, devices), "");
  devices[2].passes = 0b01;
  const auto of = split(std::vector{taking(Passing{"x"}), taking(WhatIsLeft{})}, devices);
  ASSERT_TRUE(of);
  EXPECT_EQ(*of, (std::vector<std::size_t>{1, 0, 0, 1}));
}

TEST(Split, ARolloutThatFitsNobodyHasNoEmptyPhase) {
  auto devices = fleet(3);
  for (auto& d : devices) d.fits = false;
  EXPECT_EQ(sizes({taking(whole_percent(50)), taking(WhatIsLeft{})}, devices), (Sizes{0, 3}));
}

TEST(Split, TheQueueIsTheSameForOneReleaseAndAnotherForTheNext) {
  const auto first = [](std::string_view salt) {
    return *split(std::vector{taking(whole_percent(10)), taking(WhatIsLeft{})}, fleet(100, salt));
  };
  EXPECT_EQ(first("till/2"), first("till/2"));
  EXPECT_NE(first("till/2"), first("till/3"));
}

TEST(Split, ASampleComesFromAllSites) {
  // 10 % of 2,000 devices at 20 sites: no site is left out of the sample, none makes up half of it.
  std::vector<Candidate> devices;
  for (int site = 0; site < 20; ++site)
    for (int i = 0; i < 100; ++i)
      devices.push_back(
          {place_in_queue("r/1", "s" + std::to_string(site) + "-" + std::to_string(i)), 0, true});
  const auto of = *split(std::vector{taking(whole_percent(10)), taking(WhatIsLeft{})}, devices);
  for (std::size_t site = 0; site < 20; ++site) {
    const auto begin = of.begin() + static_cast<std::ptrdiff_t>(site * 100);
    const auto sampled = std::count(begin, begin + 100, 0u);
    EXPECT_GT(sampled, 0) << site;
    EXPECT_LT(sampled, 100) << site;
  }
}

// Whatever the phases and the fleet are: an error that names a phase; or each device is in one phase, each
// phase has a device, and the order in which the server reads its devices does not matter.
TEST(Split, GivesEachDeviceOnePhaseAndEachPhaseADevice) {
  rc::check([] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 200);
    const auto count = *rc::gen::inRange<std::size_t>(1, 7);
    std::vector<PhaseTerms> phases;
    std::int64_t left = kWhole;
    for (std::size_t i = 0; i < count; ++i) {
      const bool last = i + 1 == count;
      switch (*rc::gen::inRange(0, last ? 4 : 3)) {
        case 0: {
          const auto p = *rc::gen::inRange<std::int64_t>(1, kWhole);
          phases.push_back(taking(Percent{std::max<std::int64_t>(1, std::min(p, left))}));
          left -= p;
          break;
        }
        case 1:
          phases.push_back(taking(DeviceCount{*rc::gen::inRange<std::int64_t>(1, 60)}));
          break;
        case 2:
          phases.push_back(taking(Passing{"x"}));
          break;
        default:
          phases.push_back(taking(WhatIsLeft{}));
      }
    }
    auto devices = fleet(n);
    for (auto& d : devices) {
      d.passes = *rc::gen::inRange<std::uint64_t>(0, 1U << count);
      d.fits = *rc::gen::inRange(0, 10) != 0;
    }
    const auto of = split(phases, devices);
    if (!of) {
      RC_ASSERT(of.error().message().starts_with("phases["));
      return;
    }
    RC_ASSERT(of->size() == n);
    std::vector<std::int64_t> filled(count);
    bool fits_some = false;
    for (std::size_t i = 0; i < n; ++i) {
      RC_ASSERT((*of)[i] < count);
      if (devices[i].fits) ++filled[(*of)[i]];
      fits_some = fits_some || devices[i].fits;
    }
    if (fits_some)
      for (const auto devices_of_phase : filled) RC_ASSERT(devices_of_phase > 0);

    std::vector<Candidate> turned(devices.rbegin(), devices.rend());
    const auto again = split(phases, turned);
    RC_ASSERT(bool{again});
    RC_ASSERT(std::equal(of->rbegin(), of->rend(), again->begin(), again->end()));
  });
}

TEST(Split, PercentagesOfHundredAddUpToEveryDevice) {
  rc::check([] {
    const auto n = *rc::gen::inRange<std::size_t>(20, 3'000);
    std::vector<PhaseTerms> phases;
    std::int64_t left = kWhole;
    while (left > 0 && phases.size() < 9) {
      const auto p = *rc::gen::inRange<std::int64_t>(1, left + 1);
      phases.push_back(taking(Percent{p}));
      left -= p;
    }
    if (left > 0) phases.push_back(taking(Percent{left}));
    const auto filled = sizes(phases, fleet(n));
    RC_ASSERT(filled.size() == phases.size());
    RC_ASSERT(std::accumulate(filled.begin(), filled.end(), std::int64_t{0}) == static_cast<std::int64_t>(n));
  });
}

}  // namespace
}  // namespace dray::core
