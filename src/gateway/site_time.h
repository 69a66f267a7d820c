// The site's time: core::SiteClock fed by the machine's clock and by what the server says.
#pragma once

#include <algorithm>
#include <optional>

#include "core/schedule/site_clock.h"
#include "ports/clock.h"

namespace dray::gateway {

class SiteTime {
 public:
  explicit SiteTime(const Clock& clock) : clock_{clock}, site_{clock.wall(), clock.steady(), {}} {}

  // At the start, from the store.
  void restore_floor(WallTime floor) { site_ = core::SiteClock{clock_.wall(), clock_.steady(), floor}; }
  void doubt() { site_.doubt(); }  // the floor that was kept can't be read
  WallTime now() const { return site_.now(clock_.steady()); }
  bool known() const { return site_.known(); }
  bool contact() const { return contact_; }
  std::optional<WallTime> floor() const { return site_.floor(clock_.steady()); }

  // The server said so; the head of its answer came at `heard`. Small differences are travel time and are left alone.
  // True: the time moved.
  bool correct(WallTime server, SteadyTime heard) {
    floor_fell_ = false;
    if (contact_ && std::chrono::abs(server - site_.now(heard)) < kTravel) return false;
    floor_fell_ = site_.contact(server, heard);
    contact_ = true;
    return true;
  }
  // By the last correction: what was kept of it is to be kept anew.
  bool floor_fell() const { return floor_fell_; }

  // When, on the steady clock, it will be `when`.
  SteadyTime steady_at(WallTime when) const {
    if (when == kWallMax) return kSteadyMax;
    return clock_.steady() + std::max(Duration{0}, Duration{when - now()});
  }

 private:
  static constexpr Duration kTravel{2'000};  // Date has whole seconds
  const Clock& clock_;
  core::SiteClock site_;
  bool contact_ = false, floor_fell_ = false;
};

}  // namespace dray::gateway
