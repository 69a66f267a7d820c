// Which bytes of a file a device has been given: a set of half-open ranges, merged.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace dray::gateway {

class ByteRanges {
 public:
  void add(std::uint64_t from, std::uint64_t to) {
    if (from >= to) return;
    auto next = ranges_.upper_bound(from);
    if (next != ranges_.begin() && std::prev(next)->second >= from) {
      --next;
      from = next->first;
      to = std::max(to, next->second);
      next = ranges_.erase(next);
    }
    while (next != ranges_.end() && next->first <= to) {
      to = std::max(to, next->second);
      next = ranges_.erase(next);
    }
    ranges_[from] = to;
  }
  std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const auto& [from, to] : ranges_) sum += to - from;
    return sum;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;
};

}  // namespace dray::gateway
