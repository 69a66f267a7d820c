// Times that the server computes for each site, through its store: M4 M5 M10 M11.
#include "core/schedule/explain.h"
#include "server/planned_fleet_testing.h"

namespace dray::server {
namespace {

using namespace testing_fleet;
using namespace std::chrono_literals;

constexpr std::uint64_t kImage = 60'000'000;
constexpr std::uint64_t kWan = 100'000, kLan = 1'000'000;  // 10 min over the WAN, 1 min to a device
constexpr Duration kDevice = 1min + 2min;                  // and the assumed installation

core::Interval span(Duration from, Duration to) { return {kNow + from, kNow + to}; }

// One site, one device; nights are from 22 to 5, devices may be interrupted from 2 to 4.
class Planning : public ::testing::Test, protected PlannedFleet {
 protected:
  void night_site(const std::string& name = "berlin", std::uint64_t wan = kWan) {
    site(name, nightly("22:00-05:00", "02:00-04:00"));
    device(name + "-1", name);
    rates(name, wan, kLan, {name + "-1"});
  }
  void open_site(const std::string& name = "berlin", std::uint64_t wan = kWan) {
    site(name);
    device(name + "-1", name);
    rates(name, wan, kLan, {name + "-1"});
  }
  // Rolled out and planned.
  RolloutId planned(core::Delivery delivery, Duration expires = 48h) {
    sha_ = release("2", kImage);
    const RolloutId id = start(rollout("2", delivery, expires));
    pass();
    return id;
  }
  Sha256 sha_;
};

TEST_F(Planning, ComputesTheUpdateTimeOfAPullFromBytesAndRates) {
  night_site();
  release("2", kImage);
  const RolloutId id = start(rollout("2", core::Delivery::kPull, 48h));
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 48h) << "nothing begins before there are times";
  EXPECT_EQ(job(id, "berlin-1").result.reason, "waiting_planning");
  EXPECT_EQ(core::describe(view(id).rollout, {now, view(id).counts}).reason, "waiting_planning");

