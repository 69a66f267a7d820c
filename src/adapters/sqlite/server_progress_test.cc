// How far a rollout is, damaged: nothing is decided by what is not known, and every remedy leads on.
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

// Two phases: Berlin's till, then Lyon's.
class Progress : public StoreFixture {
 protected:
  void make(bool approve_first, bool approve_second, core::Delivery delivery = core::Delivery::kPull) {
    wire::NewRollout rollout{.release_name = "tills", .release_version = "2", .filter = "name~till-*"};
    rollout.terms = {.delivery = delivery, .update_at = kNow, .expires_at = kNow + 9h};
    if (delivery == core::Delivery::kPush) rollout.terms.transmit_at = kNow + 1h;
    rollout.phases.resize(2);
    rollout.phases[0].share = core::Passing{"site=berlin"};
    rollout.phases[0].approval = approve_first;
    rollout.phases[1].approval = approve_second;
    must(store->add_rollout(rollout, must(core::parse_filter(rollout.filter, core::kDeviceFields)), plan_type, kNow, {}));
  }
  void execute(const std::string& sql) { must(store->db().execute(sql)); }
  std::string stored(const std::string& what) {
    Statement find{store->db(), "SELECT " + what};
    return must(find.step()) ? find.text(0) : "";
  }
  std::string stored_state() { return stored("state FROM rollout"); }
  void pass(WallTime now) { must(store->pass_time(plan_type, now)); }
  void ends(const std::string& site, const std::string& job) { report(site, {job_report(1, ++seq_, job, "succeeded")}); }
  std::string ask(const core::RolloutEvent& event) {
    const auto done = store->change_rollout(RolloutId{"r1"}, event, plan_type, kNow, {});
    if (done) return {};
    EXPECT_EQ(done.error().code(), ErrorCode::kConflict);
    return done.error().message();
  }
  ErrorCode refused(const std::string& table, const std::string& key, const std::string& column, const std::string& text) {
    const auto done = store->replace_unreadable({table, key, column, text});
    EXPECT_FALSE(done) << table << " " << column << " " << text;
    return done ? ErrorCode::kInternal : done.error().code();
  }
  void replace(const std::string& column, const std::string& text) {
    must(store->replace_unreadable({"rollout", "r1", column, text}));
  }
  bool is_named(const std::string& table, const std::string& column) {
    for (const auto& note : must(lists.rollout(RolloutId{"r1"})).unreadable)
      if (note.table == table && note.column == column) return true;
    return false;
  }
  std::size_t jobs(const std::string& site) {
    std::size_t out = 0;
    for (const auto& assignment : must(store->load_plan(site)).assignments) out += assignment.jobs.size();
    return out;
  }

 private:
  std::int64_t seq_ = 0;
};

TEST_F(Progress, TheNumberOfPhasesIsMadeAnewFromTheirRows) {
  make(false, true);
  execute("UPDATE rollout SET phases='x'");
  const auto before = revision("berlin");
  ends("berlin", "r1-till-1");
  EXPECT_EQ(stored_state(), "waiting_approval") << "the second phase is still to come";
  EXPECT_EQ(stored("phases FROM rollout"), "2");
  EXPECT_GT(revision("berlin"), before) << "its plan was held";
  EXPECT_EQ(ask(core::ApproveAsked{"ines", "", 1}), "");
  EXPECT_EQ(jobs("lyon"), 1u);
  ends("lyon", "r1-till-2");
  EXPECT_EQ(stored_state(), "finished");
}

TEST_F(Progress, ANumberOfPhasesBelowTheirRowsIsMadeAnewToo) {
  make(false, true);
  execute("UPDATE rollout SET phases=1");
  ends("berlin", "r1-till-1");
  EXPECT_EQ(stored_state(), "waiting_approval");
}

TEST_F(Progress, WhatWaitsForApprovalIsPausedAsThat) {
  make(false, true);
  ends("berlin", "r1-till-1");
  execute("UPDATE rollout SET phases='x'");
  EXPECT_EQ(ask(core::PauseAsked{"ines", "x"}), "");
  EXPECT_EQ(ask(core::ResumeAsked{"ines", "x"}), "");
  EXPECT_EQ(stored_state(), "waiting_approval");
}

TEST_F(Progress, WhereTheNumberCantBeToldOnlyAnAbortGoesThrough) {
  make(false, true);
  execute("UPDATE rollout SET phases='x'");
  execute("DELETE FROM rollout_phase WHERE number=0");
  ends("berlin", "r1-till-1");
  pass(kNow + 10h);
  EXPECT_EQ(stored_state(), "running") << "as it was";
  EXPECT_EQ(state("r1-till-2"), "scheduled");
  for (const core::RolloutEvent& event :
       {core::RolloutEvent{core::PauseAsked{}}, core::RolloutEvent{core::ApproveAsked{}}, core::RolloutEvent{core::ResumeAsked{}},
        core::RolloutEvent{core::RetryAsked{}}})
    EXPECT_NE(ask(event).find("drayctl row replace rollout r1 phases"), std::string::npos);
  EXPECT_EQ(refused("rollout", "r1", "phases", "1"), ErrorCode::kInvalid) << "phase 2 is stored";
  EXPECT_EQ(ask(core::AbortAsked{"ines", "x"}), "");
  EXPECT_EQ(stored_state(), "aborted");
  EXPECT_EQ(state("r1-till-2"), "cancelled") << "no job is left that never ends";
}

