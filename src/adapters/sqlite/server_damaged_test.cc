// Numbers and words that are damaged, whatever can be damaged at all, and a file that is.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

using Notes = std::vector<wire::Unreadable>;

class Damaged : public StoreFixture {
 protected:
  void execute(const std::string& sql) { must(store->db().execute(sql)); }
  void roll() { roll_out(); }
  // Whatever is shown as unreadable anywhere.
  Notes notes() {
    Notes out;
    const auto add = [&out](const auto& one) { out.insert(out.end(), one.unreadable.begin(), one.unreadable.end()); };
    const auto add_page = [&add](const auto& page) {
      if (!page) return;
      for (const auto& one : page->items) add(one);
    };
    add_page(lists.sites({}));
    add_page(lists.devices({}));
    add_page(lists.device_types({}));
    add_page(lists.rollouts({}));
    add_page(lists.artifacts({}));
    add_page(lists.registered({}));
    add_page(lists.jobs(RolloutId{"r1"}, {}));
    for (const char* name : {"berlin", "lyon"})
      if (const auto site = lists.site(name)) add(*site);
    return out;
  }
  std::vector<std::pair<std::string, std::string>> columns() {
    std::vector<std::pair<std::string, std::string>> out;
    Statement find{store->db(),
                   "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type='table' AND "
                   "m.name NOT LIKE 'sqlite%'"};
    while (must(find.step())) out.emplace_back(find.text(0), find.text(1));
    return out;
  }
  core::Assignment berlin() {
    for (const core::Assignment& a : must(store->load_plan("berlin")).assignments)
      if (a.id.value() == "r1-berlin") return a;
    throw std::runtime_error("it is in no plan");
  }
  bool is_held() {
    const core::Assignment a = berlin();
    return a.planned_at >= a.expires_at;
  }
};

TEST_F(Damaged, WhateverIsShownAsUnreadableCanBeReplacedOrIsToldAgain) {
  std::set<std::string> noted;
  roll();
  execute("PRAGMA foreign_keys=OFF");
  for (const auto& [table, column] : columns()) {
    execute("BEGIN");
    static_cast<void>(store->db().execute("UPDATE " + table + " SET " + column + "='[[\"oops'"));  // a key refuses it
    for (const wire::Unreadable& note : notes()) {
      noted.insert(note.table + "." + note.column);
      if (!wire::remedy_of(note).starts_with("drayctl row replace")) continue;
      const auto replaced = store->replace_unreadable({note.table, note.key, note.column, "\"\\u0001\""});
      ASSERT_FALSE(replaced);
      EXPECT_EQ(replaced.error().message().find("is none of"), std::string::npos)
          << note.table << "." << note.column << " is shown, but can't be replaced";
    }
    execute("ROLLBACK");
  }
  for (const char* column :
       {"device_type.client", "device.attributes", "artifact.device_types", "rollout_phase.terms", "rollout.update_at",
        "rollout.expires_at", "rollout.released", "assignment.held", "site.limits", "rollout_type.steps"})
    EXPECT_TRUE(noted.contains(column)) << column;
}

TEST_F(Damaged, TheSiteNamesWhatIsDamagedOfItsDevicesReleasesAndPhases) {
  roll();
  for (const auto& [table, column, where] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"device", "attributes", "name='till-1'"},
           {"device", "reported", "name='till-1'"},
           {"device", "running", "name='till-1'"},
           {"artifact", "device_types", "component='app'"},
           {"rollout_phase", "terms", "1"}}) {
    must(store->db().execute("UPDATE " + table + " SET " + column + "='{' WHERE " + where));
    const auto site = must(lists.site("berlin"));
    EXPECT_TRUE(std::any_of(site.unreadable.begin(), site.unreadable.end(),
                            [&](const auto& note) { return note.table == table && note.column == column; }))
        << table << "." << column;
  }
}

TEST_F(Damaged, TheClientOfATypeIsReplacedAsAWord) {
  execute("UPDATE device_type SET client='none' WHERE name='till'");
  EXPECT_FALSE(store->load_plan("berlin"));
  EXPECT_EQ(store->replace_unreadable({"device_type", "till", "client", "\"fridge\""}).error().code(),
            ErrorCode::kInvalid);
  must(store->replace_unreadable({"device_type", "till", "client", "\"any\""}));
  EXPECT_TRUE(store->load_plan("berlin"));
  EXPECT_EQ(must(lists.device_type("till")).client, core::Client::kAny);
}

TEST_F(Damaged, ATypeThatWouldHaveAFlawIsNotMade) {
  execute("UPDATE device_type SET steps='{' WHERE name='till'");
  const auto refused = store->replace_unreadable({"device_type", "till", "steps", "[[\"os\"]]"});
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid) << "app is in no step";
  EXPECT_FALSE(must(lists.device_type("till")).unreadable.empty()) << "what was refused changed nothing";
  must(store->replace_unreadable({"device_type", "till", "steps", "[[\"os\"],[\"app\"]]"}));
  execute("UPDATE device_type SET components='{' WHERE name='odd'");
  EXPECT_FALSE(store->replace_unreadable({"device_type", "odd", "components", "[\"no name\\u0007\"]"}));
}

struct Scalar {
  const char *table, *column, *key, *good;
};
class DamagedScalar : public Damaged, public ::testing::WithParamInterface<Scalar> {};
INSTANTIATE_TEST_SUITE_P(Each, DamagedScalar,
                         ::testing::Values(Scalar{"rollout", "update_at", "r1", "\"2026-11-24T02:00:00Z\""},
                                           Scalar{"rollout", "expires_at", "r1", "\"2026-11-24T09:00:00Z\""},
                                           Scalar{"rollout", "transmit_at", "r1", "null"},
                                           Scalar{"rollout", "released", "r1", "1"},
                                           Scalar{"assignment", "held", "r1-berlin", "false"}),
                         [](const auto& of) { return std::string{of.param.column}; });

