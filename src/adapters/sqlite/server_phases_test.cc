// Phases in the store: what is in which plan when, what counts, what an operator may ask.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "adapters/sqlite/server_store_testing.h"
#include "schema/server.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

core::PhaseTerms first_phase(core::Share share) {
  core::PhaseTerms out;
  out.share = std::move(share);
  out.success = core::Percent{5000};
  out.failure = core::DeviceCount{2};
  return out;
}

// Ten tills in Berlin and ten in Lyon.
class Phases : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    for (int i = 10; i < 30; ++i)
      add_device("t-" + std::to_string(i), i % 2 == 0 ? "berlin" : "lyon", "till");
  }
  server::Made make(std::vector<core::PhaseTerms> phases, core::Delivery delivery = core::Delivery::kPull,
                    const std::string& filter = "name~t-*") {
    wire::NewRollout rollout{.release_name = "tills", .release_version = "2", .filter = filter};
    rollout.terms = {.delivery = delivery, .update_at = kNow, .expires_at = kNow + 9h};
    if (delivery == core::Delivery::kPush) rollout.terms.transmit_at = kNow + 1h;
    rollout.phases = std::move(phases);
    const auto parsed = must(core::parse_filter(filter, core::kDeviceFields));
    return must(store->add_rollout(rollout, parsed, plan_type, kNow, {}));
  }
  // Berlin first; then Lyon, after an hour; then nobody else is left, but late joiners.
  server::Made make_by_site(core::Delivery delivery = core::Delivery::kPull) {
    auto berlin = first_phase(core::Passing{"site=berlin"});
    berlin.soak = std::chrono::hours{1};
    core::PhaseTerms lyon;
    return make({berlin, lyon}, delivery);
  }
  std::vector<std::string> jobs(const std::string& site) {
    std::vector<std::string> out;
    for (const auto& assignment : must(store->load_plan(site)).assignments)
      for (const auto& job : assignment.jobs) out.push_back(job.id.value());
    return out;
  }
  void reports(const std::string& site, const std::vector<std::string>& ids, const std::string& state,
               std::int64_t attempt = 1) {
    std::vector<wire::Report> all;
    for (const auto& id : ids) all.push_back(job_report(1, ++seq_, id, state, attempt));
    report(site, std::move(all));
  }
  void ask(const core::RolloutEvent& event, WallTime now = kNow) {
    changed = must(store->change_rollout(RolloutId{"r1"}, event, plan_type, now, {})).changed;
  }
  std::string refused(const core::RolloutEvent& event, WallTime now = kNow) {
    const auto done = store->change_rollout(RolloutId{"r1"}, event, plan_type, now, {});
    return done ? "" : done.error().message();
  }
  void pass(WallTime now) { changed = must(store->pass_time(plan_type, now)).changed; }
  wire::JobView job(const std::string& id) { return must(lists.job(JobId{id})); }
  wire::RolloutView rollout() { return must(lists.rollout(RolloutId{"r1"})); }
  // The counts that the store keeps are what the jobs say.
  void expect_counts_to_be_true() {
    std::vector<core::StateCounts> states(rollout().rollout.phases.size());
    std::vector<core::PhaseCounts> counts(states.size());
    for (const auto& one :
         must(lists.jobs(RolloutId{"r1"}, {.cursor = {}, .limit = 1000, .filter = {}})).items) {
      ++states.at(one.phase)[one.result.state];
      counts.at(one.phase).add(one.result.state, core::is_tried_again(one.result.state, one.result.attempt),
                               1);
    }
    EXPECT_EQ(rollout().states, states);
    EXPECT_EQ(rollout().counts, counts);
  }

 private:
  std::int64_t seq_ = 0;
};

std::vector<std::string> ids_of(int from, const std::string& prefix = "r1-t-") {
  std::vector<std::string> out;
  for (int i = from; i < 30; i += 2) out.push_back(prefix + std::to_string(i));
  return out;
}
const std::vector<std::string> kBerlin = ids_of(10), kLyon = ids_of(11);

