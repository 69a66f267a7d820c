// The greedy baseline that the planner is never worse than: earliest deadline first, one by one, each takes
// the earliest room that is left in its windows, and nothing is ever moved. For tests and the bench; written
// for reading, not for speed, and knowing nothing of how the planner finds rooms.
#pragma once

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "core/schedule/demand.h"

namespace dray::core::testing {

struct Greedy {
  std::int64_t fits = 0;
  std::vector<bool> fit;
};

inline Greedy greedy(std::span<const Demand> demands, const Slots& slots,
                     std::span<const BudgetStep> budget) {
  std::vector<std::int64_t> left(slots.count, std::numeric_limits<std::int64_t>::max());
  for (std::size_t i = 0; i < budget.size(); ++i)
    for (std::uint32_t s = 0; s < slots.count; ++s) {
      const WallTime until = i + 1 < budget.size() ? budget[i + 1].from : kWallMax;
      if (slots.at(s + 1) > budget[i].from && slots.at(s) < until)
        left[s] = std::min(left[s], Slots::per_slot(budget[i].rate));
    }
  const std::vector<std::int64_t> whole = left;

  std::vector<std::size_t> order(demands.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return demands[a].due < demands[b].due; });

  constexpr std::int64_t kSlot = Slots::kLength.count();
  Greedy out{0, std::vector<bool>(demands.size(), false)};
  for (const std::size_t i : order) {
    const Demand& d = demands[i];
    if (!d.possible) continue;
    std::vector<std::vector<SlotRange>> choices;
    if (d.together)
      choices.push_back(d.ranges);
    else
      for (const SlotRange& range : d.ranges) choices.push_back({range});
    if (d.bytes == 0) choices = {{}};
    for (const auto& ranges : choices) {
      std::int64_t bytes = d.bytes;
      std::vector<std::pair<std::uint32_t, std::int64_t>> taken;
      for (const SlotRange& range : ranges)
        for (std::uint32_t s = range.from; s < range.to && bytes > 0; ++s) {
          // The rate that it gets, as bytes of a whole slot; what that carries in the part that may be used.
          const std::int64_t part =
              kSlot - (s == range.from ? range.late : 0) - (s + 1 == range.to ? range.early : 0);
          std::int64_t rate = std::min(left[s], d.per_slot);
          const std::int64_t here = std::min((rate * part + kSlot - 1) / kSlot, bytes);
          // No trickles: at least an eighth of what the site could use, but for the last bytes.
          if (here <= 0 || (here < bytes && rate < std::min(d.per_slot, whole[s]) / 8)) continue;
          rate = std::min(rate, (here * kSlot + part - 1) / part);
          taken.emplace_back(s, rate);
          bytes -= here;
        }
      if (bytes > 0) continue;
      for (const auto& [s, here] : taken)
        if (whole[s] != std::numeric_limits<std::int64_t>::max()) left[s] -= here;
      out.fit[i] = true;
      ++out.fits;
      break;
    }
  }
  return out;
}

}  // namespace dray::core::testing
