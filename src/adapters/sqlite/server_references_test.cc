// References that lead nowhere: nothing that they hold leaves a plan, is cancelled or permitted, and each can be replaced.
#include "adapters/sqlite/server_references.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

using Rows = std::vector<wire::Unreadable>;
constexpr const char* kNowhere[]{"'x'", "x'ff'", "-1", "9223372036854775807"};

class DanglingBase : public StoreFixture {
 protected:
  void execute(const std::string& sql) { must(store->db().execute(sql)); }
  void damage(const std::string& table, const std::string& column, const std::string& where, const std::string& value) {
    execute("PRAGMA foreign_keys=OFF");
    execute("UPDATE " + table + " SET " + column + "=" + value + " WHERE " + where);
    execute("PRAGMA foreign_keys=ON");
  }
  Rows rows_of(const std::string& site) { return must(lists.site(site)).unreadable; }
  static std::ptrdiff_t named(const Rows& rows, const std::string& table, const std::string& key, const std::string& column) {
    return std::count_if(rows.begin(), rows.end(), [&](const auto& one) {
      return one.table == table && one.key == key && one.column == column;
    });
  }
  std::vector<std::string> deferrals_of(const std::string& site) {
    std::vector<std::string> out;
    for (const auto& one : must(store->load_plan(site)).deferrals) out.push_back(one.id);
    return out;
  }
};

struct DamagedReference {
  const char *table, *column, *where, *key, *good;
};
class Dangling : public DanglingBase, public ::testing::WithParamInterface<DamagedReference> {};
INSTANTIATE_TEST_SUITE_P(Each, Dangling,
                         ::testing::Values(DamagedReference{"job", "assignment_id", "id=1", "1", "\"r1-berlin\""},
                                           DamagedReference{"job", "device_id", "id=1", "1", "\"till-1\""},
                                           DamagedReference{"job", "rollout_id", "id=1", "1", "\"r1\""},
                                           DamagedReference{"job", "rollout_type_id", "id=1", "1", "\"r1/till\""},
                                           DamagedReference{"assignment", "rollout_id", "id=1", "1", "\"r1\""},
                                           DamagedReference{"assignment", "site_id", "id=1", "1", "\"berlin\""},
                                           DamagedReference{"device", "type", "name='till-1'", "till-1", "\"till\""},
                                           DamagedReference{"device", "site_id", "name='till-1'", "till-1", "\"berlin\""}),
                         [](const auto& of) { return std::string{of.param.table} + "_" + of.param.column; });

TEST_P(Dangling, ReferenceKeepsThePlanOfItsSiteAsItWasUntilItIsReplaced) {
  const auto& [table, column, where, key, good] = GetParam();
  roll_out();
  ASSERT_EQ(must(store->load_plan("berlin")).assignments.at(0).jobs.at(0).id.value(), "r1-till-1");
  for (const char* value : kNowhere) {
    damage(table, column, where, value);
    const auto plan = store->load_plan("berlin");
    ASSERT_FALSE(plan) << value;
    EXPECT_EQ(plan.error().code(), ErrorCode::kCorrupt);
    const std::string remedy = std::string{"drayctl row replace "} + table + " " + key + " " + column;
    EXPECT_NE(plan.error().message().find(remedy), std::string::npos) << plan.error().message();
    EXPECT_EQ(rows_of("berlin").size(), 1u) << value;
    EXPECT_EQ(named(rows_of("berlin"), table, key, column), 1) << value;
    EXPECT_EQ(named(must(store->dangling()), table, key, column), 1) << value;
    EXPECT_TRUE(store->load_plan("lyon")) << "another site goes on";
    EXPECT_TRUE(rows_of("lyon").empty());
    // Whatever else changes the plan of the site meanwhile: what was in it stays.
    const auto made = must(store->add_deferral({.site = "berlin", .until = kNow + 1h, .by = "ines", .why = "x"}, kNow, {}));
    must(store->withdraw_deferral(made.made.id, kNow));
    must(store->pass_time(plan_type, kNow + 3h));
    EXPECT_EQ(store->replace_unreadable({table, key, column, "\"none\""}).error().code(), ErrorCode::kInvalid);
    must(store->replace_unreadable({table, key, column, good}));
    EXPECT_TRUE(rows_of("berlin").empty()) << value;
    const auto again = must(store->load_plan("berlin"));
    ASSERT_EQ(again.assignments.size(), 1u) << value;
    EXPECT_EQ(again.assignments[0].jobs.at(0).id.value(), "r1-till-1");
    EXPECT_TRUE(again.cancels.empty());
    EXPECT_EQ(again.devices.size(), 2u);
    EXPECT_EQ(store->replace_unreadable({table, key, column, good}).error().code(), ErrorCode::kConflict);
  }
}

using DanglingRows = DanglingBase;