TEST_F(Phases, PutOnlyTheirReleasedJobsIntoThePlansAndConcernNoOtherSite) {
  const auto lyon = revision("lyon");
  const auto made = make_by_site();
  ASSERT_EQ(made.changed.size(), 1u);
  EXPECT_EQ(jobs("berlin"), kBerlin);
  EXPECT_EQ(jobs("lyon"), std::vector<std::string>{});
  EXPECT_EQ(revision("lyon"), lyon);
  EXPECT_EQ(job("r1-t-11").result.reason, "waiting_phase");
  EXPECT_EQ(job("r1-t-11").result.sentence, "Phase 2 of 2 begins when phase 1 has succeeded.");
}

TEST_F(Phases, GoOnAfterSuccessAndSoakByTheServersTime) {
  make_by_site();
  reports("berlin", {kBerlin.begin(), kBerlin.begin() + 4}, "succeeded");
  EXPECT_EQ(rollout_state("r1"), "running") << "four of ten are no 50 %";
  reports("berlin", {kBerlin[4]}, "succeeded");
  EXPECT_EQ(rollout_state("r1"), "soaking");
  EXPECT_EQ(job("r1-t-11").result.until, kNow + 1h);
  pass(kNow + 1h - 1ms);
  EXPECT_EQ(jobs("lyon"), std::vector<std::string>{});
  const auto berlin = revision("berlin");
  pass(kNow + 1h);
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].site, "lyon");
  EXPECT_EQ(jobs("lyon"), kLyon);
  EXPECT_EQ(revision("berlin"), berlin);
  expect_counts_to_be_true();
  reports("berlin", {kBerlin.begin() + 5, kBerlin.end()}, "succeeded");
  reports("lyon", kLyon, "succeeded");
  EXPECT_EQ(rollout_state("r1"), "finished");
  std::string record;
  for (const auto& event : rollout().events) record += event.what + " ";
  EXPECT_EQ(record, "created released reached released finished ");
}

TEST_F(Phases, ByShareKeepEveryDeviceWhereItIsWhenOthersJoin) {
  make({first_phase(core::Percent{2500}), core::PhaseTerms{}});
  const auto of = [&] {
    std::map<std::string, std::size_t> out;
    for (const auto& one :
         must(lists.jobs(RolloutId{"r1"}, {.cursor = {}, .limit = 1000, .filter = {}})).items)
      out[one.device] = one.phase;
    return out;
  };
  const auto before = of();
  EXPECT_EQ(std::count_if(before.begin(), before.end(), [](const auto& d) { return d.second == 0; }), 5);
  add_device("t-late", "lyon", "till");
  pass(kNow + 1ms);
  auto after = of();
  EXPECT_EQ(after.at("t-late"), 1u) << "the last phase";
  after.erase("t-late");
  EXPECT_EQ(after, before);
  expect_counts_to_be_true();
}

TEST_F(Phases, DevicesThatJoinWhileTheLastPhaseRunsStartAtOnce) {
  make({core::PhaseTerms{}});
  add_device("t-late", "lyon", "till");
  add_device("other", "lyon", "till");
  const auto berlin = revision("berlin");
  pass(kNow + 1ms);
  const auto lyon = jobs("lyon");
  EXPECT_EQ(std::count(lyon.begin(), lyon.end(), "r1-t-late"), 1);
  EXPECT_EQ(std::count(lyon.begin(), lyon.end(), "r1-other"), 0);
  EXPECT_EQ(revision("berlin"), berlin);
  EXPECT_EQ(must(lists.device("t-late")).job->id.value(), "r1-t-late");
}

TEST_F(Phases, ADeviceIsPickedUpOnceItsReportPassesTheFilter) {
  add_device("t-old", "berlin", "till");
  make({core::PhaseTerms{}}, core::Delivery::kPull, "version.os=1 or name=t-10");
  wire::DeviceReport device;
  device.device = DeviceId{"t-old"};
  device.running = {{"os", {"1", ""}}};
  report("berlin", {{1, 100, kNow, device}});
  pass(kNow + 1ms);
  EXPECT_EQ(job("r1-t-old").result.state, core::JobState::kScheduled);
  report("berlin", {{1, 101, kNow, device}});
  pass(kNow + 2ms);
  EXPECT_TRUE(changed.empty()) << "once";
}