  const auto changed = pass();
  ASSERT_EQ(changed.size(), 1u);
  const core::Assignment a = assignment("berlin");
  EXPECT_EQ(plan("berlin").revision, changed[0].revision);
  EXPECT_EQ(a.fetch, core::Fetch::kAtUpdateTime);
  EXPECT_EQ(a.planned_at, kNow + 2h);
  EXPECT_EQ(a.transfer, (core::Intervals{span(-2h, 5h), span(22h, 29h), span(46h, 48h)}));
  EXPECT_EQ(a.update, (core::Intervals{span(2h, 4h), span(26h, 28h)}));
  const auto got = times(id, "berlin");
  EXPECT_EQ(got.fetched_at, kNow + 2h + 10min);
  EXPECT_EQ(got.finish_at, kNow + 2h + 10min + kDevice);
  EXPECT_EQ(got.bytes, kImage);
  EXPECT_EQ(got.rate, kWan);
  EXPECT_EQ(got.misfit, "");
  EXPECT_EQ(view(id).rollout.terms.update_at, kNow + 2h);
  EXPECT_EQ(view(id).planning.finish_at, got.finish_at);
  EXPECT_TRUE(pass().empty()) << "a second look changes nothing";
}

TEST_F(Planning, ComputesBothTimesOfAPushAndTransmitsToEachSiteAtItsOwn) {
  night_site();
  night_site("lyon", 2 * kWan);
  const RolloutId id = planned(core::Delivery::kPush);
  for (const char* name : {"berlin", "lyon"}) {
    EXPECT_EQ(assignment(name).planned_at, kNow + 2h);
    EXPECT_EQ(assignment(name).fetch, core::Fetch::kHold);
  }
  const WallTime berlin = kNow + 2h - 1min - 10min, lyon = kNow + 2h - 1min - 5min;  // a minute of margin
  EXPECT_EQ(times(id, "berlin").transmit_at, berlin);
  EXPECT_EQ(times(id, "lyon").transmit_at, lyon);
  EXPECT_EQ(job(id, "lyon-1").result.until, lyon);
  EXPECT_EQ(must(store->pass_time(plan_type, now)).next, berlin);
  now = berlin - 1ms;
  pass();
  EXPECT_EQ(assignment("berlin").fetch, core::Fetch::kHold);
  now = berlin;
  pass();
  EXPECT_EQ(assignment("berlin").fetch, core::Fetch::kNow);
  EXPECT_EQ(assignment("lyon").fetch, core::Fetch::kHold);
  EXPECT_EQ(core::state_name(view(id).rollout.state), "running");
  EXPECT_EQ(must(store->pass_time(plan_type, now)).next, lyon);
  now = lyon;
  pass();
  EXPECT_EQ(assignment("lyon").fetch, core::Fetch::kNow);
}

TEST_F(Planning, APausedPushIsTransmittedWhenItIsResumed) {
  night_site();
  const RolloutId id = planned(core::Delivery::kPush);
  must(store->change_rollout(id, core::PauseAsked{"ines", ""}, plan_type, now, {}));
  now = kNow + 110min;
  pass();
  EXPECT_EQ(assignment("berlin").fetch, core::Fetch::kHold);
  must(store->change_rollout(id, core::ResumeAsked{"ines", ""}, plan_type, now, {}));
  pass();
  EXPECT_EQ(assignment("berlin").fetch, core::Fetch::kNow);
}

TEST_F(Planning, WindowsAreLocalTimeOfTheSiteAndBlackOutsCloseBoth) {
  auto rules = std::make_shared<core::ZoneRules>();
  rules->offset = 1h;
  zones = [rules](const std::string& name) -> Result<std::shared_ptr<const core::ZoneRules>> {
    EXPECT_EQ(name, "Europe/Berlin");
    return rules;
  };
  core::SiteWindows windows = nightly("", "02:00-04:00");
  windows.black_outs.push_back(must(core::parse_black_out("2026-11-24")));
  site("berlin", windows, 3, "Europe/Berlin");
  device("berlin-1", "berlin");
  const RolloutId id = planned(core::Delivery::kPull, 72h);
  const core::Assignment a = assignment("berlin");
  EXPECT_EQ(a.update, (core::Intervals{span(25h, 27h), span(49h, 51h)}));
  EXPECT_EQ(a.transfer, (core::Intervals{span(23h, 72h)}));
  EXPECT_EQ(a.planned_at, kNow + 25h);
  EXPECT_EQ(times(id, "berlin").misfit, "");
}

// A site without windows and without a budget: the plan is as it was before there was a planner.
TEST_F(Planning, GivenTimesStandAndNothingIsPublishedTwice) {
  open_site();
  sha_ = release("2", kImage);
  wire::NewRollout given = rollout("2", core::Delivery::kPull, 9h);
  given.terms = {.delivery = core::Delivery::kPull, .update_at = kNow + 2h, .expires_at = kNow + 9h};
  given.update = {span(2h, 5h)};
  const RolloutId id = start(given);
  const core::Plan before = plan("berlin");
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 2h);
  EXPECT_TRUE(pass().empty());
  EXPECT_EQ(plan("berlin"), before);
  EXPECT_EQ(times(id, "berlin").finish_at, kNow + 2h + 10min + kDevice);
}

TEST_F(Planning, GivenTimesKeepToTheWindowsOfTheSiteAndAMisfitIsSaid) {
  night_site();
  sha_ = release("2", kImage);
  wire::NewRollout given = rollout("2", core::Delivery::kPush, 4h);
  given.terms = {.delivery = core::Delivery::kPush,
                 .transmit_at = kNow + 230min,
                 .update_at = kNow + 1h,
                 .expires_at = kNow + 4h};
  const RolloutId id = start(given);
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 4h) << "its windows are not in the plan yet";
  pass();
  const core::Assignment a = assignment("berlin");
  EXPECT_EQ(a.planned_at, kNow + 1h);
  EXPECT_EQ(a.update, (core::Intervals{span(2h, 4h)}));
  const auto got = times(id, "berlin");
  EXPECT_EQ(got.misfit, "times_too_late");
  EXPECT_NE(got.sentence.find("it would fit if it began by Tue 2026-11-24 03:4"), std::string::npos)
      << got.sentence;
  const auto rollout = wire::encode(view(id));
  EXPECT_EQ(rollout.at("reason").as_string(), "times_too_late");
  EXPECT_NE(std::string{rollout.at("sentence").as_string()}.find("1 of 1 sites do not fit; berlin: "),
            std::string::npos);
}

