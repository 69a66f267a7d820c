// Reports of rates in, estimates and priors out (M5, M11).
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_store_testing.h"
#include "schema/server.h"

namespace dray::adapters {
namespace {

using namespace std::chrono_literals;
using server_testing::must;

const WallTime kEvening = parse_rfc3339("2026-11-24T21:40:00Z").value();
constexpr std::uint64_t kMega = 1'000'000;

class ServerRates : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto* site : {"berlin", "lyon", "oslo"})
      must(store->add_site({.name = site}, sha256_of(as_bytes(std::string_view{site})).hex(), kEvening, {}));
    for (const auto* type : {"till", "odd"}) {
      wire::NewDeviceType made;
      made.type.name = type;
      made.type.components = {"os"};
      made.type.order = {{"os"}};
      must(store->add_device_type(made, {}, kEvening));
    }
    for (const auto* device : {"till-1", "till-2", "till-3"}) add_device(device, "berlin", "till");
    add_device("till-l", "lyon", "till");
    add_device("odd-1", "berlin", "odd");
    add_device("odd-l", "lyon", "odd");
  }
  void add_device(const std::string& name, const std::string& site, const std::string& type) {
    must(store->add_devices({{name, site, type, {}}}, {std::string(64, 'e')}, kEvening, {}));
  }
  static wire::RateReport rate(const std::string& device, std::uint64_t value, std::int64_t hour = 45) {
    wire::RateReport out;
    out.link = device.empty() ? "wan" : "lan";
    out.device = DeviceId{device};
    out.hour_of_week = hour;
    out.rate = value;
    out.low = value * 9 / 10;
    out.samples = 214;
    out.age = 240;
    return out;
  }
  void report(const std::string& site, std::vector<wire::RateReport> rates, WallTime at = kEvening) {
    server::ReportBatch batch{site, {}, at};
    for (auto& one : rates) batch.reports.push_back({1, ++seq_[site], at, std::move(one)});
    must(store->ingest({&batch}));
  }
  core::LinkRate wan(const std::string& site, WallTime now = kEvening) { return must(lists.wan_rate(site, now)); }
  core::LinkRate lan(const std::string& device) { return must(lists.device_rate(device, kEvening)); }

  std::unique_ptr<SqliteServerStore> store = must(SqliteServerStore::open({.path = ":memory:", .vfs = {}}));
  SqliteServerLists lists{store->db()};
  std::map<std::string, std::int64_t> seq_;
};