TEST_F(Phases, WithoutLateJoinersTakeNobodyWhoJoins) {
  wire::NewRollout fixed{.release_name = "tills", .release_version = "2", .filter = "name~t-*"};
  fixed.terms = {.update_at = kNow, .expires_at = kNow + 9h};
  fixed.phases.resize(1);
  fixed.late_joiners = false;
  must(store->add_rollout(fixed, must(core::parse_filter("name~t-*", core::kDeviceFields)), plan_type, kNow,
                          {}));
  add_device("t-late", "lyon", "till");
  pass(kNow + 1ms);
  EXPECT_FALSE(must(lists.device("t-late")).job);
}

TEST_F(Phases, PauseMovesWhatHasNotStartedAndKeepsWhatHas) {
  make_by_site(core::Delivery::kPush);
  pass(kNow + 1h);
  reports("berlin", {kBerlin[0]}, "downloading");
  const auto lyon = revision("lyon");
  ask(core::PauseAsked{"ines", "odd noises"}, kNow + 2h);
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(revision("lyon"), lyon) << "nothing of it is in Lyon's plan";
  EXPECT_EQ(jobs("berlin"), kBerlin) << "a started job that leaves the plan would be cancelled";
  auto assignment = must(store->load_plan("berlin")).assignments.at(0);
  EXPECT_EQ(assignment.planned_at, assignment.expires_at);
  EXPECT_EQ(assignment.fetch, core::Fetch::kHold);
  EXPECT_EQ(job("r1-t-12").result.reason, "paused");
  EXPECT_EQ(job("r1-t-12").result.sentence, "The rollout is paused by ines: odd noises.");
  EXPECT_EQ(job("r1-t-11").result.reason, "paused");
  EXPECT_EQ(job("r1-t-10").result.reason, "") << "what has started goes on";
  ask(core::PauseAsked{"kim", ""}, kNow + 2h);
  EXPECT_TRUE(changed.empty());

  ask(core::ResumeAsked{"ines", ""}, kNow + 3h);
  ASSERT_EQ(changed.size(), 1u);
  assignment = must(store->load_plan("berlin")).assignments.at(0);
  EXPECT_EQ(assignment.planned_at, kNow);
  EXPECT_EQ(assignment.fetch, core::Fetch::kNow);
  EXPECT_EQ(refused(core::ResumeAsked{}, kNow + 3h), "the rollout is not paused: running");
}

TEST_F(Phases, AFailureThresholdPausesAndSaysWhy) {
  make_by_site();
  reports("berlin", {kBerlin[0]}, "failed");
  reports("berlin", {kBerlin[1]}, "scheduled", 2);
  EXPECT_EQ(rollout_state("r1"), "paused");
  EXPECT_EQ(job("r1-t-14").result.reason, "failure_threshold");
  EXPECT_EQ(job("r1-t-11").result.reason, "failure_threshold");
  EXPECT_NE(must(store->load_plan("berlin")).assignments.at(0).planned_at, kNow);
  EXPECT_EQ(changed.size(), 1u) << "the gateway is told in the same breath";
  expect_counts_to_be_true();
  ask(core::ResumeAsked{"ines", "known"}, kNow + 1h);
  EXPECT_EQ(rollout().rollout.phases[0].accepted, 2);
  reports("berlin", {kBerlin[1]}, "succeeded");
  EXPECT_EQ(rollout().rollout.phases[0].accepted, 1) << "it has recovered";
  EXPECT_EQ(rollout_state("r1"), "running");
}

