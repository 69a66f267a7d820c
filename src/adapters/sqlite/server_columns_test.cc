// Every column that is parsed: damaged it is named, what depends on it is held, and it can be replaced.
#include <gtest/gtest.h>

#include <algorithm>

#include "adapters/sqlite/server_store_testing.h"
#include "wire/limits.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

enum class Then {
  kHeld,    // the assignment of the site is
  kNoPlan,  // the site gets no new plan and goes on with the last
  kNamed,   // it decides nothing that has not happened, and says so
};

struct DamagedColumn {
  const char *table, *column, *where, *key, *good;
  Then then;
  const char* bad = "[[\"oops";
  bool held_on = false;  // what takes its place holds as well
};

const std::string kShaA(64, 'a'), kLong(300, 'x'), kHash = '"' + std::string(64, 'e') + '"';

class ParsedColumn : public StoreFixture, public ::testing::WithParamInterface<DamagedColumn> {
 protected:
  bool is_held() {
    for (const core::Assignment& a : must(store->load_plan("berlin")).assignments)
      if (a.id.value() == "r1-berlin") return a.planned_at >= a.expires_at;
    throw std::runtime_error("it is in no plan");
  }
  std::vector<wire::Unreadable> notes() { return must(lists.site("berlin")).unreadable; }
  static bool names(const std::vector<wire::Unreadable>& notes) {
    const DamagedColumn& of = GetParam();
    return std::any_of(notes.begin(), notes.end(), [&](const auto& note) {
      return note.table == of.table && note.column == of.column && note.key == of.key;
    });
  }
};