TEST_F(DanglingRows, ADeferralOfNoSiteHoldsEveryOneUntilItIsReplacedOrWithdrawn) {
  roll_out();
  for (const char* value : kNowhere) {
    const auto made = must(store->add_deferral({.site = "berlin", .until = kNow + 1h, .by = "ines", .why = "x"}, kNow, {}));
    const std::string id = made.made.id;
    EXPECT_EQ(deferrals_of("lyon").size(), 0u);
    damage("deferral", "site_id", "'d'||id='" + id + "'", value);
    for (const char* site : {"berlin", "lyon"}) {
      EXPECT_EQ(deferrals_of(site), std::vector{id}) << site << value;
      EXPECT_EQ(named(rows_of(site), "deferral", id, "site_id"), 1) << site << value;
    }
    EXPECT_TRUE(must(lists.deferral(id)).stands);
    EXPECT_EQ(must(store->replace_unreadable({"deferral", id, "site_id", "\"berlin\""})).size(), 2u) << "both plans change";
    EXPECT_EQ(deferrals_of("berlin"), std::vector{id});
    EXPECT_TRUE(deferrals_of("lyon").empty());
    damage("deferral", "site_id", "'d'||id='" + id + "'", value);
    EXPECT_EQ(must(store->withdraw_deferral(id, kNow)).size(), 2u);
    EXPECT_TRUE(deferrals_of("berlin").empty());
    EXPECT_TRUE(deferrals_of("lyon").empty());
    EXPECT_TRUE(rows_of("lyon").empty());
  }
}

TEST_F(DanglingRows, ADeferralOfNoSiteHoldsOnlyTheOneOfItsDevice) {
  roll_out();
  const std::string id = must(store->add_deferral({.device = "till-1", .until = kNow + 1h, .by = "ines", .why = "x"}, kNow, {})).made.id;
  damage("deferral", "site_id", "1", "'x'");
  EXPECT_EQ(deferrals_of("berlin"), std::vector{id});
  EXPECT_TRUE(deferrals_of("lyon").empty());
}

TEST_F(DanglingRows, ADeferralOfNoDeviceOrRolloutMeansAllOfThem) {
  roll_out();
  must(store->add_deferral({.device = "till-1", .rollout = "r1", .until = kNow + 1h, .by = "ines", .why = "x"}, kNow, {}));
  damage("deferral", "device", "1", "'nobody'");
  damage("deferral", "rollout_id", "1", "99");
  const auto plan = must(store->load_plan("berlin"));
  EXPECT_TRUE(plan.deferrals.at(0).device.empty());
  EXPECT_TRUE(plan.deferrals.at(0).assignment.empty());
  EXPECT_EQ(rows_of("berlin").size(), 2u);
}

TEST_F(DanglingRows, NumbersThatAreNoTimesWithdrawAndEndNoDeferral) {
  roll_out();
  const std::string id = must(store->add_deferral({.site = "berlin", .until = kNow + 1h, .by = "ines", .why = "x"}, kNow, {})).made.id;
  for (const char* column : {"withdrawn_at", "until"})
    for (const char* value : {"-1", "9223372036854775807"}) {
      damage("deferral", column, "1", value);
      EXPECT_EQ(deferrals_of("berlin"), std::vector{id}) << column << value;
      EXPECT_EQ(named(rows_of("berlin"), "deferral", id, column), 1) << column << value;
      EXPECT_GE(must(store->load_plan("berlin")).deferrals.at(0).until, kNow + 1h);
      EXPECT_TRUE(must(lists.deferral(id)).stands);
      const bool ends = std::string_view{column} == "until";
      must(store->replace_unreadable({"deferral", id, column, ends ? "\"2026-11-24T01:00:00Z\"" : "null"}));
      EXPECT_TRUE(rows_of("berlin").empty());
    }
  damage("deferral", "withdrawn_at", "1", "-1");
  must(store->withdraw_deferral(id, kNow));
  EXPECT_TRUE(deferrals_of("berlin").empty());
}

TEST_F(DanglingRows, ARolloutOfNoReleaseIsShownTakesNobodyInAndCanBeAborted) {
  roll_out();
  damage("rollout", "release_id", "1", "'x'");
  EXPECT_EQ(named(must(lists.rollout(RolloutId{"r1"})).unreadable, "rollout", "r1", "release_id"), 1);
  EXPECT_EQ(must(lists.rollouts({})).items.size(), 1u);
  EXPECT_EQ(named(rows_of("berlin"), "rollout", "r1", "release_id"), 1);
  EXPECT_EQ(must(store->load_plan("berlin")).assignments.size(), 1u) << "what has begun goes on";
  add_device("till-9", "berlin", "till");
  must(store->pass_time(plan_type, kNow + 3h));
  EXPECT_FALSE(lists.job(JobId{"r1-till-9"})) << "not even as incompatible";
  must(store->replace_unreadable({"rollout", "r1", "release_id", "\"tills/2\""}));
  must(store->pass_time(plan_type, kNow + 3h));
  EXPECT_EQ(state("r1-till-9"), "scheduled");
  damage("rollout", "release_id", "1", "-1");
  must(store->change_rollout(RolloutId{"r1"}, core::AbortAsked{"ines", "x"}, plan_type, kNow, {}));
  EXPECT_EQ(rollout_state("r1"), "aborted");
}

