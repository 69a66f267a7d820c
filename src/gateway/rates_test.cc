// The two transmission rates, measured by the real gateway (M5, M11): a WAN and a LAN of known rate, in a
// time that passes at once.
#include "gateway/rates.h"

#include "gateway/testing/world.h"

namespace dray::gateway::testing_world {
namespace {

constexpr std::uint64_t kMega = 1'000'000;

class RatesOf : public testing::Test, protected World {
 protected:
  RatesOf() {
    clock.freeze();
    server.pass = [this](Duration time) { clock.leap += time; };
    server.wan_rate = kMega;
  }
  // A plan with one job for one device; its artifact of `size` bytes is fetched at once.
  core::Artifact plan_fetch(std::size_t size, int devices = 1) {
    plan_for(devices);
    return add_fetch("r1", size);
  }
  core::Artifact add_fetch(const std::string& rollout, std::size_t size) {
    std::string bytes(size, 'x');
    bytes.replace(0, rollout.size(), rollout);
    const core::Artifact artifact = server.add_artifact(
        bytes, "os", "2.0-" + rollout, static_cast<std::int64_t>(server.plan.artifacts.size()) + 31);
    core::Assignment assignment = server.plan.assignments[0];
    assignment.id = AssignmentId{rollout + "-site"};
    assignment.rollout = RolloutId{rollout};
    assignment.jobs.clear();
    for (const auto& device : server.plan.devices)
      assignment.jobs.push_back(
          {JobId{rollout + "-" + device.name.value()}, device.name, {{artifact.sha256}}});
    if (rollout == "r1") server.plan.assignments.clear();
    server.plan.assignments.push_back(assignment);
    return artifact;
  }
  void cap(std::vector<core::RateLimit>& limits, std::uint64_t rate) {
    limits = {{wall() - 1h, wall() + 240h, rate}};
  }
  bool stored(const core::Artifact& artifact) {
    const auto path = folder() + "/data/" + Blobs::path_of(artifact.sha256);
    return until([&] { return std::filesystem::exists(path); });
  }
  std::optional<wire::RateReport> told(const std::string& link, bool capped = false) const {
    return server.newest<wire::RateReport>(
        [&](const auto& r) { return r.link == link && r.capped == capped; });
  }
  std::optional<wire::RateReport> wait_told(const std::string& link, bool capped = false) {
    EXPECT_TRUE(until([&] { return told(link, capped).has_value(); })) << link;
    return told(link, capped);
  }
  static double of(std::uint64_t rate, std::uint64_t expected) {
    return static_cast<double>(rate) / static_cast<double>(expected);
  }
  // The device takes the whole file.
  void download(const std::string& device = "dev-1") {
    Sent sent;
    sent.device = device;
    const std::string id = wait_link("deploymentBase", device);
    const auto file = "/softwaremodules/" + std::to_string(server.plan.artifacts[0].module_id) +
                      "/artifacts/os%20image.img";
    EXPECT_EQ(get(file, sent).body.size(), server.plan.artifacts[0].size) << id;
  }
};

TEST_F(RatesOf, M9_ADeferralIsMeasuredAgainstTheRatesThatWereSeen) {
  server.wan_rate = 1'000;
  const auto first = plan_fetch(100'000);
  start();
  ASSERT_TRUE(stored(first));
  wait_told("wan");
  add_fetch("r2", 5 * kMega);  // 5,000 s by what was measured, 5 s by what is assumed where nothing was
  core::Assignment& second = server.plan.assignments.back();
  second.planned_at = wall() + 10min;
  second.expires_at = wall() + 2h;
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().find_job(JobId{"r2-dev-1"}) != nullptr; }));
  const auto wish = [&](WallTime until) {
    return local(Method::kPost, "/api/v1/deferrals",
                 R"({"device":null,"assignment":"r2-site","until":")" + to_rfc3339(until) + R"(","by":"ines","why":""})");
  };
  const Answer refused = wish(wall() + 1h);
  ASSERT_EQ(refused.status, 409) << refused.body;
  const auto latest = parse_rfc3339(std::string_view{refused.json().at("latest_possible").as_string()});
  ASSERT_TRUE(latest);
  EXPECT_GT(*latest, wall() + 20min);
  EXPECT_LT(*latest, wall() + 40min);
  EXPECT_EQ(wish(*latest).status, 201);
}