TEST_F(Planning, WhatDoesNotFitSaysWhyAndStartsNothing) {
  site("berlin", nightly("", "02:00-02:02"));  // a device needs three minutes
  device("berlin-1", "berlin");
  rates("berlin", kWan, kLan, {"berlin-1"});
  const RolloutId id = planned(core::Delivery::kPull);
  const core::Assignment a = assignment("berlin");
  EXPECT_EQ(a.planned_at, a.expires_at);
  const auto got = times(id, "berlin");
  EXPECT_EQ(got.misfit, "window_too_short");
  EXPECT_EQ(got.update_at, std::nullopt);
  EXPECT_EQ(got.sentence,
            "Updating the devices needs 3 min, the update windows have 2 min before the expiry; it would fit "
            "with windows 1 min longer.");
  EXPECT_EQ(job(id, "berlin-1").result.reason, "window_too_short");
  EXPECT_EQ(job(id, "berlin-1").result.sentence, got.sentence);
  EXPECT_EQ(must(lists.site("berlin")).misfit, "window_too_short");

  wire::SitePatch longer;
  longer.update_windows = nightly("", "02:00-03:00").update;
  must(store->change_site("berlin", longer, {}));
  pass();
  EXPECT_EQ(times(id, "berlin").misfit, "");
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 2h);
  EXPECT_EQ(must(lists.site("berlin")).misfit, "");
}

TEST_F(Planning, TheEgressIsSharedAndNothingMayBeTransmittedOutsideOfTheShares) {
  egress.rate = BytesPerSecond{kWan};
  must(store->note_egress(to_text(egress), true));
  open_site("berlin");
  open_site("lyon");
  planned(core::Delivery::kPull);
  const auto berlin = plan("berlin"), lyon = plan("lyon");
  ASSERT_EQ(berlin.limits.wan.size(), 1u);
  ASSERT_EQ(lyon.limits.wan.size(), 1u);
  EXPECT_EQ(berlin.limits.wan[0], (core::RateLimit{kNow, kNow + 10min, kWan}));
  EXPECT_EQ(lyon.limits.wan[0], (core::RateLimit{kNow + 10min, kNow + 20min, kWan}));
  EXPECT_EQ(lyon.assignments[0].transfer, (core::Intervals{span(10min, 20min)}));
  EXPECT_EQ(lyon.assignments[0].planned_at, kNow + 10min);

  // A later rollout finds the egress as the earlier one has left it, and the line of its site too.
  release("3", kImage);
  const RolloutId next = start(rollout("3", core::Delivery::kPull, 48h));
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 48h);
  pass();
  EXPECT_EQ(times(next, "berlin").update_at, kNow + 20min);
  EXPECT_EQ(times(next, "lyon").update_at, kNow + 30min);
}

TEST_F(Planning, AnAbortGivesTheSharesBack) {
  egress.rate = BytesPerSecond{kWan};
  must(store->note_egress(to_text(egress), true));
  open_site();
  const RolloutId id = planned(core::Delivery::kPull);
  must(store->change_rollout(id, core::AbortAsked{"ines", ""}, plan_type, now, {}));
  EXPECT_TRUE(plan("berlin").limits.wan.empty());
  release("3", kImage);
  const RolloutId next = start(rollout("3", core::Delivery::kPull, 48h));
  pass();
  EXPECT_EQ(times(next, "berlin").update_at, kNow);
}

TEST_F(Planning, AtOneSiteRolloutsDoNotFetchAtTheSameTime) {
  open_site();
  planned(core::Delivery::kPull);
  release("3", kImage);
  const RolloutId next = start(rollout("3", core::Delivery::kPull, 48h));
  pass();
  EXPECT_EQ(times(next, "berlin").update_at, kNow + 10min);
}

