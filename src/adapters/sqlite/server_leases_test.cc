// Epochs and action ids: nothing that a gateway says uses up its site's numbers.
#include "adapters/sqlite/server_leases.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "adapters/sqlite/server_store_testing.h"
#include "schema/server.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

class ServerLeases : public StoreFixture {
 protected:
  server::Ingested report_at(WallTime at, std::vector<wire::Report> reports) {
    const server::ReportBatch batch{"berlin", std::move(reports), at};
    auto all = must(store->ingest({&batch}));
    changed = all.changed;
    return all.answers.at(0);
  }
  server::Ingested begin(std::int64_t epoch, WallTime at) {
    return report_at(at, {job_report(epoch, 1, "r99-x", "scheduled")});
  }
  core::ActionIdRange newest() { return must(store->load_plan("berlin")).action_ids.back(); }
  static std::int64_t size(core::ActionIdRange ids) { return ids.to - ids.from + 1; }
  wire::SiteView view(WallTime at) {
    auto out = must(lists.site("berlin"));
    wire::describe_site(out, at);
    return out;
  }
  std::int64_t next_action() {
    Statement find{store->db(), "SELECT next_action FROM site WHERE name='berlin'"};
    EXPECT_TRUE(*find.step());
    return find.integer(0);
  }
};

