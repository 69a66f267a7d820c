#include "core/update/supersede.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dray::core {
namespace {

bool share_a_component(const DeviceOrder& a, const DeviceOrder& b) {
  return std::any_of(a.components.begin(), a.components.end(), [&](const std::string& one) { return b.components.contains(one); });
}

}  // namespace

bool supersedes(const DeviceOrder& winner, const DeviceOrder& loser) {
  return std::tuple{winner.priority, winner.place} > std::tuple{loser.priority, loser.place} && share_a_component(winner, loser);
}

bool keeps_out(const DeviceOrder& ended_well, const DeviceOrder& older) {
  return ended_well.place > older.place && supersedes(ended_well, older);
}

std::string superseded_by(std::string winner, const std::set<std::string>& left) {
  std::string out = std::move(winner);
  for (const std::string& one : left) out += (one == *left.begin() ? "; " : ", ") + one;
  if (!left.empty()) out += left.size() == 1 ? " is not updated" : " are not updated";
  return out;
}

}  // namespace dray::core