TEST_F(Planning, OnlyTheBytesThatAreMissingCount) {
  open_site();
  sha_ = release("2", kImage);
  stored("berlin", sha_, kImage);
  const RolloutId id = start(rollout("2", core::Delivery::kPull, 48h));
  pass();
  EXPECT_EQ(times(id, "berlin").bytes, 0u);
  EXPECT_EQ(times(id, "berlin").finish_at, kNow + kDevice);
}

TEST_F(Planning, InstallTimesAreLearnedFromWhatDevicesTook) {
  open_site();
  sha_ = release("1", 10);
  const RolloutId first = start(rollout("1", core::Delivery::kPull, 2h));
  pass();
  const auto says = [&](const char* state) {
    wire::JobReport body;
    body.job = JobId{first.value() + "-berlin-1"};
    body.state = core::job_state_of(state).value();
    body.attempt = 1;
    report("berlin", {body});
  };
  says("installing");
  now += 7min;
  says("rebooting");
  now += 1min;
  says("succeeded");
  release("2", kImage);
  const RolloutId id = start(rollout("2", core::Delivery::kPull, 48h));
  pass();
  EXPECT_EQ(times(id, "berlin").finish_at, now + 10min + 1min + 8min);
}

TEST_F(Planning, APhaseGetsItsTimesWhenItBegins) {
  night_site();
  night_site("lyon");
  sha_ = release("2", kImage);
  wire::NewRollout asked = rollout("2", core::Delivery::kPush, 72h);
  asked.phases.resize(2);
  asked.phases[0].share = core::Passing{"site=berlin"};
  const RolloutId id = start(asked);
  pass();
  EXPECT_TRUE(times(id, "berlin").update_at);
  EXPECT_FALSE(times(id, "lyon").planned_at);
  EXPECT_TRUE(plan("lyon").assignments.empty());
  now += 6h;
  pass();
  wire::JobReport done;
  done.job = JobId{"r1-berlin-1"};
  done.state = core::JobState::kSucceeded;
  EXPECT_FALSE(report("berlin", {done}).changed.empty());
  pass();
  EXPECT_EQ(assignment("lyon").fetch, core::Fetch::kHold)
      << "the transmission of the first phase is none of its";
  EXPECT_EQ(times(id, "lyon").transmit_at, kNow + 26h - 11min);
}