TEST_F(Progress, AfterTheNumberIsReplacedItGoesOn) {
  make(false, true);
  execute("UPDATE rollout SET phases='x'");
  execute("DELETE FROM rollout_phase WHERE number=1");  // it may have been the last
  ends("berlin", "r1-till-1");
  EXPECT_EQ(stored_state(), "running");
  replace("phases", "2");
  pass(kNow + 1h);
  EXPECT_EQ(stored_state(), "waiting_approval");
  EXPECT_TRUE(is_named("rollout_phase", "terms")) << "what was saved meanwhile is no row of it";
}

TEST_F(Progress, ALostPhaseStaysLostUntilItsTermsAreReplaced) {
  make(false, false);
  execute("DELETE FROM rollout_phase WHERE number=1");
  ends("berlin", "r1-till-1");
  EXPECT_EQ(stored_state(), "waiting_approval");
  EXPECT_TRUE(is_named("rollout_phase", "terms"));
  must(store->replace_unreadable({"rollout_phase", "r1/2", "terms", "{}"}));
  EXPECT_FALSE(is_named("rollout_phase", "terms"));
}

TEST_F(Progress, AStateThatIsReplacedSkipsNoApproval) {
  make(true, false);
  execute("UPDATE rollout SET state='wandering'");
  EXPECT_NE(ask(core::ResumeAsked{}).find("drayctl row replace rollout r1 state"), std::string::npos);
  pass(kNow + 1h);
  EXPECT_EQ(stored_state(), "wandering") << "nothing is written over it";
  replace("state", "\"paused\"");
  EXPECT_EQ(ask(core::ResumeAsked{"ines", "x"}), "");
  EXPECT_EQ(stored_state(), "waiting_approval");
  EXPECT_EQ(jobs("berlin"), 0u);
  EXPECT_EQ(ask(core::ApproveAsked{"ines", "", 0}), "");
  EXPECT_EQ(jobs("berlin"), 1u);
}

TEST_F(Progress, AStateThatIsReplacedSkipsNoTransmission) {
  make(false, false, core::Delivery::kPush);
  execute("UPDATE rollout SET state='wandering'");
  replace("state", "\"paused\"");
  EXPECT_EQ(ask(core::ResumeAsked{"ines", "x"}), "");
  EXPECT_EQ(stored_state(), "held");
  EXPECT_EQ(must(store->load_plan("berlin")).assignments.at(0).fetch, core::Fetch::kHold);
  pass(kNow + 1h);
  EXPECT_EQ(stored_state(), "running");
  EXPECT_EQ(must(store->load_plan("berlin")).assignments.at(0).fetch, core::Fetch::kNow);
  execute("UPDATE rollout SET state='wandering'");
  replace("state", "\"paused\"");
  EXPECT_EQ(ask(core::ResumeAsked{"ines", "x"}), "");
  EXPECT_EQ(stored_state(), "running") << "it has been transmitted";
}

TEST_F(Progress, WhatItComesBackToGoesWithTheNumberOfPhases) {
  make(true, false);
  EXPECT_EQ(ask(core::PauseAsked{"ines", "x"}), "");
  execute("UPDATE rollout SET before_pause='x'");
  replace("before_pause", "\"running\"");
  EXPECT_EQ(ask(core::ResumeAsked{"ines", "x"}), "");
  EXPECT_EQ(stored_state(), "waiting_approval");
}

TEST_F(Progress, ANumberOfBegunPhasesThatDoesNotFitIsNamedAndDecidesNothing) {
  make(false, true);
  ends("berlin", "r1-till-1");
  ASSERT_EQ(stored_state(), "waiting_approval");
  for (const char* number : {"'x'", "2", "7", "-1"}) {
    execute(std::string{"UPDATE rollout SET wake_at=0, released="} + number);
    EXPECT_TRUE(is_named("rollout", "released")) << number;
    pass(kNow + 10h);
    EXPECT_EQ(stored_state(), "waiting_approval") << number;
    EXPECT_NE(ask(core::ApproveAsked{}).find("drayctl row replace rollout r1 released"), std::string::npos) << number;
    EXPECT_EQ(jobs("lyon"), 0u) << number;
    EXPECT_EQ(refused("rollout", "r1", "released", "3"), ErrorCode::kInvalid) << "there are two";
    EXPECT_EQ(refused("rollout", "r1", "released", "2"), ErrorCode::kInvalid) << "then none would wait for approval";
    replace("released", "1");
    EXPECT_FALSE(is_named("rollout", "released")) << number;
  }
  EXPECT_EQ(ask(core::ApproveAsked{"ines", "", 1}), "");
  EXPECT_EQ(jobs("lyon"), 1u);
}

