#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

// A server whose state is lost behind a backup, and what its sites and gateways know of that state.
class Restored : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_), std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void open() { store = must(SqliteServerStore::open({.path = folder_ + "/server.db"})); }
  void back_up() {
    store.reset();
    std::filesystem::copy_file(folder_ + "/server.db", folder_ + "/backup.db");
    open();
  }
  void restore() {
    store.reset();
    for (const auto* file : {"server.db", "server.db-wal", "server.db-shm"})
      std::filesystem::remove(folder_ + "/" + file);
    std::filesystem::copy_file(folder_ + "/backup.db", folder_ + "/server.db");
    open();
  }
  core::Plan plan() { return must(store->load_plan("berlin")); }
  server::Ingested report(std::vector<wire::Report> reports, WallTime at) {
    const server::ReportBatch batch{"berlin", std::move(reports), at};
    return must(store->ingest({&batch})).answers.at(0);
  }
  // As gateways do: a new epoch, whose blocks of action ids join `leased`.
  void new_epoch(std::int64_t epoch, WallTime at) {
    report({job_report(epoch, 1, "r99-x", "scheduled")}, at);
    for (const auto& block : plan().action_ids)
      for (std::int64_t id = block.from; id <= block.to; id += 100'000) {
        EXPECT_TRUE(leased_.insert(id).second) << "leased twice: " << id;
      }
  }

  const std::string folder_ = testing::TempDir() + "dray_restored_" + std::to_string(::getpid());
  std::unique_ptr<SqliteServerStore> store;
  std::set<std::int64_t> leased_;
};

TEST_F(Restored, LeasesNoActionIdAndNamesNothingTwice) {
  open();
  EXPECT_FALSE(must(store->note_start({kNow}, kNow)));
  must(store->add_site({.name = "berlin"}, std::string(64, 'f'), kNow, {}));
  new_epoch(1, kNow);
  must(store->note_contacts({}, {kNow + 10s}));
  back_up();
  for (int epoch = 2; epoch <= 3; ++epoch) new_epoch(epoch, kNow + epoch * 10min);
  core::SiteLimits limits;
  for (limits.concurrency = 5; limits.concurrency < 50; ++limits.concurrency)
    must(store->change_site("berlin", {.limits = limits}, {}));
  const auto lost_revision = plan().revision;
  must(store->add_site({.name = "lost"}, "hash2", kNow + 1h, {}));
  const auto lost_ids = must(store->load_plan("lost")).action_ids;

  restore();
  EXPECT_EQ(must(store->note_start({kNow + 2h}, kNow + 2h)), 2h - 10s);
  EXPECT_GT(plan().revision, lost_revision) << "a revision names one plan only";
  EXPECT_TRUE(report({}, kNow + 2h).resync) << "reports are lost: all is told again";
  for (int epoch = 2; epoch <= 3; ++epoch) new_epoch(epoch, kNow + 3h + epoch * 10min);
  EXPECT_FALSE(must(store->note_start({kNow + 2h + 30s}, kNow + 2h + 30s))) << "an ordinary restart";
}

TEST_F(Restored, TheNewestTimeIsKeptWithTheBootThatItBelongsTo) {
  open();
  EXPECT_FALSE(must(store->newest_time()));
  const TimeMark mark{kNow, SteadyTime{5s}, "7c9e6679-7425-40de-944b-e07fc1f90ae7"};
  must(store->note_contacts({}, mark));
  EXPECT_EQ(must(store->newest_time()), mark);
  must(store->db().execute("DELETE FROM meta WHERE key='in_use_boot'"));  // as older programs have left it
  EXPECT_EQ(must(store->newest_time()), TimeMark{kNow});
  for (const char* odd : {"soon", "-7", "9223372036854775807"}) {
    must(store->db().execute("UPDATE meta SET value='" + std::string{odd} + "' WHERE key='in_use_at'"));
    EXPECT_FALSE(must(store->newest_time())) << odd;
    EXPECT_FALSE(must(store->note_start({kNow}, kNow)));
  }
}

TEST_F(Restored, RolloutsAndSitesGoOnBehindWhatIsLost) {
  open();
  must(store->note_start({kNow}, kNow));
  must(store->add_site({.name = "berlin"}, std::string(64, 'f'), kNow, {}));
  back_up();
  restore();
  must(store->note_start({kNow + 24h}, kNow + 24h));
  must(store->add_site({.name = "lyon"}, "hash2", kNow + 24h, {}));
  const auto first = must(store->load_plan("lyon")).action_ids.at(0).from;
  EXPECT_GT(first, 24 * 3'600) << "a site of that name may have used an id a second in the lost time";
}

TEST_F(Restored, AGatewayWithALaterPlanProvesIt) {
  open();
  must(store->add_site({.name = "berlin"}, std::string(64, 'f'), kNow, {}));
  new_epoch(1, kNow);
  const auto ours = plan().revision;
  EXPECT_TRUE(must(store->note_newer_plan("berlin", ours)).empty()) << "the same is not later";
  const auto changed = must(store->note_newer_plan("berlin", ours + 7));
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].revision, ours + 8);
  EXPECT_EQ(plan().revision, ours + 8) << "newer than any that the gateway knows";
  EXPECT_TRUE(report({job_report(1, 2, "r99-x", "scheduled")}, kNow).resync);
}

TEST_F(Restored, AGatewayThatWaitsForIdsGetsThem) {
  open();
  must(store->add_site({.name = "berlin"}, std::string(64, 'f'), kNow, {}));
  report({job_report(1, 1, "r99-x", "scheduled")}, kNow);
  ASSERT_EQ(plan().action_ids.size(), 1u);
  const auto waits = [&](std::int64_t seq) {
    wire::JobReport body;
    body.job = JobId{"r1-till-1"};
    body.state = core::JobState::kWaitingGateway;
    body.reason = "waiting_action_ids";
    return wire::Report{1, seq, kNow, body};
  };
  report({waits(2)}, kNow + 10s);
  EXPECT_EQ(plan().action_ids.size(), 1u) << "what was leased just now may be on its way";
  report({waits(3)}, kNow + 2min);
  EXPECT_EQ(plan().action_ids.size(), 2u);
  report({waits(4)}, kNow + 2min + 1s);
  EXPECT_EQ(plan().action_ids.size(), 2u);
}

}  // namespace
}  // namespace dray::adapters
