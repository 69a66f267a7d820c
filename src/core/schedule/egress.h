// The server's egress over time, in slots: what is left of the budget, and where a transmission finds its
// place in it. A transmission gets a share of the budget that is constant within a slot and never more than
// the site's own line can take, so the sum of all shares keeps to the budget at every instant. Pure.
//
// Why shares and not start times alone: the budget holds only if a site can not go faster than planned, so it
// is told a rate anyway (`limits.wan`); and with shares what is left beside a large site is used by others,
// which brings the last finish to within the ragged end of one transmission of the best there is.
#pragma once

#include <cstdint>
#include <memory>
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

// Slots in a row that may be used, half-open; of the first and of the last one perhaps only a part.
struct SlotRange {
  std::uint32_t from = 0, to = 0;
  std::uint16_t late = 0, early = 0;  // ms: it begins after the first slot does, and ends before the last one
  bool empty() const { return from >= to; }
  // What of it lies before (behind) this slot.
  SlotRange before(std::uint32_t slot) const {
    return to <= slot ? *this : from < slot ? SlotRange{from, slot, late, 0} : SlotRange{};
  }
  SlotRange behind(std::uint32_t slot) const {
    return from >= slot ? *this : slot < to ? SlotRange{slot, to, 0, early} : SlotRange{};
  }
  friend bool operator==(const SlotRange&, const SlotRange&) = default;
};

// The same rate in each of some slots in a row. Where only a part of a slot is used, it is one by itself.
struct Run {
  std::uint32_t first = 0, count = 0;
  std::int64_t bytes = 0;             // in a whole slot: what is taken of the budget, whatever part is used
  std::uint16_t late = 0, early = 0;  // ms, as of a SlotRange
  std::uint32_t end() const { return first + count; }
};

using Runs = std::vector<Run>;

// Time in slots of a minute, on the grid of UTC; as many as it takes: a far expiry makes no slot longer, for
// a window of three minutes is one whenever it comes.
struct Slots {
  static constexpr Duration kLength{60'000};
  WallTime now;    // nothing is permitted before; in the first slot
  WallTime start;  // of the first slot
  std::uint32_t count = 0;

  static Slots covering(WallTime now, WallTime to);
  WallTime at(std::uint32_t slot) const { return start + kLength * slot; }
  WallTime end() const { return at(count); }
  WallTime begin_of(const Run& run) const { return at(run.first) + Duration{run.late}; }
  WallTime end_of(const Run& run) const { return at(run.end()) - Duration{run.early}; }
  SlotRange inside(const Interval& interval) const;  // to the millisecond
  static Duration length_of(const SlotRange& range) {
    return range.empty() ? Duration{0}
                         : kLength * (range.to - range.from) - Duration{range.late + range.early};
  }
  static std::int64_t per_slot(BytesPerSecond rate);
};
// What slots have of these intervals within the bounds.
std::vector<SlotRange> ranges_of(std::span<const Interval> intervals, const Interval& bounds,
                                 const Slots& slots);

class Egress {
 public:
  Egress(Slots slots, std::span<const BudgetStep> budget);

  const Slots& slots() const { return slots_; }

  // Finds room for `bytes`, at most `per_slot` in each slot, as early (late) as the ranges allow; appends it
  // to `out` in order of time and gives the bytes that found none. Slots with less room than an eighth of
  // what the site could use are left to others: nobody is well served by a trickle. Changes nothing.
  std::int64_t earliest(std::span<const SlotRange> ranges, std::int64_t bytes, std::int64_t per_slot,
                        Runs& out) const;
  std::int64_t latest(std::span<const SlotRange> ranges, std::int64_t bytes, std::int64_t per_slot,
                      Runs& out) const;

  void take(std::span<const Run> runs);
  void give_back(std::span<const Run> runs);

  // The first slot by whose end `bytes` can have gone out at all; slots().count where never.
  std::uint32_t time_for(std::int64_t bytes) const;
  // How much faster a run could go if all that is left over were shared out in proportion; at least 1.
  double headroom(const Run& run) const;

 private:
  // Slots in blocks of 64, and blocks in blocks of 64: to pass over what is full.
  static constexpr std::uint32_t kBlock = 64;
  struct Blocks {
    std::vector<std::int64_t> small, large;
  };
  struct Wanted {
    std::int64_t bytes, per_slot;
  };
  void change(std::span<const Run> runs, std::int64_t sign);
  std::int64_t room(std::uint32_t slot, const Wanted& wanted) const;  // of a whole slot
  // Of a part of one, beside what the site has of it in `own` already.
  Run room_of_part(std::uint32_t slot, const SlotRange& range, const Wanted& wanted,
                   std::span<const Run> own) const;
  static std::int64_t used_of(Run& run, std::int64_t per_slot);  // ms
  static bool is_full(std::int64_t most_free, std::int64_t least_budget, const Wanted& wanted);
  bool is_full(std::uint32_t slot, const Wanted& wanted) const;  // with all of its block, for sure
  // Then: the slots around it that are.
  SlotRange full_around(std::uint32_t slot, const Wanted& wanted) const;

  Slots slots_;
  // Bytes in a slot, shared by all copies; none: there is no limit, and nothing to count.
  std::shared_ptr<const std::int64_t[]> budget_;
  std::vector<std::int64_t> free_;
  Blocks most_free_, least_budget_;
};

}  // namespace dray::core
