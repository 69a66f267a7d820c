// The operators of a simulated fleet: they set it up, and go by a script drawn from the seed. All through the
// real APIs: the server's admin API, a gateway's local API, an agent's own.
//
// To teach them something new: write one coroutine `Task<> Operator::thing(...)`, and give it its times in
// begin_script().
#pragma once

#include <functional>
#include <string>

#include "sim/fleet/admin.h"
#include "sim/fleet/damage/rows.h"
#include "sim/fleet/fleet.h"

namespace dray::sim::fleet {

inline const std::string kApi = "http://server/api/v1/";

class Operator {
 public:
  Operator(World& world, Fleet& fleet, Catalog& catalog, const FleetOptions& options, const Swarm& swarm);

  // Server, types, sites, devices; then everything has power. A coroutine of the operators' machine.
  void set_up();
  bool is_set_up() const { return set_up_; }
  void begin_script();
  // Withdraws a deferral at its site, as soon as that can be done: what it says is known to nobody any more.
  void withdraw(const std::string& gateway, const std::string& deferral, Duration later);
  // Puts a column back as soon as it is shown that it can't be read, and somebody has looked.
  void put_back(const DamagedRow& row);
  // Told of each rollout, behind its answer.
  void on_rollout(std::function<void(const RolloutTruth&)> hook) { on_rollout_ = std::move(hook); }

 private:
  static Task<> set_up(Operator& self);
  Task<> register_sites();
  Task<> register_device(const DeviceTruth& device);

  // --- the script; each is done at its time ---
  using Act = Task<> (*)(Operator& self, WallTime when);
  void at(WallTime when, Act act);
  static Task<> roll_out(Operator& self, WallTime when);
  static Task<> prove(Operator& self, WallTime when);
  static Task<> cancel_at_server(Operator& self, WallTime when);
  static Task<> cancel_at_gateway(Operator& self, WallTime when);
  static Task<> cancel_on_device(Operator& self, WallTime when);
  void cancel_around(WallTime begins, WallTime expires);
  static Task<> withdraw(Operator& self, std::string url, Duration later);
  static Task<> put_back(Operator& self, DamagedRow row, Duration later);
  Task<bool> is_shown_unreadable(const DamagedRow& row);
  static Task<> abort_rollout(Operator& self, WallTime when);
  static Task<> defer(Operator& self, WallTime when);
  static Task<> use_device(Operator& self, WallTime when);
  static Task<> make_device_busy(Operator& self, WallTime when);
  static Task<> change_limits(Operator& self, WallTime when);
  static Task<> mend(Operator& self, WallTime when);

  SiteTruth draw_site();
  std::vector<DailyWindow> draw_windows();
  RolloutTruth draw_rollout(WallTime now);
  core::Intervals draw_intervals(WallTime from, WallTime to);
  Task<> publish(RolloutTruth rollout);
  Task<> upload(const Image& image);
  Task<> describe(const Image& image);
  Task<> make(std::string url, wire::json::value wish);
  Task<> sleep_until(WallTime when);
  Duration between(Duration least, Duration most);
  const RolloutTruth* any_rollout();
  Node& any_device() { return *fleet_.devices()[random_.uniform(fleet_.devices().size())]; }
  WallTime now() const { return world_.true_time(); }

  World& world_;
  Fleet& fleet_;
  Catalog& catalog_;
  const FleetOptions& options_;
  const Swarm& swarm_;
  SimRandom random_, rows_random_;
  Admin admin_;
  bool set_up_ = false;
  std::size_t damaged_rows_ = 0;  // so many were, and may still be
  bool asking_ = false;  // a rollout is being made: one at a time
  int releases_ = 0;
  std::function<void(const RolloutTruth&)> on_rollout_;
};

}  // namespace dray::sim::fleet
