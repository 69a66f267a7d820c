// Pairs of measurements, alternating, and what they say: the median ratio and an interval that needs no
// assumption about the noise.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace dray::bench {

struct Ratio {
  double median = 0, low = 0, high = 0;  // interval: order statistics that cover the median with >= 95 %
  double ours = 0, peers = 0;            // medians of the two sides
};

// Each call gives the cost of a unit of work. One pair first that does not count (caches, lazy set-up).
Ratio compare(std::size_t pairs, const std::function<double()>& ours, const std::function<double()>& peer);
Ratio ratio_of(const std::vector<double>& ours, const std::vector<double>& peers);

}  // namespace dray::bench