TEST_F(Phases, AnApprovalIsKeptWithWhoAndWhen) {
  auto careful = first_phase(core::Passing{"site=berlin"});
  core::PhaseTerms rest;
  rest.approval = true;
  make({careful, rest});
  reports("berlin", kBerlin, "succeeded");
  EXPECT_EQ(rollout_state("r1"), "waiting_approval");
  EXPECT_EQ(job("r1-t-11").result.reason, "waiting_approval");
  EXPECT_EQ(refused(core::ApproveAsked{"kim", "", 0}), "phase: phase 2 waits for approval, not phase 1");
  ask(core::ApproveAsked{"kim", "lab is fine", 1}, kNow + 2h);
  EXPECT_EQ(jobs("lyon"), kLyon);
  EXPECT_EQ(rollout().rollout.phases[1].approved, (core::Approval{"kim", "lab is fine", kNow + 2h}));
  EXPECT_EQ(refused(core::ApproveAsked{"kim", "", {}}), "no approval is waited for: the rollout is running");
}

TEST_F(Phases, AnAbortEndsWhatWaitsAtOnceAndCancelsTheRest) {
  make_by_site();
  reports("berlin", {kBerlin[0]}, "downloading");
  const auto lyon = revision("lyon");
  ask(core::AbortAsked{"ines", "wrong release"});
  EXPECT_EQ(must(store->load_plan("berlin")).cancels.size(), 10u);
  EXPECT_EQ(revision("lyon"), lyon);
  EXPECT_EQ(state("r1-t-11"), "cancelled");
  EXPECT_EQ(state("r1-t-10"), "downloading") << "until its gateway says otherwise";
  expect_counts_to_be_true();
  EXPECT_EQ(refused(core::ResumeAsked{}), "the rollout is not paused: aborted");
  EXPECT_EQ(refused(core::RetryAsked{}), "the rollout is over: aborted");
}

TEST_F(Phases, AJobThatIsCancelledBeforeItsPhaseIsInNoPlanEver) {  // M19
  make_by_site();
  EXPECT_TRUE(must(store->cancel_job(JobId{"r1-t-11"}, {"ines", "sold"}, kNow)).empty());
  EXPECT_EQ(state("r1-t-11"), "cancelled");
  reports("berlin", kBerlin, "succeeded");
  pass(kNow + 1h);
  EXPECT_EQ(jobs("lyon"), (std::vector<std::string>{kLyon.begin() + 1, kLyon.end()}));
  expect_counts_to_be_true();
}

TEST_F(Phases, TheExpiryEndsWhatWaits) {  // M18
  make_by_site();
  pass(kNow + 9h);
  EXPECT_EQ(rollout_state("r1"), "finished");
  EXPECT_EQ(state("r1-t-11"), "expired");
  EXPECT_EQ(jobs("lyon"), std::vector<std::string>{});
  expect_counts_to_be_true();
}

TEST_F(Phases, ARetryGivesWhatFailedAnotherJobAndKeepsTheOldOne) {
  make({core::PhaseTerms{}});
  reports("berlin", kBerlin, "succeeded");
  reports("lyon", {kLyon.begin() + 2, kLyon.end()}, "succeeded");
  reports("lyon", {kLyon[0]}, "rolled_back", 3);
  reports("lyon", {kLyon[1]}, "cancelled");
  EXPECT_EQ(rollout_state("r1"), "finished");
  const auto berlin = revision("berlin");
  ask(core::RetryAsked{"ines", "fixed the disk", {}}, kNow + 1h);
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].site, "lyon");
  EXPECT_EQ(revision("berlin"), berlin);
  EXPECT_EQ(rollout_state("r1"), "running");
  const auto lyon = jobs("lyon");
  EXPECT_EQ(std::count(lyon.begin(), lyon.end(), "r1.2-t-11"), 1);
  EXPECT_EQ(std::count(lyon.begin(), lyon.end(), "r1-t-11"), 0);
  EXPECT_EQ(state("r1-t-13"), "cancelled") << "M19: not asked again";

  reports("lyon", {"r1-t-11"}, "succeeded");
  EXPECT_EQ(state("r1.2-t-11"), "scheduled") << "the old job's late word is not the new one's";
  reports("lyon", {"r1.2-t-11"}, "succeeded");
  EXPECT_EQ(state("r1.2-t-11"), "succeeded");
  const auto shown = job("r1-t-11");
  EXPECT_EQ(shown.id.value(), "r1.2-t-11");
  ASSERT_EQ(shown.past.size(), 1u);
  EXPECT_EQ(shown.past[0].id.value(), "r1-t-11");
  EXPECT_EQ(shown.past[0].result.state, core::JobState::kRolledBack);
  EXPECT_EQ(shown.past[0].result.attempt, 3);
  EXPECT_EQ(lists.job(JobId{"r1.3-t-11"}).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(rollout_state("r1"), "finished");
  EXPECT_EQ(refused(core::RetryAsked{}, kNow + 1h), "no device has failed, and none has drifted");
  expect_counts_to_be_true();
}