TEST_F(Progress, WhereNoPhaseHasBegunTheirNumberIsReplacedByNone) {
  make(true, false);
  execute("UPDATE rollout SET released='x'");
  replace("released", "0");
  EXPECT_EQ(ask(core::ApproveAsked{"ines", "", 0}), "");
  EXPECT_EQ(stored("released FROM rollout"), "1");
}

TEST_F(Progress, AnAbortEndsAllJobsWhateverIsDamaged) {
  for (const char* damage : {"released='x'", "phases='x'", "state='wandering'", "released='x', phases='x'", "released=7"}) {
    const std::string number = std::to_string(std::stoi("0" + stored("max(id) FROM rollout")) + 1);
    make(false, true);
    execute(std::string{"UPDATE rollout SET "} + damage + " WHERE id=" + number);
    must(store->change_rollout(RolloutId{"r" + number}, core::AbortAsked{"ines", "x"}, plan_type, kNow + 1h, {}));
    EXPECT_EQ(stored("state FROM rollout WHERE id=" + number), "aborted") << damage;
    EXPECT_EQ(state("r" + number + "-till-2"), "cancelled") << damage;
  }
}

TEST_F(Progress, JobsOfADamagedPhaseAreCountedOnceAndNotAtEveryLook) {
  make(false, true);
  execute("UPDATE job SET phase='x' WHERE id=1");
  execute("UPDATE phase_count SET n='x'");
  execute("UPDATE rollout SET wake_at=0");
  pass(kNow + 1h);
  EXPECT_EQ(stored("count(*) FROM phase_count WHERE typeof(phase)<>'integer' OR typeof(n)<>'integer'"), "0");
  ends("berlin", "r1-till-1");
  EXPECT_EQ(stored("n FROM phase_count WHERE phase=0 AND state='succeeded'"), "1");
  must(store->replace_unreadable({"job", "r1-till-1", "phase", "2"}));
  EXPECT_EQ(stored("n FROM phase_count WHERE phase=1 AND state='succeeded'"), "1") << "counted where it is now";
}

TEST_F(Progress, AJobOfNoPhaseKeepsTheRolloutOpen) {
  make(false, false);
  execute("UPDATE job SET phase=7 WHERE id=2");
  execute("UPDATE phase_count SET phase=7 WHERE phase=1");
  ends("berlin", "r1-till-1");
  EXPECT_NE(stored_state(), "finished");
}

class DamagedPhaseColumn : public Progress, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Each, DamagedPhaseColumn, ::testing::Values("accepted", "released_at", "reached_at", "approved_at"),
                         [](const auto& of) { return std::string{of.param}; });

TEST_P(DamagedPhaseColumn, StaysUntilItIsReplaced) {
  const std::string column = GetParam();
  make(false, true);
  execute("UPDATE rollout_phase SET " + column + "='x' WHERE number=0");
  EXPECT_EQ(ask(core::PauseAsked{"ines", "x"}), "");
  EXPECT_TRUE(is_named("rollout_phase", column)) << "nothing is written over it";
  must(store->replace_unreadable({"rollout_phase", "r1/1", column, column == "accepted" ? "0" : "null"}));
  EXPECT_FALSE(is_named("rollout_phase", column));
}

TEST_F(Progress, ADeferralOfASiteIsReplaced) {
  wire::DeferralReport deferral;
  deferral.deferral.id = "x/1";
  deferral.deferral.until = kNow + 1h;
  report("berlin", {{1, 1, kNow, deferral}});
  for (const auto& [column, good] : {std::pair{"until", "\"2026-11-24T01:00:00Z\""}, std::pair{"withdrawn", "true"}}) {
    execute(std::string{"UPDATE site_deferral SET "} + column + "='x'");
    const auto site = must(lists.site("berlin"));
    ASSERT_EQ(site.unreadable.size(), 1u);
    EXPECT_EQ(wire::remedy_of(site.unreadable[0]), std::string{"drayctl row replace site_deferral berlin/x/1 "} + column + " JSON");
    must(store->replace_unreadable({"site_deferral", "berlin/x/1", column, good}));
    EXPECT_TRUE(must(lists.site("berlin")).unreadable.empty());
  }
  EXPECT_EQ(stored("until FROM site_deferral"), std::to_string((kNow + 1h).time_since_epoch() / 1ms));
}

TEST_F(Progress, WhenItIsLookedAtIsMendedWhateverStandsThere) {
  make(false, true);
  for (const char* damage : {"'x'", "x'00'", "9e999", "9223372036854775807"}) {
    execute(std::string{"UPDATE rollout SET wake_at="} + damage);
    pass(kNow - 1h);
    EXPECT_EQ(stored("wake_at FROM rollout"), std::to_string((kNow + 9h).time_since_epoch() / 1ms)) << damage;
  }
}

}  // namespace
}  // namespace dray::adapters