TEST_F(ServerRates, WhatIsReportedIsTheSitesRateAndTheDevices) {
  report("berlin", {rate("", 740'000), rate("till-1", 11 * kMega)});
  const auto got = wan("berlin");
  EXPECT_EQ(got.value, 740'000u);
  EXPECT_EQ(got.low, 666'000u);
  EXPECT_EQ(got.scope, core::RateScope::kHour);
  EXPECT_FALSE(got.assumed);
  EXPECT_EQ(core::describe_rate(got, kEvening), "measured 4 min ago from 214 samples");
  EXPECT_EQ(lan("till-1").value, 11 * kMega);
}

TEST_F(ServerRates, TheNewestReportOfAnHourWinsAndOtherHoursHaveTheirOwn) {
  report("berlin", {rate("", kMega), rate("", 5 * kMega, 12)});
  report("berlin", {rate("", 2 * kMega)});
  EXPECT_EQ(wan("berlin").value, 2 * kMega);
  EXPECT_EQ(must(store->rates("berlin", kEvening - 33h, kEvening)).wan.value, 5 * kMega) << "Monday noon";
  EXPECT_EQ(must(store->rates("berlin", kEvening - 33h, kEvening)).wan.scope, core::RateScope::kHour);
}

TEST_F(ServerRates, ARateUnderACapIsMarkedAndNoPriorForOthers) {
  auto capped = rate("", kMega / 2);
  capped.capped = true;
  report("berlin", {capped});
  EXPECT_TRUE(wan("berlin").capped);
  EXPECT_EQ(wan("berlin").value, kMega / 2);
  EXPECT_EQ(wan("lyon"), core::guess_rate(true));
}

TEST_F(ServerRates, ASiteNeverMeasuredTakesTheMedianOfTheOthersUntilItIs) {
  EXPECT_EQ(wan("oslo"), core::guess_rate(true));
  report("berlin", {rate("", kMega)});
  report("lyon", {rate("", kMega / 2)});
  const auto prior = wan("oslo");
  EXPECT_TRUE(prior.assumed);
  EXPECT_EQ(prior.value, kMega / 2);
  EXPECT_EQ(prior.prior, core::PriorOf::kSites);
  EXPECT_EQ(prior.prior_from, 2);
  report("oslo", {rate("", 9 * kMega)});
  EXPECT_FALSE(wan("oslo").assumed);
}

TEST_F(ServerRates, ADeviceNeverMeasuredHasThePriorOfItsTypeHereThenAnywhereThenOfItsSite) {
  EXPECT_EQ(lan("till-3"), core::guess_rate(false));
  report("lyon", {rate("odd-l", 7 * kMega)});
  EXPECT_EQ(lan("till-l").prior, core::PriorOf::kSite);
  EXPECT_EQ(lan("till-3").prior, core::PriorOf::kNothing);
  report("lyon", {rate("till-l", 3 * kMega)});
  EXPECT_EQ(lan("till-3").prior, core::PriorOf::kType);
  EXPECT_EQ(lan("till-3").value, 3 * kMega);
  report("berlin", {rate("till-1", 10 * kMega), rate("till-2", 12 * kMega)});
  EXPECT_EQ(lan("till-3").prior, core::PriorOf::kTypeAtSite);
  EXPECT_EQ(lan("till-3").value, 10 * kMega);
  EXPECT_EQ(core::describe_rate(lan("till-3"), kEvening), "assumed from 2 devices of the same type here");
  EXPECT_EQ(lan("odd-1").prior, core::PriorOf::kType);
}

TEST_F(ServerRates, TheHelperOfThePlannerKnowsEveryDeviceOfASite) {
  report("berlin", {rate("", kMega), rate("till-1", 10 * kMega)});
  const auto rates = must(store->rates("berlin", kEvening, kEvening));
  EXPECT_EQ(rates.wan.value, kMega);
  ASSERT_EQ(rates.devices.size(), 4u);
  EXPECT_FALSE(rates.devices.at("till-1").assumed);
  EXPECT_NEAR(rates.devices.at("till-1").spread(), 0.1, 0.01);
  EXPECT_EQ(rates.devices.at("till-2").prior, core::PriorOf::kTypeAtSite);
  EXPECT_EQ(rates.devices.at("odd-1").prior, core::PriorOf::kSite);
  EXPECT_EQ(store->rates("paris", kEvening, kEvening).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(lists.device_rate("nobody", kEvening).error().code(), ErrorCode::kNotFound);
}

TEST_F(ServerRates, WhatIsOldFadesUntilItIsAPriorAgain) {
  auto once = rate("", kMega);
  once.samples = 1;
  report("berlin", {once});
  EXPECT_EQ(wan("berlin", kEvening + 24h * 100).value, kMega);
  EXPECT_TRUE(wan("berlin", kEvening + 24h * 365).assumed);
}

TEST_F(ServerRates, NonsenseIsAcknowledgedAndHarmsNothing) {
  auto assumed = rate("till-1", kMega), nothing = rate("till-1", 0), strange = rate("till-1", kMega),
       nobody = rate("nobody", kMega), of_lyon = rate("till-l", kMega), device_wan = rate("till-1", kMega),
       lonely_lan = rate("", kMega);
  assumed.assumed = true;
  strange.link = "radio";
  device_wan.link = "wan";
  lonely_lan.link = "lan";
  report("berlin", {assumed, nothing, strange, nobody, of_lyon, device_wan, lonely_lan});
  EXPECT_EQ(wan("berlin"), core::guess_rate(true));
  EXPECT_EQ(lan("till-1"), core::guess_rate(false));
  EXPECT_EQ(lan("till-l"), core::guess_rate(false));
  // Negative counts, a low above the value, a report from the future.
  auto odd = rate("", kMega);
  odd.samples = odd.age = -5;
  odd.low = 9 * kMega;
  report("berlin", {odd}, kEvening + 24h * 3650);
  EXPECT_EQ(wan("berlin").value, kMega);
  EXPECT_LE(wan("berlin").low, kMega);
}

TEST(ServerRatesSchema, RatesOfAnOlderVersionBecomePriorsToo) {
  Db old = must(Db::open({.path = ":memory:"}));
  ASSERT_TRUE(old.migrate(std::span{schema::kServer}.first(1)));
  ASSERT_TRUE(
      old.execute("INSERT INTO site(id, name, time_zone, limits, token_sha256, created_at) "
                  "VALUES(1, 'berlin', 'UTC', '{}', 'x', 0);"
                  "INSERT INTO rate VALUES(1, 'wan', '', 45, 1000, 900, 3, 0, 0, 0, 7);"
                  "INSERT INTO rate VALUES(1, 'wan', '', 46, 3000, 900, 1, 0, 0, 0, 9);"
                  "INSERT INTO rate VALUES(1, 'wan', '', 47, 9000, 900, 1, 0, 0, 1, 9)"));
  ASSERT_TRUE(old.migrate(schema::kServer));
  Statement row{old, "SELECT rate, at, type FROM link_rate"};
  ASSERT_TRUE(*row.step());
  EXPECT_EQ(row.integer(0), 1500);
  EXPECT_EQ(row.integer(1), 9);
  EXPECT_EQ(row.text(2), "");
  EXPECT_FALSE(*row.step());
}

}  // namespace
}  // namespace dray::adapters