TEST_F(RatesOf, TheFirstIsMeasuredByFetchingAndReported) {
  plan_fetch(12 * kMega);
  start();
  const auto rate = wait_told("wan");
  ASSERT_TRUE(rate);
  EXPECT_NEAR(of(rate->rate, kMega), 1, 0.05);
  EXPECT_LE(rate->low, rate->rate);
  EXPECT_TRUE(rate->device.empty());
  EXPECT_GE(rate->samples, 1);
  EXPECT_LT(rate->age, 60);
  EXPECT_FALSE(rate->assumed);
  EXPECT_FALSE(gateway().rates().wan().assumed);
}

TEST_F(RatesOf, AFetchThatIsCutAndResumedIsMeasuredWithoutTheTimeBetween) {
  server.cut_after = 4 * kMega;
  server.on_cut = [this] { clock.leap += 20min; };
  const auto artifact = plan_fetch(9 * kMega);
  start();
  ASSERT_TRUE(stored(artifact));
  ASSERT_EQ(server.ranges[artifact.sha256.hex()].size(), 2u);
  const auto rate = gateway().rates().wan();
  EXPECT_NEAR(of(rate.value, kMega), 1, 0.05);
  EXPECT_NEAR(of(rate.low, kMega), 0.7, 0.05) << "few samples, none of them slow";
}

TEST_F(RatesOf, UnderACapOfThePlanItIsTheCapsAndMarkedAndDoesNotPullTheLinksOwnDown) {
  server.wan_rate = 16 * kMega;
  plan_fetch(kMega * 3 / 4);
  cap(server.plan.limits.wan, kMega);
  const SteadyTime began = clock.steady();
  start();
  const auto capped = wait_told("wan", true);
  ASSERT_TRUE(capped);
  EXPECT_GE(clock.steady() - began, Duration{600}) << "0.75 MB at 1 MB/s; the last piece needs no wait";
  EXPECT_NEAR(of(capped->rate, kMega), 1, 0.2);
  EXPECT_TRUE(gateway().rates().wan().capped);
  server.wan_rate = 4 * kMega;
  server.plan.limits.wan.clear();
  add_fetch("r2", 20 * kMega);
  server.publish();
  ASSERT_TRUE(wait_told("wan"));
  EXPECT_NEAR(of(gateway().rates().wan().value, 4 * kMega), 1, 0.1);
  EXPECT_FALSE(gateway().rates().wan().capped);
}

TEST_F(RatesOf, ALinkBelowItsCapIsMeasuredAsItIs) {
  plan_fetch(6 * kMega);
  cap(server.plan.limits.wan, 3 * kMega);
  start();
  const auto rate = wait_told("wan");
  ASSERT_TRUE(rate);
  EXPECT_NEAR(of(rate->rate, kMega), 1, 0.05);
}

TEST_F(RatesOf, TheSecondIsMeasuredForEachDevice) {
  plan_fetch(6 * kMega, 2);
  start();
  EXPECT_TRUE(gateway().rates().devices().at(DeviceId{"dev-1"}).assumed);
  lan_rate = 2 * kMega;
  download();
  const auto rate = wait_told("lan");
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->device.value(), "dev-1");
  EXPECT_NEAR(of(rate->rate, 2 * kMega), 1, 0.05);
  // The other one was never measured: it has the prior of its type, marked.
  const auto other = gateway().rates().devices().at(DeviceId{"dev-2"});
  EXPECT_TRUE(other.assumed);
  EXPECT_EQ(other.prior, core::PriorOf::kTypeAtSite);
  EXPECT_NEAR(of(other.value, 2 * kMega), 1, 0.05);
}

