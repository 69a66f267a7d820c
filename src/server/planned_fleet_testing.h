// What tests of planned times share: a fleet in a database in memory, and the server's planning over it with
// a clock of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "adapters/sqlite/server_store_testing.h"
#include "server/schedule.h"

namespace dray::server::testing_fleet {

using namespace adapters::server_testing;
using adapters::SqliteServerLists;
using adapters::SqliteServerStore;

// Tuesday, 2026-11-24 00:00 UTC, as kNow.
class PlannedFleet {
 public:
  PlannedFleet() {
    wire::NewDeviceType type;
    type.type.name = "till";
    type.type.components = {"os"};
    type.type.order = {{"os"}};
    must(store->add_device_type(type, {}, now));
  }

  void site(const std::string& name, core::SiteWindows windows = {}, int concurrency = 3,
            const std::string& zone = "UTC") {
    wire::NewSite made{.name = name, .time_zone = zone};
    made.limits.concurrency = concurrency;
    made.windows = std::move(windows);
    must(store->add_site(made, sha256_of(as_bytes(name)).hex(), now, {}));
  }
  void device(const std::string& name, const std::string& at) {
    must(store->add_devices({{name, at, "till", {}}}, {std::string(64, 'e')}, now, {}));
  }
  // An image of this many bytes, and its release "till/VERSION".
  Sha256 release(const std::string& version, std::uint64_t bytes) {
    const Sha256 id = sha256_of(as_bytes(version + "/" + std::to_string(bytes)));
    must(store->add_blob({id, bytes, std::string(40, '1'), std::string(32, '2')}, now));
    must(store->add_artifact({id, "image", "image.img", "os", version, {"till"}}, now, {}));
    must(store->add_release({"till", version, {id}}, now, {}));
    return id;
  }
  // What its links carry: exactly, in every hour of the week.
  void rates(const std::string& site, std::uint64_t wan, std::uint64_t lan = 0,
             const std::vector<std::string>& devices = {}) {
    std::vector<wire::ReportBody> bodies;
    for (int hour = 0; hour < core::kHoursOfWeek; ++hour) {
      bodies.emplace_back(rate("", wan, hour));
      for (const auto& device : devices) bodies.emplace_back(rate(device, lan, hour));
    }
    report(site, std::move(bodies));
  }
  Store::IngestedAll report(const std::string& site, std::vector<wire::ReportBody> bodies) {
    ReportBatch batch{site, {}, now};
    for (auto& body : bodies) batch.reports.push_back({1, ++seq_, now, std::move(body)});
    return must(store->ingest({&batch}));
  }
  void stored(const std::string& site, const Sha256& sha, std::uint64_t bytes) {
    wire::StorageReport storage;
    storage.artifacts.push_back({sha, bytes, true});
    report(site, {storage});
  }

  static wire::NewRollout rollout(const std::string& version, core::Delivery delivery, Duration expires) {
    wire::NewRollout out{.release_name = "till", .release_version = version};
    out.phases.resize(1);
    const WallTime end = kNow + expires;
    out.terms = {.delivery = delivery, .update_at = end, .expires_at = end, .computed = true};
    if (delivery == core::Delivery::kPush) out.terms.transmit_at = end;
    return out;
  }
  RolloutId start(const wire::NewRollout& rollout, const std::string& filter = "") {
    const auto parsed = must(core::parse_filter(filter, core::kDeviceFields));
    return RolloutId{must(store->add_rollout(rollout, parsed, plan_type, now, {})).id};
  }

  // What the server's loops do at this instant; the sites whose plans have changed.
  SiteChanges pass() {
    SiteChanges changed = must(store->pass_time(plan_type, now)).changed;
    for (const RolloutId& rollout : must(lists.planning_due(now)).rollouts) {
      Scheduler scheduler{zones, egress, now};
      works =
          must(lists.site_works(rollout, [&](const SiteWork& site) { return scheduler.when(site); }, now));
      std::vector<Share> taken;
      if (egress.limited()) taken = must(lists.shares(now));
      results = scheduler.plan(works, taken);
      const auto saved = must(store->save_times(rollout, results, now));
      changed.insert(changed.end(), saved.begin(), saved.end());
    }
    const auto after = must(store->pass_time(plan_type, now)).changed;
    changed.insert(changed.end(), after.begin(), after.end());
    return changed;
  }

  core::Plan plan(const std::string& site) { return must(store->load_plan(site)); }
  core::Assignment assignment(const std::string& site) {
    const core::Plan all = plan(site);
    if (all.assignments.empty()) throw std::runtime_error("no assignment at " + site);
    return all.assignments.back();
  }
  wire::SiteTimesView times(const RolloutId& rollout, const std::string& site) {
    for (const auto& view : must(lists.site_times(rollout, {})).items)
      if (view.site == site) return view;
    throw std::runtime_error("no site " + site);
  }
  wire::RolloutView view(const RolloutId& rollout) { return must(lists.rollout(rollout)); }
  wire::JobView job(const RolloutId& rollout, const std::string& device) {
    return must(lists.job(JobId{rollout.value() + "-" + device}));
  }

  WallTime now = kNow;
  EgressBudget egress;
  ZoneFinder zones;
  std::unique_ptr<SqliteServerStore> store = must(SqliteServerStore::open({.path = ":memory:", .vfs = {}}));
  SqliteServerLists lists{store->db()};
  std::vector<SiteWork> works;      // of the last pass that had any
  std::vector<SiteResult> results;  // and what came out

 private:
  wire::RateReport rate(const std::string& device, std::uint64_t value, int hour) const {
    wire::RateReport out;
    out.link = device.empty() ? "wan" : "lan";
    out.device = DeviceId{device};
    out.hour_of_week = hour;
    out.rate = value;
    out.low = value;
    out.samples = 200;
    return out;
  }
  std::int64_t seq_ = 0;
};

inline core::SiteWindows nightly(const char* transfer, const char* update) {
  core::SiteWindows out;
  if (*transfer != '\0') out.transfer.push_back(core::parse_window(transfer).value());
  if (*update != '\0') out.update.push_back(core::parse_window(update).value());
  return out;
}

}  // namespace dray::server::testing_fleet
