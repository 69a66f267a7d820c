// Whose word counts, as the server keeps it: where a type's devices have their bytes from, what the sites put off.
#include <algorithm>
#include <filesystem>

#include "adapters/sqlite/server_store_testing.h"
#include "schema/server.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

class ServerWords : public StoreFixture {
 protected:
  const core::DeviceType& type_of(const core::Plan& plan, const std::string& name) {
    return *std::find_if(plan.device_types.begin(), plan.device_types.end(), [&](const auto& t) { return t.name == name; });
  }
  wire::Report told(std::int64_t seq, const std::string& id, bool withdrawn) {
    return {1, seq, kNow, wire::DeferralReport{{id, DeviceId{"till-1"}, {}, kNow + 3h, "technician", "stocktaking"}, withdrawn}};
  }
};

TEST_F(ServerWords, ATypeSaysWhereItsBytesComeFromAndWhetherItClosesEarly) {
  wire::NewDeviceType type;
  type.type = {.name = "board", .components = {"os"}, .order = {{"os"}}, .bytes_from = core::BytesFrom::kElsewhere};
  type.client = core::Client::kRauc;
  must(store->add_device_type(type, {}, kNow));
  add_device("board-1", "berlin", "board");
  EXPECT_EQ(must(lists.device_type("board")).type.bytes_from, core::BytesFrom::kElsewhere);
  const core::Plan plan = must(store->load_plan("berlin"));
  EXPECT_EQ(type_of(plan, "board").bytes_from, core::BytesFrom::kElsewhere);
  EXPECT_TRUE(type_of(plan, "board").closes_early);
  EXPECT_EQ(type_of(plan, "till").bytes_from, core::BytesFrom::kGateway);
  EXPECT_FALSE(type_of(plan, "till").closes_early);
}

TEST_F(ServerWords, AFilterFindsTheReasonThatIsShown) {
  roll_out();
  report("berlin", {});
  const auto found = [&](const std::string& reason, WallTime now) {
    const auto page = must(lists.jobs(RolloutId{"r1"}, {.cursor = {}, .limit = 100, .filter = must(core::parse_filter("reason=" + reason, core::kJobFields)), .now = now}));
    for (const wire::JobView& job : page.items) EXPECT_EQ(job.result.reason, reason);
    return page.items.size();
  };
  std::size_t all = 0;
  for (const wire::JobView& job : must(lists.jobs(RolloutId{"r1"}, {.cursor = {}, .limit = 100, .filter = {}, .now = kNow})).items)
    all += core::is_final(job.result.state) ? 0 : 1;
  ASSERT_EQ(all, 2U);
  EXPECT_EQ(found("waiting_report", kNow + 1s), all);
  EXPECT_EQ(found("gateway_silent", kNow + 1s), 0U);
  EXPECT_EQ(found("gateway_silent", kNow + 24h), all);
  EXPECT_EQ(found("waiting_report", kNow + 24h), 0U);
}

TEST_F(ServerWords, TheSitesOwnDeferralsComeWithItsPlanUntilTheyAreWithdrawn) {
  report("berlin", {told(1, "l1", false), told(2, "l2", false)});
  const auto at_berlin = must(store->load_plan("berlin")).site_deferrals;
  ASSERT_EQ(at_berlin.size(), 2U);
  EXPECT_EQ(at_berlin[0], (core::Deferral{"l1", DeviceId{"till-1"}, {}, kNow + 3h, "technician", "stocktaking"}));
  EXPECT_TRUE(must(store->load_plan("lyon")).site_deferrals.empty());
  EXPECT_TRUE(must(store->load_plan("berlin")).deferrals.empty()) << "they are the site's, not the server's";
  report("berlin", {told(3, "l1", true)});
  EXPECT_EQ(must(store->load_plan("berlin")).site_deferrals.size(), 1U);
}

// Of every older schema: its types have their bytes from their gateway.
TEST(ServerSchemaWords, TypesOfOlderSchemasHaveTheirBytesFromTheirGateway) {
  const std::size_t newest = std::size(schema::kServer);
  for (std::size_t before = 1; before < newest; ++before) {
    const std::string path = testing::TempDir() + "dray_words_" + std::to_string(::getpid()) + ".db";
    {
      Db old = must(Db::open({.path = path, .vfs = {}}));
      must(old.migrate(std::span{schema::kServer}.first(before)));
      must(old.execute("INSERT INTO device_type(id, name, client, components, steps, ask, ends_on, power_on_within, probe, parts, created_at) "
                       "VALUES(1, 'till', 'rauc', '[\"os\"]', '[[\"os\"]]', 'poll', 'closed', 600, '', '{}', 0)"));
    }
    {
      auto store = must(SqliteServerStore::open({.path = path, .vfs = {}}));
      SqliteServerLists lists{store->db()};
      const auto type = must(lists.device_type("till"));
      EXPECT_TRUE(type.unreadable.empty()) << before;
      EXPECT_EQ(type.type.bytes_from, core::BytesFrom::kGateway) << before;
    }
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  }
}

}  // namespace
}  // namespace dray::adapters
