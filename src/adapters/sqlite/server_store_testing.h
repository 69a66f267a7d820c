// What tests of the server's store share: a database in memory with something to roll out.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "adapters/sqlite/server_store.h"

namespace dray::adapters::server_testing {

using namespace std::chrono_literals;
inline const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

inline Sha256 sha(char c) { return Sha256::parse(std::string(64, c)).value(); }

// As the server's planning does it.
inline server::TypePlan plan_type(const wire::NewDeviceType& type,
                                  const std::vector<core::ReleaseArtifact>& release) {
  core::Fit fit = core::match(release, type.type);
  return {std::move(fit.steps), std::move(fit.why_not)};
}

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}
inline void must(Result<> result) {
  if (!result) throw std::runtime_error(result.error().message());
}

inline wire::Report job_report(std::int64_t epoch, std::int64_t seq, const std::string& job,
                               const std::string& state, std::int64_t attempt = 1) {
  wire::JobReport body;
  body.job = JobId{job};
  body.state = core::job_state_of(state).value();
  body.attempt = attempt;
  return {epoch, seq, kNow, body};
}

// Two sites, three devices, a release for two of them.
class StoreFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto* site : {"berlin", "lyon"})
      must(store->add_site({.name = site}, sha256_of(as_bytes(std::string_view{site})).hex(), kNow, {}));
    add_type("till", {{"os"}, {"app"}});
    add_type("odd", {{"fw"}});
    add_artifact('a', "os", {"till"});
    add_artifact('b', "app", {"till"});
    must(store->add_release({"tills", "2", {sha('a'), sha('b')}}, kNow, {}));
    add_device("till-1", "berlin", "till");
    add_device("till-2", "lyon", "till");
    add_device("odd-1", "berlin", "odd");
  }

  void add_type(const std::string& name, std::vector<core::Components> order) {
    wire::NewDeviceType type;
    type.type.name = name;
    for (const auto& step : order)
      type.type.components.insert(type.type.components.end(), step.begin(), step.end());
    type.type.order = std::move(order);
    must(store->add_device_type(type, {}, kNow));
  }
  void add_artifact(char c, const std::string& component, std::vector<std::string> types) {
    must(store->add_blob({sha(c), 10, std::string(40, '1'), std::string(32, '2')}, kNow));
    must(store->add_artifact({sha(c), "image", "image.img", component, "2", std::move(types)}, kNow, {}));
  }
  void add_device(const std::string& name, const std::string& site, const std::string& type) {
    must(store->add_devices({{name, site, type, {}}}, {std::string(64, 'e')}, kNow, {}));
  }
  server::Made roll_out(core::Delivery delivery = core::Delivery::kPull, const std::string& filter = "") {
    wire::NewRollout rollout{.release_name = "tills", .release_version = "2", .filter = filter};
    rollout.phases.resize(1);
    rollout.terms = {.delivery = delivery, .update_at = kNow + 2h, .expires_at = kNow + 9h};
    if (delivery == core::Delivery::kPush) rollout.terms.transmit_at = kNow + 1h;
    const auto parsed = must(core::parse_filter(filter, core::kDeviceFields));
    return must(store->add_rollout(rollout, parsed, plan_type, kNow, {}));
  }
  server::Ingested report(const std::string& site, std::vector<wire::Report> reports) {
    const server::ReportBatch batch{site, std::move(reports), kNow};
    auto all = must(store->ingest({&batch}));
    changed = all.changed;
    return all.answers.at(0);
  }
  std::int64_t revision(const std::string& site) { return must(store->load_plan(site)).revision; }
  std::string state(const std::string& job) { return std::string{to_string(must(lists.job(JobId{job})).result.state)}; }
  std::string rollout_state(const std::string& rollout) {
    return std::string{core::state_name(must(lists.rollout(RolloutId{rollout})).rollout.state)};
  }

  std::unique_ptr<SqliteServerStore> store = must(SqliteServerStore::open({.path = ":memory:", .vfs = {}}));
  SqliteServerLists lists{store->db()};
  server::SiteChanges changed;
};

}  // namespace dray::adapters::server_testing
