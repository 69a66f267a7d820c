// Measurements of several sides in turns, and what they say: the median ratio and an interval that needs no
// assumption about the noise.
#pragma once

#include <functional>
#include <vector>

namespace dray::bench {

struct Ratio {
  double median = 0, low = 0, high = 0;  // interval: order statistics that cover the median with >= 95 %
  double ours = 0, peers = 0;            // medians of the two sides
};

using Costs = std::vector<double>;  // of one side, by round

// Each side gives the cost of a unit of work. Who is first changes with every round, so that a machine that
// gets busier moves all sides alike. One round more at the beginning does not count (caches, lazy set-up).
std::vector<Costs> measure(std::size_t rounds, const std::vector<std::function<double()>>& sides,
                           const std::function<void(std::size_t done)>& progress);
Ratio ratio_of(const Costs& ours, const Costs& peers);

}  // namespace dray::bench
