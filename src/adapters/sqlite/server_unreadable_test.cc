// Rows that can't be read: they never permit, hold only what depends on them, are shown, and can be replaced.
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

class Unreadable : public StoreFixture {
 protected:
  void damage(const std::string& table, const std::string& column, const std::string& where = "1",
              const std::string& text = "[[\\\"oops") {
    must(store->db().execute("UPDATE " + table + " SET " + column + "='" + text + "' WHERE " + where));
  }
  core::Assignment assignment(const std::string& site, const std::string& id) {
    const core::Plan plan = must(store->load_plan(site));
    for (const core::Assignment& a : plan.assignments)
      if (a.id.value() == id) return a;
    ADD_FAILURE() << id << " is in no plan";
    return {};
  }
  // At no time before its expiry, whatever comes.
  static bool is_held(const core::Assignment& a) {
    return a.planned_at >= a.expires_at && !core::next_permitted(a.update, kNow) &&
           !core::next_permitted(a.transfer, kNow);
  }
  bool is_held(const std::string& site, const std::string& id) { return is_held(assignment(site, id)); }
  // Two rollouts with intervals, so that "always" would be more than they say.
  void roll_out_twice() {
    for (int i = 0; i < 2; ++i) roll_out();
    must(store->db().execute(
        "UPDATE rollout SET transfer='[[\"2026-11-24T01:00:00Z\",\"2026-11-24T02:00:00Z\"]]', "
        "update_windows='[[\"2026-11-24T03:00:00Z\",\"2026-11-24T04:00:00Z\"]]'"));
  }
  std::string first_note(const std::vector<wire::Unreadable>& notes) {
    return notes.empty() ? "" : notes[0].table + " " + notes[0].key + " " + notes[0].column;
  }
  server::SiteChanges replace(const std::string& table, const std::string& key, const std::string& column,
                              const std::string& text) {
    return must(store->replace_unreadable({table, key, column, text}));
  }

  server::WhenAsked when_ = [](const server::SiteWork&) { return kNow; };
};

