// A whole site in the simulator: one gateway and devices with agents, the production code of both, before a
// scripted server. Everything that a site must never do is watched while it runs, and wrong() says what was
// seen.
//
//   SiteWorld site{seed, {.delivery = core::Delivery::kPush}};
//   site.world().on ... faults
//   auto done = site.run();            // until every device runs the new versions and the server knows it
//
// device "duo" updates os and app together, device "solo" one after the other; both need the same two
// artifacts.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/site/device_life.h"
#include "sim/site/gateway_life.h"
#include "sim/site/plan_server.h"
#include "sim/world.h"

namespace dray::sim {

struct SiteOptions {
  core::Delivery delivery = core::Delivery::kPull;
  bool echo = false;  // the trace to standard error
  core::Intervals update{};  // when devices may be asked; empty: always
};

class SiteWorld {
 public:
  SiteWorld(std::uint64_t seed, SiteOptions options);

  World& world() { return world_; }
  PlanServer& server() { return *server_; }
  Node& gateway() { return *gateway_; }
  Node& device(const std::string& name) { return world_.node(name); }
  GatewayLife* gateway_life() { return gateway_life_.lock().get(); }
  void watch(Watch watch) { watch_ = std::move(watch); }
  // Asked at each write point of any node from the start of the update on.
  using CutAt = std::function<Power(Node& node, std::uint64_t n, const std::string& what)>;
  void cut_at(CutAt hook) { cut_at_ = std::move(hook); }
  // The network breaks connections: so many full windows more may be lost on the line, each way, of each
  // artifact.
  void excuse_windows(std::uint64_t count);

  // Until the update has ended everywhere. Power comes back `outage` after it went.
  Result<> run(Duration limit = std::chrono::hours{6});
  // Empty: nothing was ever wrong. To be asked at the end.
  std::vector<std::string> wrong();

  static constexpr Duration kOutage{3'000};
  static constexpr WallTime kPlannedAt = kWallStart + std::chrono::seconds{20};

 private:
  struct Kept {                  // of one artifact on one disk
    std::uint64_t synced = 0;    // bytes that are safe
    std::uint64_t before = 0;    // of these, so many were when the last commit ended: the next one may tell of them
    std::uint64_t recorded = 0;  // of these, so many are known to be
  };
  using Place = std::pair<std::string, std::string>;  // node, SHA-256

  core::Plan plan(core::Fetch fetch) const;
  bool is_done();
  void on_crashed(Node& node);
  Power on_op(Node& node, std::uint64_t n, const std::string& what);
  void check_device(Node& node);
  bool is_updated(Node& node);
  bool knows(const Node& device) const;  // the server, what runs there
  std::uint64_t sent_to(Node& node, const core::Artifact& artifact) const;
  void account(Node& node, std::uint64_t in_flight);
  void check_bytes();
  void check_fold();
  void complain(const std::string& what);

  World world_;
  SiteOptions options_;
  Node* server_node_;
  Node* gateway_;
  std::vector<Node*> devices_;
  std::unique_ptr<PlanServer> server_;
  std::weak_ptr<GatewayLife> gateway_life_;
  Watch watch_;
  core::Artifact old_os_, old_app_, os_, app_;
  std::string old_os_bytes_, old_app_bytes_;
  Mood mood_;  // always fine
  CutAt cut_at_;
  std::map<Place, Kept> kept_;
  std::map<Place, std::uint64_t> fair_;  // how many bytes may have been sent when it is complete
  std::vector<std::string> wrong_;
};

}  // namespace dray::sim