TEST_P(DamagedScalar, PermitsNothingUntilItIsReplaced) {
  const auto& [table, column, key, good] = GetParam();
  roll();
  ASSERT_FALSE(is_held());
  execute(std::string{"UPDATE "} + table + " SET " + column + "='x' WHERE id=1");
  EXPECT_TRUE(is_held());
  must(store->pass_time(plan_type, kNow + 3h));
  EXPECT_TRUE(is_held()) << "nothing that goes on makes a number of it";
  EXPECT_EQ(berlin().jobs.size(), 1u) << "left out, the job would be cancelled";
  const auto site = must(lists.site("berlin"));
  ASSERT_EQ(site.unreadable.size(), 1u);
  EXPECT_EQ(site.unreadable[0].table + "." + site.unreadable[0].column, std::string{table} + "." + column);
  EXPECT_EQ(site.unreadable[0].key, key);
  must(store->replace_unreadable({table, key, column, good}));
  EXPECT_FALSE(is_held());
  EXPECT_TRUE(must(lists.site("berlin")).unreadable.empty());
}

TEST_F(Damaged, TheNumberOfReleasedPhasesPutsNoLaterPhaseIntoAPlan) {
  wire::NewRollout rollout{.release_name = "tills", .release_version = "2", .filter = "type = \"till\""};
  rollout.phases.resize(2);
  rollout.phases[0].share = core::DeviceCount{1};
  rollout.terms = {.delivery = core::Delivery::kPull, .update_at = kNow + 2h, .expires_at = kNow + 9h};
  must(store->add_rollout(rollout, must(core::parse_filter(rollout.filter, core::kDeviceFields)), plan_type, kNow, {}));
  must(store->pass_time(plan_type, kNow));
  const auto jobs = [this] {
    std::size_t out = 0;
    for (const char* site : {"berlin", "lyon"})
      for (const core::Assignment& a : must(store->load_plan(site)).assignments) out += a.jobs.size();
    return out;
  };
  ASSERT_EQ(jobs(), 1u);
  execute("UPDATE rollout SET released='x'");
  execute("UPDATE assignment SET in_plan=1");
  must(store->pass_time(plan_type, kNow + 3h));
  EXPECT_EQ(jobs(), 1u);
}

TEST_F(Damaged, ATransmissionTimeIsNoTimeLongAgo) {
  roll_out(core::Delivery::kPush);
  execute("UPDATE rollout SET transmit_at='soon', wake_at=0");
  must(store->pass_time(plan_type, kNow));
  EXPECT_EQ(berlin().fetch, core::Fetch::kHold);
  EXPECT_EQ(rollout_state("r1"), "held");
}

TEST_F(Damaged, ADeferralHoldsUntilItIsReplaced) {
  roll();
  const auto made = must(store->add_deferral({.site = "berlin", .until = kNow + 1h, .by = "ines", .why = "x"}, kNow, {}));
  execute("UPDATE deferral SET until='x'");
  ASSERT_EQ(must(store->load_plan("berlin")).deferrals.size(), 1u);
  EXPECT_EQ(must(store->load_plan("berlin")).deferrals[0].until, kWrittenMax);
  EXPECT_EQ(must(lists.site("berlin")).unreadable.at(0).key, made.made.id);
  must(store->replace_unreadable({"deferral", made.made.id, "until", "\"2026-11-24T01:00:00Z\""}));
  EXPECT_EQ(must(store->load_plan("berlin")).deferrals[0].until, kNow + 1h);
  execute("UPDATE deferral SET withdrawn_at='x'");
  EXPECT_EQ(must(store->load_plan("berlin")).deferrals.size(), 1u) << "not withdrawn";
  must(store->replace_unreadable({"deferral", made.made.id, "withdrawn_at", "null"}));
  EXPECT_TRUE(must(lists.site("berlin")).unreadable.empty());
}

// A page of the file that is damaged is no matter of one batch: nothing more is committed.
TEST(DamagedFile, FailsAllBatchesOfATransaction) {
  const std::string path = ::testing::TempDir() + "dray_damaged_" + std::to_string(::getpid()) + ".sqlite";
  const auto remove = [&] {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  };
  remove();
  std::int64_t page = 0, size = 0;
  {
    auto store = must(SqliteServerStore::open({.path = path, .vfs = {}}));
    for (const std::string site : {"berlin", "lyon"}) must(store->add_site({.name = site}, sha256_of(as_bytes(site)).hex(), kNow, {}));
    Statement where{store->db(), "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name='registered'"};
    ASSERT_TRUE(must(where.step()));
    page = where.integer(0);
    size = where.integer(1);
  }
  {
    std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp((page - 1) * size);
    file << std::string(static_cast<std::size_t>(size), '\xee');
  }
  auto store = must(SqliteServerStore::open({.path = path, .vfs = {}}));
  wire::RegisteredReport seen;
  seen.device = DeviceId{"new-1"};
  const server::ReportBatch bad{"berlin", {{1, 1, kNow, seen}}, kNow};
  const server::ReportBatch good{"lyon", {{1, 1, kNow, wire::StorageReport{}}}, kNow};
  const auto all = store->ingest({&good, &bad});
  ASSERT_FALSE(all) << "one was committed into a damaged file";
  EXPECT_EQ(all.error().code(), ErrorCode::kUnavailable) << all.error().message();
  remove();
}

}  // namespace
}  // namespace dray::adapters
