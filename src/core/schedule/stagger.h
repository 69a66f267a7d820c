// Many sites, one egress: who gets which room. Pure. See planner.h for the idea.
#pragma once

#include <span>
#include <vector>

#include "core/schedule/demand.h"
#include "core/schedule/egress.h"

namespace dray::core {

using Order = std::vector<std::uint32_t>;  // indices of sites, the first one first

// What each site got.
class Placement {
 public:
  explicit Placement(std::size_t sites) : places_(sites) {}

  bool has(std::uint32_t site) const { return places_[site].placed; }
  // Empty where the site has no bytes to get, or no room.
  std::span<const Run> runs(std::uint32_t site) const {
    return std::span{runs_}.subspan(places_[site].first, places_[site].count);
  }
  void put(std::uint32_t site, std::span<const Run> runs);
  std::int64_t fits() const { return fits_; }

 private:
  struct Place {
    std::uint32_t first = 0, count = 0;
    bool placed = false;
  };
  std::vector<Place> places_;  // by site
  std::vector<Run>
      runs_;  // of all, one after another: a hundred thousand small lists would take most of the time
  std::int64_t fits_ = 0;
};

// Places the sites of `order`, which have one priority, in what `egress` has left: as many as it can.
Placement stagger(std::span<const Demand> demands, const Order& sites, const Egress& egress);

// The room that one site finds as early (late) as possible; empty where there is none. With bytes only.
std::vector<Run> earliest_room(const Demand& demand, const Egress& egress);
std::vector<Run> latest_room(const Demand& demand, const Egress& egress);

}  // namespace dray::core
