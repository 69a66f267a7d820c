// The server's egress over time, in slots: what is left of the budget, and where a transmission finds its
// place in it. A transmission gets a share of the budget that is constant within a slot and never more than
// the site's own line can take, so the sum of all shares keeps to the budget at every instant. Pure.
//
// Why shares and not start times alone: the budget holds only if a site can not go faster than planned, so it
// is told a rate anyway (`limits.wan`); and with shares what is left beside a large site is used by others,
// which brings the last finish to within the ragged end of one transmission of the best there is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "core/model/interval.h"

namespace dray::core {

// From this instant until the next step. Before the first, and without any, there is no limit.
struct BudgetStep {
  WallTime from;
  BytesPerSecond rate;
};

struct SlotRange {
  std::uint32_t from = 0, to = 0;  // half-open
  std::uint32_t size() const { return to - from; }
  friend bool operator==(const SlotRange&, const SlotRange&) = default;
};

// Time in slots, on the grid of UTC.
struct Slots {
  WallTime start;
  Duration length{60'000};
  std::uint32_t count = 0;

  // The shortest length out of a list (1 min, 5 min, ...) with which [from, to) has at most `most` slots.
  static Slots covering(WallTime from, WallTime to, std::uint32_t most);
  WallTime at(std::uint32_t slot) const { return start + length * slot; }
  SlotRange inside(const Interval& interval) const;  // whole slots only
  std::int64_t per_slot(BytesPerSecond rate) const;
};

// The same number of bytes in each of some slots in a row.
struct Run {
  std::uint32_t first = 0, count = 0;
  std::int64_t bytes = 0;
  std::uint32_t end() const { return first + count; }
};

using Runs = std::vector<Run>;

class Egress {
 public:
  Egress(Slots slots, std::span<const BudgetStep> budget);

  const Slots& slots() const { return slots_; }

  // Finds room for `bytes`, at most `per_slot` in each slot, as early (late) as the ranges allow; appends it
  // to `out` in order of time and gives the bytes that found none. Slots with less room than an eighth of
  // what the site could use are left to others: nobody is well served by a trickle. Changes nothing.
  std::int64_t earliest(std::span<const SlotRange> ranges, std::int64_t bytes, std::int64_t per_slot,
                        std::vector<Run>& out) const;
  std::int64_t latest(std::span<const SlotRange> ranges, std::int64_t bytes, std::int64_t per_slot,
                      std::vector<Run>& out) const;

  void take(std::span<const Run> runs);
  void give_back(std::span<const Run> runs);

  // The first slot by whose end `bytes` can have gone out at all; slots().count where never.
  std::uint32_t time_for(std::int64_t bytes) const;
  // How much faster a run could go if all that is left over were shared out in proportion; at least 1.
  double headroom(const Run& run) const;

 private:
  static constexpr std::uint32_t kBlock = 64;
  void change(std::span<const Run> runs, std::int64_t sign);
  std::int64_t room(std::uint32_t slot, std::int64_t bytes, std::int64_t per_slot) const;
  bool is_full(std::uint32_t block, std::int64_t per_slot) const;

  Slots slots_;
  std::vector<std::int64_t> budget_, free_;             // bytes in a slot
  std::vector<std::int64_t> most_free_, least_budget_;  // of a block, to pass over what is full
};

}  // namespace dray::core