TEST_F(DanglingRows, AReleaseThatHasLostAnArtifactMatchesNobodyWithTheRest) {
  roll_out();
  damage("release_artifact", "artifact_id", "position=0", "'x'");
  EXPECT_EQ(named(rows_of("berlin"), "release_artifact", "1/0", "artifact_id"), 1);
  add_device("till-9", "berlin", "till");
  must(store->pass_time(plan_type, kNow + 3h));
  EXPECT_FALSE(lists.job(JobId{"r1-till-9"}));
  must(store->replace_unreadable({"release_artifact", "1/0", "artifact_id", "\"" + std::string(64, 'a') + "\""}));
  EXPECT_TRUE(rows_of("berlin").empty());
}

TEST_F(DanglingRows, ADeviceOfNoSiteIsShownAndStopsNobody) {
  damage("device", "site_id", "name='odd-1'", "'x'");
  const auto shown = must(lists.device("odd-1"));
  EXPECT_EQ(named(shown.unreadable, "device", "odd-1", "site_id"), 1);
  EXPECT_TRUE(store->load_plan("berlin"));
  must(store->replace_unreadable({"device", "odd-1", "site_id", "\"berlin\""}));
  EXPECT_EQ(must(store->load_plan("berlin")).devices.size(), 2u);
}

TEST_F(DanglingRows, ADeviceOfNoNameKeepsThePlanOfItsSiteAndIsReplacedByItsNumber) {
  execute("UPDATE device SET name=cast(x'4bf66c6e' AS TEXT) WHERE name='odd-1'");
  EXPECT_FALSE(store->load_plan("berlin"));
  EXPECT_EQ(named(rows_of("berlin"), "device", "3", "name"), 1);
  must(store->replace_unreadable({"device", "3", "name", "\"odd-1\""}));
  EXPECT_TRUE(store->load_plan("berlin"));
  EXPECT_TRUE(rows_of("berlin").empty());
}

TEST_F(DanglingRows, HowFarReportsWereTakenBeginsAnewWhereItCantBeRead) {
  roll_out();
  for (const char* value : {"'x'", "-1", "9223372036854775807"})
    for (const char* column : {"seen_epoch", "seen_seq"}) {
      report("berlin", {job_report(3, 9, "r1-till-1", "downloading")});
      execute(std::string{"UPDATE site SET "} + column + "=" + value + " WHERE name='berlin'");
      must(store->note_start({kNow}, kNow));
      const auto entries = must(store->sites());
      EXPECT_EQ(entries.at(0).seen.epoch, 0) << column << value;
      EXPECT_EQ(entries.at(0).seen.seq, 0) << column << value;
      EXPECT_TRUE(report("berlin", {job_report(3, 10, "r1-till-1", "downloading")}).resync) << column << value;
      EXPECT_EQ(must(store->sites()).at(0).seen.seq, 10);
    }
}

TEST_F(DanglingRows, FilesOfNoNameAreSetAsideAndCanBeSentAnew) {
  roll_out();
  damage("blob", "sha256", "sha256 LIKE 'a%'", "'x'");
  execute("INSERT INTO upload(sha256, size, touched_at, durable) VALUES('x', 1, 1, 1), ('" + std::string(64, 'c') + "', -1, 1, 1), ('" +
          std::string(64, 'd') + "', 5, 'x', 'x')");
  EXPECT_EQ(must(store->blobs()).rows.size(), 1u);
  EXPECT_EQ(named(must(store->blobs()).unreadable, "blob", "x", "sha256"), 1);
  const auto uploads = must(store->uploads());
  ASSERT_EQ(uploads.rows.size(), 1u);
  EXPECT_EQ(uploads.rows[0].durable, 0u) << "the end will tell";
  EXPECT_EQ(uploads.unreadable.size(), 2u);
  EXPECT_EQ(must(lists.artifacts({})).items.size(), 2u);
  EXPECT_EQ(named(must(lists.artifact(sha('a'))).unreadable, "blob", sha('a').hex(), "bytes"), 1);
  const auto plan = store->load_plan("berlin");
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message().find("drayctl artifact push"), std::string::npos) << plan.error().message();
  must(store->add_blob({sha('a'), 10, std::string(40, '1'), std::string(32, '2')}, kNow));
  EXPECT_TRUE(store->load_plan("berlin"));
  execute("UPDATE blob SET size=-1, sha1='x', md5='x'");
  EXPECT_EQ(must(store->blobs()).rows.size(), 0u);
  EXPECT_EQ(rows_of("berlin").size(), 6u);
  for (const char c : {'a', 'b'}) must(store->add_blob({sha(c), 10, std::string(40, '1'), std::string(32, '2')}, kNow));
  EXPECT_TRUE(rows_of("berlin").empty()) << "sent anew, its row is written anew";
}

}  // namespace
}  // namespace dray::adapters
