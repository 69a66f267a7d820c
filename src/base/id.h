// Strong ids: a DeviceId is not a JobId, though both are text.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace dray {

template <class Tag, class T = std::string>
class Id {
 public:
  Id() = default;
  explicit Id(T value) : value_{std::move(value)} {}

  const T& value() const { return value_; }
  bool empty() const { return value_ == T{}; }

  friend auto operator<=>(const Id&, const Id&) = default;
  friend bool operator==(const Id&, const Id&) = default;

 private:
  T value_{};
};

using DeviceId = Id<struct DeviceTag>;          // unique at its site, e.g. "till-014"
using SiteId = Id<struct SiteTag>;              // e.g. "berlin"
using RolloutId = Id<struct RolloutTag>;        // e.g. "r12"
using AssignmentId = Id<struct AssignmentTag>;  // one rollout at one site, e.g. "r12-berlin"
using JobId = Id<struct JobTag>;                // one device's share of a rollout, e.g. "r12-till-014"
using ActionId = Id<struct ActionTag, std::int64_t>;  // DDI action, one per attempt; 0 = none

}  // namespace dray

template <class Tag, class T>
struct std::hash<dray::Id<Tag, T>> {
  std::size_t operator()(const dray::Id<Tag, T>& id) const { return std::hash<T>{}(id.value()); }
};