const DamagedColumn kDamagedColumns[]{
    {"site", "time_zone", "name='berlin'", "berlin", "\"Europe/Berlin\"", Then::kHeld},
    {"site", "limits", "name='berlin'", "berlin", "{}", Then::kHeld},
    {"site", "transfer_windows", "name='berlin'", "berlin", "[]", Then::kHeld},
    {"site", "update_windows", "name='berlin'", "berlin", "[]", Then::kHeld},
    {"site", "black_outs", "name='berlin'", "berlin", "[]", Then::kHeld},
    {"device_type", "client", "name='odd'", "odd", "\"any\"", Then::kNoPlan},
    {"device_type", "components", "name='odd'", "odd", "[\"fw\"]", Then::kNoPlan},
    {"device_type", "steps", "name='odd'", "odd", "[[\"fw\"]]", Then::kNoPlan},
    {"device_type", "parts", "name='odd'", "odd", "{}", Then::kNoPlan},
    {"device_type", "also_called", "name='odd'", "odd", "[]", Then::kNoPlan},
    {"device_type", "ask", "name='odd'", "odd", "\"poll\"", Then::kNoPlan, "shout"},
    {"device_type", "ends_on", "name='odd'", "odd", "\"power_on\"", Then::kNoPlan, "soon"},
    {"device_type", "bytes_from", "name='odd'", "odd", "\"gateway\"", Then::kNoPlan, "the moon"},
    {"device_type", "power_on_within", "name='odd'", "odd", "600", Then::kNoPlan},
    {"device", "attributes", "name='till-1'", "till-1", "{}", Then::kNamed},
    {"artifact", "device_types", "component='os'", kShaA.c_str(), "[\"till\"]", Then::kNamed},
    {"blob", "size", "sha256 LIKE 'a%'", kShaA.c_str(), "10", Then::kNoPlan},
    {"blob", "sha1", "sha256 LIKE 'a%'", kShaA.c_str(), "\"1111111111111111111111111111111111111111\"", Then::kNoPlan},
    {"blob", "md5", "sha256 LIKE 'a%'", kShaA.c_str(), "\"22222222222222222222222222222222\"", Then::kNoPlan},
    {"artifact", "name", "component='os'", kShaA.c_str(), "\"image\"", Then::kNoPlan, kLong.c_str()},
    {"artifact", "file", "component='os'", kShaA.c_str(), "\"image.img\"", Then::kNoPlan, "\xff"},
    {"artifact", "component", "component='os'", kShaA.c_str(), "\"os\"", Then::kNoPlan, "\x01"},
    {"artifact", "version", "component='os'", kShaA.c_str(), "\"2\"", Then::kNoPlan, "K\xf6ln"},
    {"device_type", "probe", "name='odd'", "odd", "\"\"", Then::kNoPlan, "K\xf6ln"},
    {"device", "token_sha256", "name='till-1'", "till-1", kHash.c_str(), Then::kNoPlan, "K\xf6ln"},
    {"rollout", "filter", "id=1", "r1", "\"\"", Then::kNamed, "type is"},
    {"rollout", "delivery", "id=1", "r1", "\"pull\"", Then::kHeld, "carry"},
    {"rollout", "state", "id=1", "r1", "\"paused\"", Then::kHeld, "wandering", true},
    {"rollout", "before_pause", "id=1", "r1", "\"\"", Then::kNamed, "wandering"},
    {"rollout", "transfer", "id=1", "r1", "[]", Then::kHeld},
    {"rollout", "update_windows", "id=1", "r1", "[]", Then::kHeld},
    {"rollout", "transmit_at", "id=1", "r1", "null", Then::kHeld},
    {"rollout", "update_at", "id=1", "r1", "\"2026-11-24T02:00:00Z\"", Then::kHeld},
    {"rollout", "expires_at", "id=1", "r1", "\"2026-11-24T09:00:00Z\"", Then::kHeld},
    {"rollout", "soak_until", "id=1", "r1", "null", Then::kNamed},
    {"rollout", "released", "id=1", "r1", "1", Then::kHeld},
    {"rollout", "retry_limit", "id=1", "r1", "null", Then::kHeld},
    {"rollout", "priority", "id=1", "r1", "0", Then::kHeld},
    {"rollout", "status_deferral", "id=1", "r1", "300", Then::kHeld},
    {"rollout", "phases", "id=1", "r1", "1", Then::kHeld},
    {"rollout", "computed", "id=1", "r1", "false", Then::kHeld},
    {"rollout", "late_joiners", "id=1", "r1", "false", Then::kNamed},
    {"rollout_type", "steps", "type='till'", "r1/till", "[]", Then::kNoPlan},
    {"rollout_phase", "terms", "1", "r1/1", "{}", Then::kNamed},
    {"rollout_phase", "accepted", "1", "r1/1", "0", Then::kNamed},
    {"rollout_phase", "released_at", "1", "r1/1", "null", Then::kNamed},
    {"rollout_phase", "reached_at", "1", "r1/1", "null", Then::kNamed},
    {"rollout_phase", "approved_at", "1", "r1/1", "null", Then::kNamed},
    {"assignment", "held", "id=1", "r1-berlin", "false", Then::kHeld},
    {"assignment", "in_plan", "id=1", "r1-berlin", "true", Then::kNoPlan},
    {"assignment", "fetch", "id=1", "r1-berlin", "\"at_update_time\"", Then::kNamed, "soon"},
    {"job", "phase", "id=1", "r1-till-1", "1", Then::kNoPlan},
    {"job", "withheld", "id=1", "r1-till-1", "false", Then::kNoPlan},
    {"job", "generation", "id=1", "r1-till-1", "1", Then::kNoPlan},
    {"job", "cancel_at", "id=1", "r1-till-1", "null", Then::kNoPlan},
    // Numbers that can't be one.
    {"job", "phase", "id=1", "r1-till-1", "1", Then::kNoPlan, "-1"},
    {"job", "phase", "id=1", "r1-till-1", "1", Then::kNoPlan, "1"},
    {"job", "phase", "id=1", "r1-till-1", "1", Then::kNoPlan, "9223372036854775807"},
    {"job", "generation", "id=1", "r1-till-1", "1", Then::kNoPlan, "-1"},
    {"job", "generation", "id=1", "r1-till-1", "1", Then::kNoPlan, "0"},
    {"job", "generation", "id=1", "r1-till-1", "1", Then::kNoPlan, "9223372036854775807"},
    {"job", "withheld", "id=1", "r1-till-1", "false", Then::kNoPlan, "7"},
    {"job", "cancel_at", "id=1", "r1-till-1", "null", Then::kNoPlan, "9223372036854775807"},
    {"job", "final", "id=1", "r1-till-1", "false", Then::kNoPlan, "-1"},
    {"assignment", "held", "id=1", "r1-berlin", "false", Then::kHeld, "7"},
    {"job", "final", "id=1", "r1-till-1", "false", Then::kNoPlan},
};
std::string name_of_row(const ::testing::TestParamInfo<DamagedColumn>& of) {
  const std::string name = std::string{of.param.table} + "_" + of.param.column;
  std::string bad = of.param.bad;
  if (bad.find_first_not_of("-0123456789") != std::string::npos) return name;
  std::replace(bad.begin(), bad.end(), '-', 'm');
  return name + "_" + bad;
}
INSTANTIATE_TEST_SUITE_P(Each, ParsedColumn, ::testing::ValuesIn(kDamagedColumns), name_of_row);