TEST_F(Phases, ARetryAfterTheExpiryNeedsAnotherOne) {
  make_by_site();
  pass(kNow + 9h);
  EXPECT_NE(refused(core::RetryAsked{}, kNow + 10h).find("expires_at: the expiry is over since"),
            std::string::npos);
  ask(core::RetryAsked{"ines", "", kNow + 20h}, kNow + 10h);
  EXPECT_EQ(rollout_state("r1"), "running");
  EXPECT_EQ(job("r1-t-11").result.reason, "waiting_phase");
  EXPECT_EQ(must(store->load_plan("berlin")).assignments.at(0).expires_at, kNow + 20h);
  reports("berlin", kBerlin, "succeeded");
  pass(kNow + 11h);
  EXPECT_EQ(jobs("lyon"), ids_of(11, "r1.2-t-"));
}

TEST_F(Phases, ARepeatedRequestIsDoneOnce) {
  make_by_site();
  const server::Once once{"key", "print"};
  EXPECT_FALSE(
      must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", ""}, plan_type, kNow, once)).replayed);
  ask(core::ResumeAsked{});
  EXPECT_TRUE(
      must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", ""}, plan_type, kNow, once)).replayed);
  EXPECT_EQ(rollout_state("r1"), "running");
}

TEST_F(Phases, APhaseForNobodyIsRefusedAndChangesNothing) {
  wire::NewRollout wanted{.release_name = "tills", .release_version = "2", .filter = "name~t-*"};
  wanted.terms = {.update_at = kNow, .expires_at = kNow + 9h};
  wanted.phases = {first_phase(core::Passing{"site=rome"}), core::PhaseTerms{}};
  const auto made = store->add_rollout(wanted, must(core::parse_filter("name~t-*", core::kDeviceFields)),
                                       plan_type, kNow, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(made.error().message().find("phases[0]: filter: no device passes it"), std::string::npos);
  EXPECT_TRUE(must(lists.rollouts({})).items.empty());
}

// One revision, one content: whatever happens, a plan changes only together with its revision.
TEST_F(Phases, APlanChangesOnlyWithItsRevision) {
  std::map<std::string, std::map<std::int64_t, core::Plan>> seen;
  const auto look = [&] {
    for (const auto* site : {"berlin", "lyon"}) {
      const auto plan = must(store->load_plan(site));
      const auto known = seen[site].emplace(plan.revision, plan).first;
      ASSERT_EQ(known->second, plan) << site << " at revision " << plan.revision;
    }
  };
  make({first_phase(core::Percent{3000}), first_phase(core::Percent{3000}), core::PhaseTerms{}});
  std::uint64_t x = 42;
  const auto chance = [&](std::uint64_t n) {
    x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    return (x >> 33) % n;
  };
  WallTime now = kNow;
  for (int i = 0; i < 400; ++i) {
    look();
    now += 30s;
    switch (chance(8)) {
      case 0:
        static_cast<void>(refused(core::PauseAsked{"ines", ""}, now));
        break;
      case 1:
      case 2:
        static_cast<void>(refused(core::ResumeAsked{}, now));
        break;
      case 3:
        if (chance(4) == 0) static_cast<void>(refused(core::RetryAsked{"", "", now + 3h}, now));
        break;
      case 4:
        static_cast<void>(store->cancel_job(JobId{"r1-t-" + std::to_string(10 + chance(20))}, {"", ""}, now));
        break;
      case 5:
        if (chance(3) == 0) add_device("t-x" + std::to_string(i), "lyon", "till");
        pass(now);
        break;
      default: {
        const auto all = must(lists.jobs(RolloutId{"r1"}, {.cursor = {}, .limit = 1000, .filter = {}})).items;
        const auto& one = all[chance(all.size())];
        const auto in_plan = jobs(one.site);
        if (std::count(in_plan.begin(), in_plan.end(), one.id.value()) == 0) break;
        const std::uint64_t how = chance(4);
        reports(one.site, {one.id.value()}, how == 0 ? "failed" : how == 1 ? "downloading" : "succeeded");
      }
    }
    expect_counts_to_be_true();
    if (HasFailure()) return;
  }
  EXPECT_GT(seen["berlin"].size() + seen["lyon"].size(), 30u);
}

// A database of the first schema with a rollout in it goes on as a rollout of one phase.
TEST(ServerSchemaPhases, ARolloutOfTheFirstSchemaGoesOn) {
  char folder[] = "/tmp/dray-schema-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string path = std::string{folder} + "/server.db";
  {
    Db old = must(Db::open({.path = path, .vfs = {}}));
    must(old.migrate(std::span{schema::kServer}.first(1)));
    must(
        old.execute("INSERT INTO site(id, name, time_zone, limits, token_sha256, created_at) VALUES(1, "
                    "'berlin', 'UTC', '{}', 'h', 0);"
                    "INSERT INTO device_type VALUES(1, 'till', 'dray', '[\"os\"]', '[[\"os\"]]', 'poll', "
                    "'closed', 600, '', '{}', 0);"
                    "INSERT INTO device(id, name, site_id, type, token_sha256, attributes, created_at) "
                    "VALUES(1, 'till-1', 1, 'till', 'h', '{}', 0);"
                    "INSERT INTO device(id, name, site_id, type, token_sha256, attributes, created_at) "
                    "VALUES(2, 'till-2', 1, 'till', 'h', '{}', 0);"
                    "INSERT INTO release VALUES(1, 'tills', '2', 0);"
                    "INSERT INTO rollout(id, release_id, filter, delivery, update_at, expires_at, transfer, "
                    "update_windows, priority, "
                    "status_deferral, phase, phase_at, wake_at, created_at) VALUES(1, 1, '', 'pull', 5, "
                    "4000000000000, '[]', '[]', 0, 900, "
                    "'running', 5, 4000000000000, 5);"
                    "INSERT INTO rollout_type VALUES(1, 1, 'till', '[]');"
                    "INSERT INTO assignment VALUES(1, 1, 1, 'at_update_time', 1);"
                    "INSERT INTO job(id, rollout_id, assignment_id, device_id, rollout_type_id, state, "
                    "final, attempt) VALUES(1, 1, 1, 1, 1, 'succeeded', 1, 1);"
                    "INSERT INTO job(id, rollout_id, assignment_id, device_id, rollout_type_id, state, "
                    "final, attempt) VALUES(2, 1, 1, 2, 1, 'scheduled', 0, 2)"));
  }
  {
    auto store = must(SqliteServerStore::open({.path = path, .vfs = {}}));
    SqliteServerLists lists{store->db()};
    const auto view = must(lists.rollout(RolloutId{"r1"}));
    EXPECT_EQ(core::state_name(view.rollout.state), "running");
    EXPECT_EQ(view.rollout.released, 1u);
    EXPECT_EQ(view.counts, (std::vector<core::PhaseCounts>{{.open = 1, .again = 1, .succeeded = 1}}));
    const server::ReportBatch batch{"berlin", {job_report(1, 1, "r1-till-2", "succeeded")}, kNow};
    must(store->ingest({&batch}));
    EXPECT_EQ(core::state_name(must(lists.rollout(RolloutId{"r1"})).rollout.state), "finished");
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dray::adapters