TEST_F(ServerLeases, TheFirstNewEpochOfADayIsAtOnceAndFurtherOnesWaitAndGetLess) {
  begin(1, kNow);
  newest();
  EXPECT_FALSE(begin(2, kNow + 1s).epoch_waits);
  EXPECT_EQ(size(newest()), 1'000'000);
  const auto waits = begin(3, kNow + 2s);
  EXPECT_EQ(waits.epoch_waits, kNow + 1s + 2min);
  EXPECT_EQ(waits.acknowledged, (core::ReportsSeen{2, 1})) << "nothing of it is taken before";
  EXPECT_EQ(view(kNow + 3s).reason, "epoch_waits");
  EXPECT_EQ(view(kNow + 3s).until, waits.epoch_waits);
  EXPECT_FALSE(report_at(kNow + 4s, {job_report(2, 2, "r99-x", "scheduled")}).epoch_waits)
      << "the epoch that has begun goes on";
  EXPECT_FALSE(begin(3, kNow + 1s + 2min).epoch_waits);
  EXPECT_EQ(size(newest()), 10'000);
  EXPECT_EQ(view(kNow + 3min).reason, "");
  EXPECT_EQ(begin(4, kNow + 3min).epoch_waits, kNow + 1s + 6min);
  EXPECT_FALSE(begin(4, kNow + 25h).epoch_waits) << "another day";
  EXPECT_EQ(size(newest()), 1'000'000);
}

TEST_F(ServerLeases, ThousandsOfEpochsWithinADayUseFewIds) {
  for (int i = 0; i < 24 * 60; ++i) {
    const auto seen = must(lists.site("berlin")).seen;
    begin(seen.epoch + 1, kNow + i * 1min);
    newest();
  }
  EXPECT_LT(next_action(), 2'000'000 + 40 * 10'000);
}

TEST_F(ServerLeases, ABlockIsTakenBackWhereNobodyGotItsPlan) {
  begin(1, kNow);
  newest();  // the first is delivered
  begin(2, kNow);
  const auto next = next_action();
  begin(3, kNow + 1h);
  EXPECT_EQ(next_action(), next) << "that of epoch 2 was never delivered";
  EXPECT_EQ(size(newest()), 1'000'000);
  const auto third = newest();
  begin(4, kNow + 3h);
  EXPECT_GT(newest().from, third.to) << "delivered: never again";
}

TEST_F(ServerLeases, AttemptsThatCanNotBeTrueLeaseLittle) {
  roll_out();
  begin(1, kNow);
  const auto next = next_action();
  for (int i = 0; i < 200; ++i) {
    wire::JobReport job;
    job.job = JobId{"r1-till-1"};
    job.state = core::JobState::kDownloading;
    job.step = i;
    job.attempt = 1'000'000;
    report_at(kNow + i * 1s, {{1, i + 2, kNow, job}});
  }
  EXPECT_LE(next_action() - next, 1'000'000 + 2 * 10'000);
}

TEST_F(ServerLeases, WhereTheyHaveEndedTheSiteSaysSoAndAnOperatorHasAWayOut) {
  begin(1, kNow);
  must(store->db().execute("UPDATE site SET next_action=2147483647 - 4 WHERE name='berlin'"));
  newest();
  EXPECT_FALSE(begin(2, kNow + 1h).ids_ended);
  EXPECT_EQ(size(newest()), 5) << "what is left";
  EXPECT_TRUE(begin(3, kNow + 2h).ids_ended);
  EXPECT_FALSE(report_at(kNow + 3h, {job_report(3, 2, "r99-x", "scheduled")}).ids_ended) << "said once";
  EXPECT_TRUE(must(store->load_plan("berlin")).action_ids.empty());
  EXPECT_EQ(view(kNow + 3h).reason, "action_ids_exhausted");
  EXPECT_EQ(store->renew_action_ids("berlin", false, kNow + 3h).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(must(store->renew_action_ids("berlin", true, kNow + 3h)).size(), 1u);
  EXPECT_EQ(newest(), (core::ActionIdRange{2'147'483'648, 2'148'483'647}));
  EXPECT_EQ(view(kNow + 3h).reason, "");
  EXPECT_EQ(store->renew_action_ids("nowhere", false, kNow).error().code(), ErrorCode::kNotFound);
}

TEST_F(ServerLeases, AnOperatorForgivesTheEpochsOfToday) {
  for (int epoch = 1; epoch <= 3; ++epoch) begin(epoch, kNow + epoch * 5min);
  EXPECT_TRUE(begin(4, kNow + 16min).epoch_waits);
  must(store->renew_action_ids("berlin", false, kNow + 17min));
  EXPECT_EQ(size(newest()), 1'000'000);
  EXPECT_FALSE(begin(4, kNow + 17min).epoch_waits);
  EXPECT_EQ(size(newest()), 1'000'000);
}

// A database that took numbers without bounds.
TEST(ServerSchemaBounds, ASiteThatAHostileNumberHadStoppedBeginsAnew) {
  const std::string path = testing::TempDir() + "dray_bounds_" + std::to_string(::getpid()) + ".db";
  {
    Db old = must(Db::open({.path = path}));
    must(old.migrate(std::span{schema::kServer}.first(7)));
    must(old.execute(
        "INSERT INTO site(id, name, time_zone, limits, token_sha256, created_at, seen_epoch, seen_seq, "
        "action_epoch, next_action, attempts) VALUES(1, 'berlin', 'UTC', '{}', 'h', 0, "
        "9223372036854775807, 1, 9223372036854775807, 5000001, 9223372036854775807);"
        "INSERT INTO action_block(site_id, epoch, first, last) VALUES(1, 9223372036854775807, 1, 1000000);"
        "INSERT INTO rate VALUES(1, 'wan', '', 5, 9223372036854775807, 7, 9223372036854775807, "
        "9223372036854775807, 0, 0, 0)"));
  }
  {
    auto store = must(SqliteServerStore::open({.path = path}));
    EXPECT_TRUE(must(store->rates("berlin", kNow, kNow)).wan.value > 0);
    const server::ReportBatch batch{"berlin", {job_report(4, 1, "r99-x", "scheduled")}, kNow};
    const auto answer = must(store->ingest({&batch})).answers.at(0);
    EXPECT_EQ(answer.acknowledged, (core::ReportsSeen{4, 1}));
    EXPECT_TRUE(answer.resync);
    const auto ids = must(store->load_plan("berlin")).action_ids;
    ASSERT_EQ(ids.size(), 1u);
    EXPECT_EQ(ids[0].from, 5'000'001);
  }
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
}

}  // namespace
}  // namespace dray::adapters