TEST_P(ParsedColumn, IsNamedHoldsWhatDependsOnItAndIsReplaced) {
  const DamagedColumn& of = GetParam();
  roll_out();
  ASSERT_FALSE(is_held());
  ASSERT_TRUE(notes().empty());
  const std::string table = of.table, column = of.column;
  must(store->db().execute("UPDATE " + table + " SET " + column + "='" + of.bad + "' WHERE " + of.where));
  EXPECT_TRUE(names(notes()));
  const auto plan = store->load_plan("berlin");
  if (of.then == Then::kNoPlan) {
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code(), ErrorCode::kCorrupt);
    const std::string remedy = "drayctl row replace " + table + " " + of.key + " " + column;
    EXPECT_NE(plan.error().message().find(remedy), std::string::npos) << plan.error().message();
  } else {
    ASSERT_TRUE(plan) << plan.error().message();
    EXPECT_EQ(is_held(), of.then == Then::kHeld);
  }
  EXPECT_EQ(store->replace_unreadable({table, of.key, column, "[[7]]"}).error().code(), ErrorCode::kInvalid);
  must(store->replace_unreadable({table, of.key, column, of.good}));
  EXPECT_FALSE(names(notes()));
  EXPECT_EQ(is_held(), of.held_on);
  EXPECT_EQ(store->replace_unreadable({table, of.key, column, of.good}).error().code(), ErrorCode::kConflict);
}

// As one that is given by PATCH: a gateway would not take them, or never hear them.
TEST_F(StoreFixture, OtherNamesOfATypeAreBoundedWhereverTheyComeFrom) {
  roll_out();
  std::string many = "[";
  for (int i = 0; i < 21; ++i) many += (i == 0 ? "\"n" : ",\"n") + std::to_string(i) + '"';
  many += "]";
  for (const std::string& bad : {many, "[\"" + std::string(129, 'x') + "\"]", std::string{R"(["a","a"])"}, std::string{R"([""])"}, std::string{R"(["a\nb"])"}}) {
    must(store->db().execute("UPDATE device_type SET also_called='" + bad + "' WHERE name='odd'"));
    EXPECT_FALSE(store->load_plan("berlin")) << bad;
    EXPECT_EQ(store->replace_unreadable({"device_type", "odd", "also_called", bad}).error().code(), ErrorCode::kInvalid) << bad;
    must(store->replace_unreadable({"device_type", "odd", "also_called", R"(["Kasse 3"])"}));
    EXPECT_EQ(must(lists.device_type("odd")).type.also_called, std::vector<std::string>{"Kasse 3"});
  }
}

class DamagedNumbers : public StoreFixture {
 protected:
  void execute(const std::string& sql) { must(store->db().execute(sql)); }
};

TEST_F(DamagedNumbers, ADeferralThatDoesNotSayWhomItMeansMeansEverybody) {
  roll_out();
  wire::NewDeferral wanted{.device = "till-1", .rollout = "r1", .until = kNow + 1h, .by = "ines", .why = "x"};
  const std::string id = must(store->add_deferral(wanted, kNow, {})).made.id;
  ASSERT_EQ(must(store->load_plan("berlin")).deferrals.at(0).device.value(), "till-1");
  execute("PRAGMA foreign_keys=OFF");
  execute("UPDATE deferral SET device='[[oops', rollout_id='x'");
  const core::Deferral means = must(store->load_plan("berlin")).deferrals.at(0);
  EXPECT_TRUE(means.device.empty());
  EXPECT_TRUE(means.assignment.empty());
  EXPECT_EQ(must(lists.site("berlin")).unreadable.size(), 2u);
  must(store->replace_unreadable({"deferral", id, "device", "\"till-1\""}));
  must(store->replace_unreadable({"deferral", id, "rollout_id", "\"r1\""}));
  const core::Deferral again = must(store->load_plan("berlin")).deferrals.at(0);
  EXPECT_EQ(again.device.value(), "till-1");
  EXPECT_EQ(again.assignment.value(), "r1-berlin");
}

TEST_F(DamagedNumbers, WhatIsReportedOfAJobWhoseTryCanNotBeReadIsNotLost) {
  roll_out();
  execute("UPDATE job SET generation='[[oops'");
  report("berlin", {job_report(1, 1, "r1.2-till-1", "failed")});
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).result.state, core::JobState::kScheduled) << "no second one was ever made";
  report("berlin", {job_report(1, 2, "r1-till-1", "failed")});
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).result.state, core::JobState::kFailed);
}