TEST(EgressBudget, HasItsHours) {
  EgressBudget budget{
      BytesPerSecond{1'000}, {{core::parse_window("08:00-18:00").value(), BytesPerSecond{100}}}, "UTC"};
  const core::ZoneRules utc;
  const auto steps = budget_steps(budget, &utc, {kNow, kNow + 24h});
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].rate.count, 1'000u);
  EXPECT_EQ(steps[1].from, kNow + 8h);
  EXPECT_EQ(steps[1].rate.count, 100u);
  EXPECT_EQ(steps[2].from, kNow + 18h);
  EXPECT_EQ(steps[2].rate.count, 1'000u);
  EXPECT_EQ(to_text(budget), "1000 08:00-18:00=100 UTC");
  EXPECT_FALSE(EgressBudget{}.limited());
  EXPECT_TRUE(budget_steps(EgressBudget{}, &utc, {kNow, kNow + 24h}).empty());
  const auto least = budget_steps(budget, nullptr, {kNow, kNow + 24h});
  ASSERT_EQ(least.size(), 1u) << "nobody knows when its hours are";
  EXPECT_EQ(least[0].rate.count, 100u);
}

// --- planned again ---

TEST_F(Planning, ADriftOfAFifthMovesTheTimesALesserOneDoesNot) {
  night_site();
  const RolloutId id = planned(core::Delivery::kPush);
  rates("berlin", kWan * 9 / 10, kLan, {"berlin-1"});
  EXPECT_TRUE(pass().empty());
  EXPECT_EQ(times(id, "berlin").transmit_at, kNow + 109min);
  rates("berlin", kWan / 2, kLan, {"berlin-1"});
  pass();
  EXPECT_EQ(results.at(0).why, core::ReplanCause::kRateDrifted);
  EXPECT_EQ(times(id, "berlin").transmit_at, kNow + 99min);
}

TEST_F(Planning, WhatIsShortlyAheadIsNotMoved) {
  night_site();
  const RolloutId id = planned(core::Delivery::kPush);
  now = kNow + 109min - 14min;
  rates("berlin", kWan / 2, kLan, {"berlin-1"});
  pass();
  EXPECT_EQ(times(id, "berlin").transmit_at, kNow + 109min);
  EXPECT_EQ(times(id, "berlin").fetched_at, kNow + 129min) << "but it is known that it will be late";
}

TEST_F(Planning, LateJoinersAndMoreBytesAreCounted) {
  night_site();
  const RolloutId id = planned(core::Delivery::kPull);
  device("berlin-2", "berlin");
  pass();
  EXPECT_EQ(results.at(0).why, core::ReplanCause::kLateJoiner);
  EXPECT_EQ(works.at(0).devices.size(), 2u);
  EXPECT_EQ(assignment("berlin").jobs.size(), 2u);
  EXPECT_EQ(times(id, "berlin").update_at, kNow + 2h);
}

TEST_F(Planning, ADeferralOfTheSiteMovesTheTimesAndItsEndMovesThemBack) {
  night_site();
  const RolloutId id = planned(core::Delivery::kPull);
  const auto made = must(store->add_deferral(
      {.site = "berlin", .until = kNow + 6h, .by = "ines", .accept_expiry = false}, now, {}));
  pass();
  EXPECT_EQ(results.at(0).why, core::ReplanCause::kDeferred);
  EXPECT_EQ(times(id, "berlin").update_at, kNow + 26h);
  must(store->withdraw_deferral(made.made.id, now));
  pass();
  EXPECT_EQ(times(id, "berlin").update_at, kNow + 2h);

  // One that was asked for at the site.
  wire::DeferralReport there;
  there.deferral = {.id = "l1", .device = {}, .assignment = {}, .until = kNow + 7h, .by = "uwe", .why = ""};
  report("berlin", {there});
  pass();
  EXPECT_EQ(times(id, "berlin").update_at, kNow + 26h);
}

TEST_F(Planning, OtherWindowsOtherTimes) {
  night_site();
  const RolloutId id = planned(core::Delivery::kPull);
  wire::SitePatch later;
  later.update_windows = nightly("", "03:00-04:00").update;
  must(store->change_site("berlin", later, {}));
  pass();
  EXPECT_EQ(results.at(0).why, core::ReplanCause::kTermsChanged);
  EXPECT_EQ(times(id, "berlin").update_at, kNow + 3h);
  EXPECT_EQ(assignment("berlin").update, (core::Intervals{span(3h, 4h), span(27h, 28h)}));
}

TEST_F(Planning, WindowsThatChangeDuringAPauseHoldFromTheResumeOn) {
  night_site();
  planned(core::Delivery::kPull);
  must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", ""}, plan_type, now, {}));
  wire::SitePatch later;
  later.update_windows = nightly("", "03:00-04:00").update;
  must(store->change_site("berlin", later, {}));
  EXPECT_TRUE(must(lists.planning_due(now)).rollouts.empty());
  must(store->change_rollout(RolloutId{"r1"}, core::ResumeAsked{"ines", ""}, plan_type, now, {}));
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 48h) << "not by the old ones";
  pass();
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 3h);
}

// With a budget the shares end; a site that has not got its bytes by then gets new ones.
TEST_F(Planning, ASiteThatIsBehindGetsAnotherShare) {
  egress.rate = BytesPerSecond{kWan};
  must(store->note_egress(to_text(egress), true));
  open_site();
  const RolloutId id = planned(core::Delivery::kPull);
  EXPECT_EQ(must(lists.planning_due(now)).next, kNow + 10min);
  now = kNow + 10min;
  pass();
  EXPECT_EQ(results.at(0).why, core::ReplanCause::kBehind);
  EXPECT_EQ(plan("berlin").limits.wan.at(0), (core::RateLimit{now, now + 10min, kWan}));
  EXPECT_EQ(assignment("berlin").planned_at, kNow) << "it has begun";
  stored("berlin", sha_, kImage);
  pass();
  EXPECT_FALSE(results.at(0).planned) << "it has got them";
  EXPECT_TRUE(must(lists.planning_due(now + 2h)).rollouts.empty());
  EXPECT_EQ(times(id, "berlin").misfit, "");
}