class Each : public Unreadable, public ::testing::WithParamInterface<const char*> {};
class RolloutColumn : public Each {};
class SiteColumn : public Each {};
class TimesColumn : public Each {};
class TypeColumn : public Each {};
class DeviceColumn : public Each {};
std::string name_of(const ::testing::TestParamInfo<const char*>& info) { return info.param; }
INSTANTIATE_TEST_SUITE_P(Unreadable, RolloutColumn, ::testing::Values("transfer", "update_windows"), name_of);
INSTANTIATE_TEST_SUITE_P(Unreadable, SiteColumn,
                         ::testing::Values("limits", "transfer_windows", "update_windows", "black_outs"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Unreadable, TimesColumn, ::testing::Values("transfer", "update_windows", "shares"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Unreadable, TypeColumn, ::testing::Values("components", "steps", "parts", "client"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Unreadable, DeviceColumn, ::testing::Values("attributes", "reported", "running"),
                         name_of);

TEST_P(RolloutColumn, IntervalsOfARolloutHoldItAndNothingElse) {
  const std::string column = GetParam();
  roll_out_twice();
  EXPECT_FALSE(is_held("berlin", "r1-berlin"));
  damage("rollout", column, "id=1");
  EXPECT_TRUE(is_held("berlin", "r1-berlin"));
  EXPECT_TRUE(is_held("lyon", "r1-lyon"));
  EXPECT_FALSE(is_held("berlin", "r2-berlin"));
  EXPECT_EQ(assignment("berlin", "r2-berlin").update.size(), 1u);
  const auto rollout = must(lists.rollout(RolloutId{"r1"}));
  EXPECT_EQ(first_note(rollout.unreadable), "rollout r1 " + column);
  EXPECT_EQ(must(lists.rollouts({})).items.size(), 2u);
  auto site = must(lists.site("berlin"));
  wire::describe_site(site, kNow);
  EXPECT_EQ(site.reason, "row_unreadable");
  EXPECT_NE(site.sentence.find("drayctl row replace rollout r1 " + column + " JSON"), std::string::npos)
      << site.sentence;
  const auto job = must(lists.job(JobId{"r1-till-1"}));
  EXPECT_EQ(job.result.reason, "row_unreadable") << job.result.sentence;
  EXPECT_NE(must(lists.job(JobId{"r2-till-1"})).result.reason, "row_unreadable");
  const auto before = revision("berlin");
  EXPECT_EQ(replace("rollout", "r1", column, "[]").size(), 2u);
  EXPECT_GT(revision("berlin"), before);
  EXPECT_FALSE(is_held("berlin", "r1-berlin"));
  EXPECT_TRUE(must(lists.site("berlin")).unreadable.empty());
}

TEST_F(Unreadable, IntervalBesideAnotherOneIsNotLostAlone) {
  roll_out_twice();
  damage("rollout", "update_windows", "id=1",
         "[[\"2026-11-24T03:00:00Z\",\"2026-11-24T04:00:00Z\"],[\"2026-11-24T05:00:00Z\",7]]");
  EXPECT_TRUE(is_held("berlin", "r1-berlin"));
}

TEST_P(SiteColumn, ColumnsOfASiteHoldAllOfItAndNoOtherSite) {
  const std::string column = GetParam();
  roll_out();
  damage("site", column, "name='berlin'");
  EXPECT_TRUE(is_held("berlin", "r1-berlin"));
  EXPECT_FALSE(is_held("lyon", "r1-lyon"));
  if (column == "limits") {
    const core::Plan plan = must(store->load_plan("berlin"));
    ASSERT_EQ(plan.limits.wan.size(), 1u) << "no limits would be none at all";
    EXPECT_EQ(plan.limits.wan[0].rate, 1u);
  }
  EXPECT_EQ(must(lists.sites({})).items.size(), 2u);
  EXPECT_EQ(first_note(must(lists.sites({})).items[0].unreadable), "site berlin " + column);
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).result.reason, "row_unreadable");
  EXPECT_EQ(must(lists.site_works(RolloutId{"r1"}, when_, kNow)).size(), 1u) << "lyon is planned";
  replace("site", "berlin", column, column == "limits" ? "{}" : "[]");
  EXPECT_FALSE(is_held("berlin", "r1-berlin"));
  EXPECT_EQ(must(lists.site_works(RolloutId{"r1"}, when_, kNow)).size(), 2u);
}

TEST_F(Unreadable, LimitsAreReplacedByAPatchThatGivesThemWhole) {
  const core::RateLimit cap{kNow, kNow + 48h, 1000};
  wire::SitePatch first;
  first.limits = core::SiteLimits{.wan = {cap}};
  must(store->change_site("berlin", first, {}));
  wire::SitePatch part;
  part.limits = core::SiteLimits{.concurrency = 5};
  part.limits_given = {.wan = false, .lan = false, .concurrency = true, .store = false};
  must(store->change_site("berlin", part, {}));
  EXPECT_EQ(must(store->load_plan("berlin")).limits, (core::SiteLimits{.wan = {cap}, .concurrency = 5}));

  damage("site", "limits", "name='berlin'");
  const auto refused = store->change_site("berlin", part, {});
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(refused.error().message().find("give all of wan, lan, concurrency and store"), std::string::npos);
  wire::SitePatch zone;
  zone.time_zone = "Europe/Berlin";
  must(store->change_site("berlin", zone, {}));  // what it does not touch is in nobody's way
  EXPECT_EQ(first_note(must(lists.site("berlin")).unreadable), "site berlin limits");
  wire::SitePatch whole;
  whole.limits = core::SiteLimits{.wan = {cap}, .concurrency = 7};
  must(store->change_site("berlin", whole, {}));
  EXPECT_EQ(must(store->load_plan("berlin")).limits.concurrency, 7);
}

TEST_P(TimesColumn, TimesThatWereComputedHoldTheirAssignmentUntilTheyAreComputedAnew) {
  const std::string column = GetParam();
  roll_out();
  const auto works = must(lists.site_works(RolloutId{"r1"}, when_, kNow));
  std::vector<server::SiteResult> results;
  for (const auto& work : works) {
    server::SiteResult result{.assignment = work.assignment, .asked = work.asked};
    result.planned = server::PlannedSite{.at = kNow};
    results.push_back(result);
  }
  must(store->save_times(RolloutId{"r1"}, results, kNow));
  EXPECT_FALSE(is_held("berlin", "r1-berlin"));
  damage("assignment", column, "id=" + std::to_string(results[0].assignment));
  EXPECT_TRUE(is_held("berlin", "r1-berlin"));
  EXPECT_FALSE(is_held("lyon", "r1-lyon"));
  EXPECT_EQ(must(lists.site_times(RolloutId{"r1"}, {})).items.at(0).misfit, "row_unreadable");
  EXPECT_EQ(must(lists.shares(kNow)).size(), 0u);
  must(store->save_times(RolloutId{"r1"}, results, kNow));
  EXPECT_FALSE(is_held("berlin", "r1-berlin"));
}

TEST_P(TypeColumn, ATypeHoldsTheSitesThatHaveIt) {
  const std::string column = GetParam();
  add_type("kiosk", {{"os"}});
  must(store->add_site({.name = "oslo"}, std::string(64, 'f'), kNow, {}));
  add_device("kiosk-1", "oslo", "kiosk");
  damage("device_type", column, "name='kiosk'");
  const auto plan = store->load_plan("oslo");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(plan.error().message().find("device_type kiosk, " + column), std::string::npos)
      << plan.error().message();
  EXPECT_TRUE(store->load_plan("berlin"));
  EXPECT_EQ(must(lists.device_types({})).items.size(), 3u);
  EXPECT_EQ(first_note(must(lists.device_type("kiosk")).unreadable), "device_type kiosk " + column);
  EXPECT_EQ(first_note(must(lists.site("oslo")).unreadable), "device_type kiosk " + column);
  roll_out();  // of others; nobody knows what a kiosk takes
  EXPECT_FALSE(lists.job(JobId{"r1-kiosk-1"}));
  EXPECT_TRUE(lists.job(JobId{"r1-till-1"}));
  if (column == "client") return;  // a word, no document
  replace("device_type", "kiosk", column,
          column == "components" ? "[\"os\"]"
          : column == "steps"    ? "[[\"os\"]]"
                                 : "{}");
  EXPECT_TRUE(store->load_plan("oslo"));
}

TEST_F(Unreadable, StepsHoldTheirSitesUntilTheyAreReplacedOrTheRolloutIsAborted) {
  roll_out();
  damage("rollout_type", "steps", "type='till'");
  EXPECT_EQ(store->load_plan("berlin").error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(first_note(must(lists.site("berlin")).unreadable), "rollout_type r1/till steps");
  replace("rollout_type", "r1/till", "steps", "[[\"" + sha('a').hex() + "\"]]");
  EXPECT_EQ(must(store->load_plan("berlin")).assignments.at(0).jobs.at(0).steps.size(), 1u);
}

TEST_P(DeviceColumn, DevicesPassNoFilterAndAreShown) {
  const std::string column = GetParam();
  damage("device", column, "name='till-1'");
  EXPECT_EQ(must(lists.devices({})).items.size(), 3u);
  EXPECT_EQ(first_note(must(lists.device("till-1")).unreadable), "device till-1 " + column);
  EXPECT_TRUE(store->load_plan("berlin"));
  roll_out(core::Delivery::kPull, "type = \"till\"");
  EXPECT_FALSE(lists.job(JobId{"r1-till-1"}));
  EXPECT_TRUE(lists.job(JobId{"r1-till-2"}));
}

TEST_F(Unreadable, AnArtifactStopsOnlyReleasesThatHoldIt) {
  damage("artifact", "device_types", "component='app'");
  EXPECT_EQ(must(lists.artifacts({})).items.size(), 2u);
  EXPECT_EQ(must(lists.releases({})).items.size(), 1u);
  must(store->add_release({"os-only", "2", {sha('a')}}, kNow, {}));
  const auto refused = store->add_release({"both", "2", {sha('a'), sha('b')}}, kNow, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("artifact " + sha('b').hex() + ", device_types"),
            std::string::npos);
  replace("artifact", sha('b').hex(), "device_types", "[\"till\"]");
  must(store->add_release({"both", "2", {sha('a'), sha('b')}}, kNow, {}));
}

TEST_F(Unreadable, TermsOfAPhaseNeedAnApprovalAndItsRolloutCanBeAborted) {
  roll_out();
  damage("rollout_phase", "terms");
  const auto rollout = must(lists.rollout(RolloutId{"r1"}));
  EXPECT_TRUE(rollout.rollout.phases.at(0).terms.approval);
  EXPECT_EQ(first_note(rollout.unreadable), "rollout_phase r1/1 terms");
  replace("rollout_phase", "r1/1", "terms", "{\"success\":{\"percent\":50},\"later\":1}");
  EXPECT_FALSE(must(lists.rollout(RolloutId{"r1"})).rollout.phases.at(0).terms.approval);
  damage("rollout_phase", "terms");
  must(store->change_rollout(RolloutId{"r1"}, core::AbortAsked{"ines", "damaged"}, plan_type, kNow, {}));
  EXPECT_EQ(rollout_state("r1"), "aborted");
}

TEST_F(Unreadable, ARolloutThatHasLostAPhaseNeedsAnApprovalAndStopsNoOther) {
  roll_out();
  roll_out();
  must(store->db().execute("DELETE FROM rollout_phase WHERE rollout_id=1"));
  const auto lost = must(lists.rollout(RolloutId{"r1"}));
  EXPECT_TRUE(lost.rollout.phases.at(0).terms.approval);
  EXPECT_EQ(first_note(lost.unreadable), "rollout_phase r1/1 terms");
  must(store->pass_time(plan_type, kNow + 10h));
  EXPECT_NE(rollout_state("r2"), "scheduled");
  roll_out();
  must(store->db().execute("DELETE FROM rollout_phase WHERE rollout_id=3"));
  must(store->change_rollout(RolloutId{"r3"}, core::AbortAsked{"ines", "damaged"}, plan_type, kNow, {}));
  EXPECT_EQ(rollout_state("r3"), "aborted");
}

TEST_F(Unreadable, WhatFailsForOneRolloutIsUndoneAndPassedOverForOthers) {
  roll_out();
  roll_out();
  must(store->db().execute(
      "CREATE TRIGGER fails BEFORE UPDATE ON rollout WHEN NEW.id=1 BEGIN SELECT RAISE(ABORT, 'damaged'); END"));
  const auto passed = must(store->pass_time(plan_type, kNow + 2h));
  EXPECT_EQ(rollout_state("r1"), "scheduled");
  EXPECT_EQ(rollout_state("r2"), "running");
  ASSERT_EQ(passed.not_passed.size(), 1u);
  EXPECT_TRUE(passed.not_passed[0].starts_with("r1: ")) << passed.not_passed[0];
  EXPECT_EQ(passed.next, kNow + 2h + 1min) << "not in a tight loop";
}

TEST_F(Unreadable, WordsThatAreNotKnownDoNotPermit) {
  roll_out(core::Delivery::kPush);
  damage("rollout", "state", "1", "wandering");
  EXPECT_EQ(rollout_state("r1"), "paused");
  EXPECT_EQ(assignment("berlin", "r1-berlin").planned_at, assignment("berlin", "r1-berlin").expires_at) << "as it is shown";
  damage("assignment", "fetch", "1", "soon");
  EXPECT_EQ(assignment("berlin", "r1-berlin").fetch, core::Fetch::kHold);
}

TEST_F(Unreadable, WhatWasReportedIsShownAsUnknown) {
  roll_out();
  damage("site", "storage", "name='berlin'");
  damage("job", "running");
  EXPECT_FALSE(is_held("berlin", "r1-berlin"));
  EXPECT_EQ(first_note(must(lists.site("berlin")).unreadable), "site berlin storage");
  EXPECT_TRUE(must(lists.job(JobId{"r1-till-1"})).result.running.empty());
  EXPECT_EQ(report("berlin", {job_report(1, 1, "r1-till-1", "downloading")}).acknowledged.seq, 1);
}

TEST_F(Unreadable, MembersOfALaterVersionArePassedOver) {
  damage(
      "site", "limits", "name='berlin'",
      "{\"wan\":[{\"from\":\"2026-11-24T00:00:00Z\",\"to\":\"2026-11-25T00:00:00Z\",\"rate\":7,\"burst\":9}],"
      "\"concurrency\":2,\"hue\":\"green\"}");
  damage("device", "running", "name='till-1'", "{\"os\":[\"1\",\"abc\",\"later\"]}");
  const core::Plan plan = must(store->load_plan("berlin"));
  EXPECT_EQ(plan.limits.concurrency, 2);
  ASSERT_EQ(plan.limits.wan.size(), 1u);
  EXPECT_EQ(plan.limits.wan[0].rate, 7u);
  EXPECT_TRUE(must(lists.site("berlin")).unreadable.empty());
  EXPECT_EQ(must(lists.device("till-1")).running.at("os").version, "1");
}

TEST_F(Unreadable, OnlyWhatCanNotBeReadIsReplacedAndOnlyByWhatCan) {
  roll_out();
  const auto whole = store->replace_unreadable({"site", "berlin", "limits", "{}"});
  EXPECT_EQ(whole.error().code(), ErrorCode::kConflict) << "it can be read";
  damage("site", "limits", "name='berlin'");
  EXPECT_EQ(store->replace_unreadable({"site", "berlin", "limits", "[]"}).error().code(),
            ErrorCode::kInvalid);
  EXPECT_EQ(store->replace_unreadable({"site", "paris", "limits", "{}"}).error().code(),
            ErrorCode::kNotFound);
  const auto column = store->replace_unreadable({"site", "berlin", "revision", "7"});
  EXPECT_EQ(column.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(column.error().message().find("site.limits"), std::string::npos) << "it names what there is";
  EXPECT_TRUE(is_held("berlin", "r1-berlin")) << "what was refused changed nothing";
}

TEST_F(Unreadable, WhatARolloutWouldDoIsToldForTheSitesThatCanBeRead) {
  damage("site", "update_windows", "name='berlin'");
  wire::NewRollout rollout{.release_name = "tills", .release_version = "2"};
  rollout.phases.resize(1);
  rollout.terms = {.update_at = kNow + 2h, .expires_at = kNow + 9h};
  const auto asked =
      must(lists.what_if(rollout, must(core::parse_filter("", core::kDeviceFields)), plan_type, when_, kNow));
  ASSERT_EQ(asked.sites.size(), 1u);
  EXPECT_EQ(asked.sites[0].site, "lyon");
  EXPECT_EQ(asked.facts.sites.size(), 1u);
  ASSERT_EQ(asked.unreadable.size(), 1u);
  EXPECT_EQ(asked.unreadable[0].first, "berlin");
}

}  // namespace
}  // namespace dray::adapters