// Whatever number hides in its row: it is found by its name, says so, and goes on by what its gateway tells.
TEST_F(DamagedNumbers, AJobIsFoundAndNamedWhateverItsNumbersAre) {
  roll_out();
  const std::string kept = "phase=0, generation=1, withheld=0, final=0, cancel_at=NULL";
  for (const char* damage : {"generation=-3", "generation=0", "generation=9223372036854775807", "phase=-1", "phase=49", "phase=-9223372036854775808",
                             "withheld=2", "final=-1", "cancel_at=-9223372036854775808"}) {
    execute(std::string{"UPDATE job SET "} + damage + " WHERE id=1");
    const auto job = must(lists.job(JobId{"r1-till-1"}));
    EXPECT_EQ(job.id.value(), "r1-till-1") << damage;
    EXPECT_LT(job.phase, 50U) << damage;
    ASSERT_EQ(job.unreadable.size(), 1U) << damage;
    EXPECT_EQ(job.unreadable[0].table + " " + job.unreadable[0].key, "job r1-till-1") << damage;
    EXPECT_EQ(job.result.reason, std::string{damage}.starts_with("cancel_at") ? "gateway_silent" : "row_unreadable") << damage;
    execute("UPDATE job SET " + kept + " WHERE id=1");
  }
  execute("UPDATE job SET generation=-3 WHERE id=1");
  report("berlin", {job_report(1, 1, "r1-till-1", "failed")});
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).result.state, core::JobState::kFailed);
}

// The same try twice: it could never be retried.
TEST_F(DamagedNumbers, ATryThatHasEndedIsNotTheOneThatGoesOn) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "failed")});
  must(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{}, plan_type, kNow, {}));
  ASSERT_EQ(must(lists.job(JobId{"r1-till-1"})).id.value(), "r1.2-till-1");
  execute("UPDATE job SET generation=1 WHERE id=1");
  const auto job = must(lists.job(JobId{"r1-till-1"}));
  EXPECT_EQ(job.id.value(), "r1.2-till-1");
  ASSERT_EQ(job.unreadable.size(), 1U);
  EXPECT_FALSE(store->load_plan("berlin"));
  EXPECT_EQ(store->replace_unreadable({"job", "r1-till-1", "generation", "1"}).error().code(), ErrorCode::kInvalid);
  must(store->replace_unreadable({"job", "r1-till-1", "generation", "2"}));
  EXPECT_TRUE(store->load_plan("berlin"));
}

// Of what only tells something: no arithmetic with it leaves its type, and the gateway's next word replaces it.
TEST_F(DamagedNumbers, NumbersThatDecideNothingAreTheNearestThatCanBe) {
  roll_out();
  for (const char* number : {"-9223372036854775808", "9223372036854775807"}) {
    for (const char* column : {"step", "attempt", "bytes", "until", "update_at", "late", "reported_at", "installing_at", "turn"})
      execute(std::string{"UPDATE job SET "} + column + "=" + number);
    execute(std::string{"UPDATE phase_count SET n="} + number);
    const auto job = must(lists.job(JobId{"r1-till-1"}));
    EXPECT_TRUE(job.unreadable.empty());
    EXPECT_GE(job.result.step, 0);
    EXPECT_LE(job.result.attempt, wire::kMostAttempt);
    EXPECT_LE(job.result.bytes, static_cast<std::uint64_t>(wire::kMostSize));
    must(lists.rollout(RolloutId{"r1"}));
    must(lists.devices({}));
    report("berlin", {job_report(1, number[0] == '-' ? 1 : 2, "r1-till-1", number[0] == '-' ? "installing" : "succeeded")});
  }
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).result.state, core::JobState::kSucceeded);
  EXPECT_EQ(must(lists.rollout(RolloutId{"r1"})).states.at(0).at(core::JobState::kSucceeded), 1);
}