TEST_F(Planning, AnotherBudgetIsACauseAndTheSameOneIsNot) {
  open_site();
  planned(core::Delivery::kPull);
  must(store->note_egress("0", false));
  pass();
  must(store->note_egress("0", false));
  EXPECT_TRUE(must(lists.planning_due(now)).rollouts.empty());
  must(store->note_egress("100", true));
  EXPECT_EQ(must(lists.planning_due(now)).rollouts.size(), 1u);
}

// --- what if ---

TEST_F(Planning, WhatIfSaysWhatWouldHappenAndStoresNothing) {
  night_site();
  site("lyon", nightly("", "02:00-02:02"));
  device("lyon-1", "lyon");
  release("2", kImage);
  const wire::NewRollout asked = rollout("2", core::Delivery::kPull, 48h);
  Scheduler scheduler{zones, egress, now};
  const auto if_made = must(lists.what_if(
      asked, must(core::parse_filter("", core::kDeviceFields)), plan_type,
      [&](const SiteWork& site) { return scheduler.when(site); }, now));
  const auto would = scheduler.plan(if_made.sites, {});
  EXPECT_TRUE(must(lists.rollouts({})).items.empty());
  EXPECT_TRUE(plan("berlin").assignments.empty());

  const RolloutId id = start(asked);
  pass();
  ASSERT_EQ(would.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    wire::SiteTimesView view{.site = if_made.sites[i].site, .devices = 1};
    describe(*would[i].planned, view);
    const auto is = times(id, view.site);
    EXPECT_EQ(view.update_at, is.update_at);
    EXPECT_EQ(view.finish_at, is.finish_at);
    EXPECT_EQ(view.bytes, is.bytes);
    EXPECT_EQ(view.sentence, is.sentence);
  }
}

// What a forecast is played from (docs/forecast.md).
TEST_F(Planning, WhatIfHasTheFactsOfItsDevices) {
  site("berlin");
  device("berlin-1", "berlin");
  device("berlin-2", "berlin");
  release("1", 500);
  const RolloutId first = start(rollout("1", core::Delivery::kPull, 48h), "name=berlin-1");
  wire::JobReport job;
  job.job = JobId{first.value() + "-berlin-1"};
  job.state = core::JobState::kSucceeded;
  job.attempt = 3;
  report("berlin", {job});
  rates("berlin", 1000, 9000, {"berlin-1", "berlin-2"});
  const Sha256 image = release("2", 700);
  stored("berlin", image, 700);
  Scheduler scheduler{zones, egress, now};
  const wire::ForecastRollout facts = must(lists.what_if(
      rollout("2", core::Delivery::kPush, 48h), must(core::parse_filter("", core::kDeviceFields)), plan_type,
      [&](const SiteWork& work) { return scheduler.when(work); }, now)).facts;
  EXPECT_EQ(facts.delivery, core::Delivery::kPush);
  EXPECT_EQ(facts.expires_at, kNow + 48h);
  ASSERT_EQ(facts.kinds.size(), 1u);
  EXPECT_EQ(facts.kinds[0].type, "till");
  EXPECT_NEAR(facts.kinds[0].failing, 2.0 / 3, 1e-9) << "two of three attempts";
  ASSERT_EQ(facts.sites.size(), 1u);
  const wire::ForecastSite& berlin = facts.sites[0];
  EXPECT_EQ(berlin.name, "berlin");
  EXPECT_EQ(berlin.wan.rate.count, 1000u);
  ASSERT_EQ(berlin.artifacts.size(), 1u);
  EXPECT_EQ(berlin.artifacts[0].bytes, 700u);
  EXPECT_EQ(berlin.artifacts[0].missing, 0u);
  ASSERT_EQ(berlin.devices.size(), 2u);
  EXPECT_EQ(berlin.devices[1].steps, (std::vector<std::vector<std::size_t>>{{0}}));
  EXPECT_EQ(berlin.devices[1].lan.rate.count, 9000u);
}

}  // namespace
}  // namespace dray::server
