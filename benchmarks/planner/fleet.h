// Fleets for the bench: sites in classes that are alike, over the time zones of the world.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "core/schedule/planner.h"
#include "relaxation.h"

namespace dray::bench {

struct FleetShape {
  std::size_t sites = 100'000, classes = 400;
  bool windows = true;  // nightly transfer and update windows, expiries within two weeks; else always open
  core::Delivery delivery = core::Delivery::kPush;
  bool updates_any_time = false;
  double smallest = 20e6, largest = 4e9;      // bytes, log-uniform
  double slowest = 0.25e6, fastest = 12.5e6;  // bytes per second, log-uniform
  int one_in_flexible = 8;                    // of the classes may transfer at any hour
  unsigned seed = 1;
};

struct Fleet {
  std::vector<SiteClass> classes;
  std::vector<core::SiteTask> sites;
  double bytes = 0, slowest = 0;  // of all; longest transmission alone, seconds

  // What the views in `sites` look at.
  std::vector<std::unique_ptr<core::Intervals>> intervals;
  std::vector<std::unique_ptr<std::vector<core::DeviceWork>>> devices;
};

inline const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + std::chrono::hours{12}};

Fleet make_fleet(const FleetShape& shape);

}  // namespace dray::bench