TEST_F(StoreFixture, ACancelOfATryThatWasFollowedByAnotherNamesThatOne) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "failed")});
  must(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{}, plan_type, kNow, {}));
  const auto refused = store->cancel_job(JobId{"r1-till-1"}, {"ines", "x"}, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_NE(refused.error().message().find("'r1.2-till-1'"), std::string::npos) << refused.error().message();
  EXPECT_EQ(store->cancel_job(JobId{"r1.3-till-1"}, {"ines", "x"}, kNow).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(store->cancel_job(JobId{"r1-ghost"}, {"ines", "x"}, kNow).error().code(), ErrorCode::kNotFound);
  must(store->cancel_job(JobId{"r1.2-till-1"}, {"ines", "x"}, kNow));
}

TEST_F(DamagedNumbers, WhatRunsInsteadIsNamedHoldsNothingAndIsReplaced) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "succeeded")});
  execute("UPDATE job SET drifted_at=1000, drifted='[[oops'");
  const auto damaged = must(lists.job(JobId{"r1-till-1"}));
  ASSERT_EQ(damaged.unreadable.size(), 1U);
  EXPECT_EQ(damaged.unreadable[0].table + " " + damaged.unreadable[0].key + " " + damaged.unreadable[0].column, "job r1-till-1 drifted");
  ASSERT_TRUE(damaged.drifted);
  EXPECT_TRUE(damaged.drifted->running.empty());
  EXPECT_EQ(damaged.result.state, core::JobState::kSucceeded);
  EXPECT_TRUE(store->load_plan("berlin"));
  EXPECT_EQ(store->replace_unreadable({"job", "r1-till-1", "drifted", "[[7]]"}).error().code(), ErrorCode::kInvalid);
  must(store->replace_unreadable({"job", "r1-till-1", "drifted", R"({"os": "1"})"}));
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).drifted->running.at("os"), "1");
  EXPECT_TRUE(must(lists.job(JobId{"r1-till-1"})).unreadable.empty());
}

TEST_F(DamagedNumbers, ACancelIsSavedWhereItCanNotBeReadWhetherOneWasAsked) {
  roll_out();
  execute("UPDATE job SET cancel_at='[[oops'");
  must(store->cancel_job(JobId{"r1-till-1"}, {"ines", "x"}, kNow));
  EXPECT_EQ(store->replace_unreadable({"job", "r1-till-1", "cancel_at", "null"}).error().code(), ErrorCode::kConflict);
}

TEST_F(DamagedNumbers, CountsOfAPhaseAreMadeAnewFromItsJobs) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "failed")});
  execute("UPDATE phase_count SET n='x' WHERE state='failed'");
  must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", "x"}, plan_type, kNow, {}));
  EXPECT_EQ(must(lists.rollout(RolloutId{"r1"})).states.at(0).at(core::JobState::kFailed), 1);
}

TEST_F(DamagedNumbers, APausedRolloutIsNotResumedIntoAStateThatCantBeRead) {
  roll_out(core::Delivery::kPush);
  must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", "x"}, plan_type, kNow, {}));
  execute("UPDATE rollout SET before_pause='x'");
  const auto refused = store->change_rollout(RolloutId{"r1"}, core::ResumeAsked{"ines", "x"}, plan_type, kNow, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_NE(refused.error().message().find("drayctl row replace rollout r1 before_pause"), std::string::npos);
  must(store->replace_unreadable({"rollout", "r1", "before_pause", "\"held\""}));
  must(store->change_rollout(RolloutId{"r1"}, core::ResumeAsked{"ines", "x"}, plan_type, kNow, {}));
  EXPECT_EQ(rollout_state("r1"), "held");
}

TEST_F(DamagedNumbers, NoActionIdIsLeasedTwice) {
  report("berlin", {job_report(1, 1, "r9-x", "scheduled")});
  const auto before = must(store->load_plan("berlin")).action_ids;
  ASSERT_FALSE(before.empty());
  execute("UPDATE site SET next_action='x'");
  must(store->renew_action_ids("berlin", false, kNow));
  const auto after = must(store->load_plan("berlin")).action_ids;
  ASSERT_EQ(after.size(), before.size() + 1);
  EXPECT_GT(after.back().from, before.back().to);
}

TEST_F(DamagedNumbers, WhenTimesAreLookedAtIsNotLostForGood) {
  roll_out();
  const server::WhenAsked when = [](const server::SiteWork&) { return kNow; };
  for (const char* column : {"plan_asked", "plan_seen", "look_at"}) {
    for (const auto& work : must(lists.site_works(RolloutId{"r1"}, when, kNow)))
      must(store->save_times(RolloutId{"r1"}, {{.assignment = work.assignment, .asked = work.asked, .planned = {}, .look_at = {}, .why = {}}}, kNow));
    ASSERT_TRUE(must(lists.planning_due(kNow)).rollouts.empty()) << column;
    execute(std::string{"UPDATE assignment SET "} + column + "='x'");
    EXPECT_TRUE(must(store->ask_unreadable_times({}))) << column;
    EXPECT_EQ(must(lists.planning_due(kNow)).rollouts.size(), 1u) << column;
  }
}

}  // namespace
}  // namespace dray::adapters
