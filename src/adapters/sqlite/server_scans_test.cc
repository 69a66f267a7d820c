// What is done for each plan, each batch of reports and each tick reads no big table from end to end.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

// Rows that people make one by one: the open rollouts, and the deferrals that were asked for at the server.
bool is_small(std::string_view step) { return step == "SCAN r" || step == "SCAN deferral" || step.starts_with("SCAN ("); }

// Every statement that the store has prepared, and the steps of its query plan that go through a whole table.
std::vector<std::string> scans(Db& db) {
  std::vector<std::string> statements, out;
  for (sqlite3_stmt* one = sqlite3_next_stmt(db.handle(), nullptr); one != nullptr; one = sqlite3_next_stmt(db.handle(), one))
    statements.emplace_back(sqlite3_sql(one));
  for (const std::string& sql : statements) {
    if (sql.starts_with("SAVEPOINT") || sql.starts_with("RELEASE") || sql.starts_with("ROLLBACK")) continue;
    Statement plan{db, "EXPLAIN QUERY PLAN " + sql};
    while (must(plan.step())) {
      const std::string step = plan.text(3);
      if (step.starts_with("SCAN ") && step.find(" USING ") == std::string::npos && step.find("CONSTANT") == std::string::npos &&
          !is_small(step))
        out.push_back(step + " in " + sql);
    }
  }
  return out;
}

TEST(ServerScans, NoneForAPlanABatchOrATick) {
  char folder[] = "/tmp/dray-scans-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const Db::Options options{.path = std::string{folder} + "/server.db", .vfs = {}};
  class Filled : public StoreFixture {
   public:
    void fill(std::unique_ptr<SqliteServerStore> into) {
      store = std::move(into);
      SetUp();
      roll_out(core::Delivery::kPush);
    }
    void TestBody() override {}
  };
  {
    Filled filled;
    filled.fill(must(SqliteServerStore::open(options)));
  }
  auto store = must(SqliteServerStore::open(options));
  must(store->ask_unreadable_times("berlin"));
  must(store->load_plan("berlin"));
  const server::ReportBatch batch{"berlin", {job_report(1, 1, "r1-till-1", "downloading")}, kNow};
  must(store->ingest({&batch}));
  must(store->pass_time(plan_type, kNow + 1h));
  must(store->pass_time(plan_type, kNow + 3h));
  for (const std::string& scan : scans(store->db())) ADD_FAILURE() << scan;
  store.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dray::adapters
