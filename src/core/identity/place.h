// Where a gateway's data folder lies: on which machine, on which disk. A folder that is found elsewhere is a copy, and
// its gateway is another instance (holder.h). Pure; an adapter looks (adapters/posix/place.h), the simulator says.
//
// What is compared is chosen so that what happens to one installation in its life (a new network card, a folder moved
// on its disk, device numbers that differ after a restart, a backup whose files are put back into the folder) leaves it
// the same, and a copy of it (a cloned disk or virtual machine, another container's volume, a copied folder) does not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

namespace dray::core {

struct Place {
  std::string machine;             // its id; "" where it has none
  std::set<std::string> hardware;  // serial numbers and addresses that belong to it, as far as they can be read
  std::string path;                // of the folder
  std::uint64_t device = 0, inode = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

inline bool same_machine(const Place& a, const Place& b) {
  if (a.machine != b.machine) return false;
  if (a.hardware.empty() && b.hardware.empty()) return true;
  return std::any_of(a.hardware.begin(), a.hardware.end(), [&](const auto& part) { return b.hardware.contains(part); });
}

inline bool same_place(const Place& a, const Place& b) {
  return same_machine(a, b) && a.inode == b.inode && (a.path == b.path || a.device == b.device);
}

}  // namespace dray::core