TEST_F(RatesOf, ACapOfTheLanIsKeptAndItsRateMarked) {
  plan_fetch(2 * kMega);
  cap(server.plan.limits.lan, kMega / 2);
  start();
  lan_rate = 20 * kMega;
  (void)wait_link("deploymentBase");
  const SteadyTime began = clock.steady();
  download();
  EXPECT_GE(clock.steady() - began, Duration{3'600});
  const auto rate = wait_told("lan", true);
  ASSERT_TRUE(rate);
  EXPECT_NEAR(of(rate->rate, kMega / 2), 1, 0.15);
}

TEST_F(RatesOf, ARestartKeepsThemAndADocumentThatCanNotBeReadHarmsNothing) {
  plan_fetch(12 * kMega);
  start();
  ASSERT_TRUE(wait_told("wan"));
  ASSERT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
  const auto before = gateway().rates().wan();
  stop();
  {
    auto store = adapters::GatewayStore::open({.path = folder() + "/gateway.db"});
    ASSERT_TRUE(store);
    const std::vector<Writes> nonsense{{Write::put(kind::kRate, "wan/7", "[7"),
                                        Write::put(kind::kRate, "lan/x", R"({"hour": 7, "own": 3})")}};
    ASSERT_TRUE((*store)->commit(nonsense));
  }
  start();
  const auto after = gateway().rates().wan();
  EXPECT_EQ(after.value, before.value);
  EXPECT_EQ(after.newest, before.newest);
  // And a resync tells them again.
  server.reports.clear();
  server.resync = true;
  gateway().site().report(gateway().site().storage_report());
  EXPECT_TRUE(wait_told("wan"));
}

TEST_F(RatesOf, AreReportedWhenTheyChangeNotWithEverySample) {
  server.wan_rate = kMega / 10;
  core::Artifact artifact = plan_fetch(kMega);
  start();
  for (int i = 1; i <= 8; ++i) {  // how many samples each gives depends on how the machine keeps up
    ASSERT_TRUE(stored(artifact)) << i;
    artifact = add_fetch("r" + std::to_string(i + 1), kMega);
    server.publish();
  }
  ASSERT_TRUE(stored(artifact));
  ASSERT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
  const auto count = std::count_if(server.reports.begin(), server.reports.end(), [](const wire::Report& r) {
    return std::holds_alternative<wire::RateReport>(r.body);
  });
  EXPECT_LE(count, 6) << "of nine transfers with about eighteen samples";
  EXPECT_GE(count, 1);
  EXPECT_GT(gateway().rates().wan().samples, static_cast<double>(count) + 0.5) << "each sample was told";
}

// --- probes ---

class Probes : public RatesOf {
 protected:
  // One job, to be updated in three hours.
  void plan_later() {
    server.wan_rate = kMega / 4;
    plan_fetch(kMega);
    core::Assignment& assignment = server.plan.assignments[0];
    assignment.planned_at = wall() + 3h;
    assignment.expires_at = wall() + 24h;
  }
  std::int64_t probes() const {
    return std::count_if(server.requests.begin(), server.requests.end(),
                         [](const std::string& r) { return r.starts_with("GET /gateway/v1/probe"); });
  }
  // Lets time pass in small steps, and the gateway do what it wants to.
  void let_pass(Duration time) {
    for (Duration step{0}; step < time; step += 1min) {
      clock.leap += 1min;
      int turns = 0;
      std::ignore = until([&] { return ++turns > 12; });
    }
  }
};

TEST_F(Probes, TheWanIsProbedOnceWhereAJobWillNeedItAndNothingFreshIsKnown) {
  plan_later();
  start();
  ASSERT_TRUE(until([&] { return gateway().site().jobs().size() == 1; }));
  let_pass(35min);
  ASSERT_EQ(probes(), 1) << "128 KiB took half a second: enough";
  const auto rate = wait_told("wan");
  ASSERT_TRUE(rate);
  EXPECT_NEAR(of(rate->rate, kMega / 4), 1, 0.2);
  EXPECT_LE(server.body_bytes, 1'200'000u);
  let_pass(60min);
  EXPECT_EQ(probes(), 1);
}

TEST_F(Probes, AQuickWanIsAskedForMoreButNotForMuch) {
  plan_later();
  server.wan_rate = kMega;
  start();
  let_pass(35min);
  EXPECT_EQ(probes(), 2);
  EXPECT_NEAR(of(gateway().rates().wan().value, kMega), 1, 0.1);
  EXPECT_LE(server.body_bytes, 1'200'000u);
}

TEST_F(Probes, NothingIsProbedOutsideTheTransferIntervals) {
  plan_later();
  server.plan.assignments[0].transfer = {{wall() + 1h, wall() + 2h}};
  start();
  let_pass(58min);
  EXPECT_EQ(probes(), 0);
  let_pass(35min);
  EXPECT_EQ(probes(), 1);
}

TEST_F(Probes, NothingIsProbedWithoutAJobOrWhereAFetchWillMeasureSoon) {
  plan_later();
  server.plan.assignments[0].planned_at = wall() + 9min;
  start();
  let_pass(8min);
  EXPECT_EQ(probes(), 0);
  server.plan.assignments.clear();
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().jobs().empty(); }));
  let_pass(60min);
  EXPECT_EQ(probes(), 0);
}

}  // namespace
}  // namespace dray::gateway::testing_world
