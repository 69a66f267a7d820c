// The site's time: a monotonic clock corrected by the server's, with a persisted floor (design section 4).
//
// Before the first contact it is the machine's wall clock; where that lies below the floor (no battery, no WAN) the
// time is unknown and nothing new is started.
#pragma once

#include <algorithm>
#include <optional>

#include "ports/clock.h"

namespace dray::gateway {

class SiteTime {
 public:
  explicit SiteTime(const Clock& clock) : clock_{clock} {}

  WallTime now() const { return offset_ ? WallTime{clock_.steady().time_since_epoch() + *offset_} : clock_.wall(); }
  bool known() const { return offset_.has_value() || clock_.wall() >= floor_; }
  bool contact() const { return offset_.has_value(); }
  WallTime floor() const { return floor_; }
  void raise_floor(WallTime floor) { floor_ = std::max(floor_, floor); }

  // The server said so just now. Small differences are travel time and are left alone. True: the time moved.
  bool correct(WallTime server) {
    const Duration offset = server.time_since_epoch() - clock_.steady().time_since_epoch();
    if (offset_ && std::chrono::abs(offset - *offset_) < kTravel) return false;
    offset_ = offset;
    return true;
  }

  // When, on the steady clock, it will be `when`.
  SteadyTime steady_at(WallTime when) const {
    if (when == kWallMax) return kSteadyMax;
    return clock_.steady() + std::max(Duration{0}, Duration{when - now()});
  }

 private:
  static constexpr Duration kTravel{2'000};  // Date has whole seconds
  const Clock& clock_;
  std::optional<Duration> offset_;
  WallTime floor_;
};

}  // namespace dray::gateway
