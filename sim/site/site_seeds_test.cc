// Whole updates in bad weather: each seed has its own power cuts of the gateway and the devices, broken and
// lost requests and answers, and partitions. DRAY_SIM_SEED=17 replays one, with its trace.
#include <gtest/gtest.h>

#include <cstdlib>

#include "sim/site/site_world.h"

namespace dray::sim {
namespace {

using namespace std::chrono_literals;

#ifdef DRAY_SANITIZED
constexpr std::uint64_t kSeeds = 10;
#else
constexpr std::uint64_t kSeeds = 300;
#endif
constexpr Duration kStorm{120'000};

class Storm {
 public:
  Storm(SiteWorld& site, std::uint64_t seed)
      : site_{site}, world_{site.world()}, random_{SimRandom{seed}.fork("storm")} {
    for (Node* node : {&site.gateway(), &site.device("duo"), &site.device("solo")})
      for (std::uint64_t n = random_.uniform(4); n > 0; --n)
        world_.after(random_.up_to(60s), [node] { node->power_off(); });
    site.cut_at([this](Node&, std::uint64_t, const std::string&) {
      if (!blows() || !random_.one_in(150)) return Power::kStays;
      return random_.one_in(2) ? Power::kLostBefore : Power::kLostAfter;
    });
    world_.network().on_request(
        [this](const std::string&, const std::string&, const HttpRequest&) { return fault(); });
    for (std::uint64_t n = random_.uniform(3); n > 0; --n) partition("server");
    for (std::uint64_t n = random_.uniform(2); n > 0; --n) partition("duo");
  }

 private:
  bool blows() const { return world_.now().time_since_epoch() < kStorm; }

  Fault fault() {
    if (!blows() || !random_.one_in(12)) return {};
    site_.excuse_windows(1);
    const auto kind = static_cast<Fault::Kind>(1 + random_.uniform(4));
    return {kind, random_.uniform(200'000)};
  }

  void partition(const std::string& other) {
    const Duration begin = random_.up_to(60s), length = random_.up_to(40s);
    world_.after(begin, [this, other] {
      site_.excuse_windows(1);
      world_.network().partition("gw", other);
    });
    world_.after(begin + length, [this, other] { world_.network().heal("gw", other); });
  }

  SiteWorld& site_;
  World& world_;
  SimRandom random_;
};

void run_seed(std::uint64_t seed, bool echo) {
  SCOPED_TRACE("replay with DRAY_SIM_SEED=" + std::to_string(seed));
  SiteWorld site{seed,
                 {.delivery = seed % 2 == 0 ? core::Delivery::kPull : core::Delivery::kPush, .echo = echo}};
  Storm storm{site, seed};
  const auto ran = site.run(40h);
  ASSERT_TRUE(ran) << ran.error().message();
  EXPECT_EQ(site.wrong(), std::vector<std::string>{}) << site.world().trace().tail();
}

TEST(SiteSeeds, InAnyStormEveryDeviceIsUpdatedInTheEnd) {
  if (const char* seed = std::getenv("DRAY_SIM_SEED")) return run_seed(std::stoull(seed), true);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    run_seed(seed, false);
    if (HasFailure()) FAIL() << "at seed " << seed;
  }
}

}  // namespace
}  // namespace dray::sim
