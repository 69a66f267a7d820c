// Which reports to send next while a server refuses some of them: halves, until the one is found that it
// can't take. Each costs about log2 of their number in requests more. Pure.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/time.h"
#include "wire/gateway_api.h"

namespace dray::gateway {

class Halving {
 public:
  // So many of the oldest reports, at most, go into the next batch.
  std::size_t most() const {
    if (suspects_ == 0) return wire::kMostReports;
    return std::max<std::size_t>(1, suspects_ / 2);
  }
  bool searching() const { return suspects_ > 0; }
  void taken(std::size_t count) { suspects_ -= std::min(suspects_, count); }
  // True: it was a single one, which this server can't take.
  bool refused(std::size_t count) {
    suspects_ = count;
    return count == 1;
  }
  void set_aside() { suspects_ = 0; }

 private:
  std::size_t suspects_ = 0;  // one of the oldest so many can't be taken; 0: nothing is known of any
};

// How long the next request waits: between halves the base, and ever longer the more reports were set aside
// in a row.
inline Duration pause_between(int set_aside, Duration base) {
  constexpr Duration kLongest = std::chrono::minutes{5};
  return std::min(kLongest, base * (std::int64_t{1} << std::clamp(set_aside, 0, 16)));
}

}  // namespace dray::gateway
