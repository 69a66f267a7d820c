#include "core/schedule/egress.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace dray::core {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kFastest = 1'000'000'000'000;  // bytes per second: products stay in 64 bits
constexpr std::int64_t kTrickle = 8;

// The milliseconds of a slot that a run of one slot uses.
std::int64_t usable(const Run& one) { return Slots::kLength.count() - one.late - one.early; }

// Rounded up: where a part of a slot is permitted, nobody is said not to fit for a byte.
std::int64_t carried(const Run& one) {
  constexpr std::int64_t kWhole = Slots::kLength.count();
  return one.late + one.early == 0 ? one.bytes : (one.bytes * usable(one) + kWhole - 1) / kWhole;
}

bool is_part(const SlotRange& range, std::uint32_t slot) {
  return (slot == range.from && range.late > 0) || (slot + 1 == range.to && range.early > 0);
}

// One more whole slot with so many bytes makes the run longer.
bool is_more_of(const Run& run, std::int64_t bytes) {
  return run.bytes == bytes && run.late + run.early == 0;
}

// Runs are found in order, and those that were found first may lie behind all others (wrapped around), so
// what touches a slot is at one of the ends.
std::int64_t own_in(std::span<const Run> own, std::uint32_t slot) {
  const auto touches = [slot](const Run& run) { return run.first <= slot && slot < run.end(); };
  std::int64_t sum = 0;
  std::size_t back = own.size();
  while (back > 0 && touches(own[back - 1])) sum += own[--back].bytes;
  for (std::size_t i = 0; i < back && touches(own[i]); ++i) sum += own[i].bytes;
  return sum;
}

}  // namespace

Slots Slots::covering(WallTime now, WallTime to) {
  const WallTime start = std::chrono::floor<std::chrono::minutes>(now);
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(std::max(to, now) - start).count();
  return {now, start, static_cast<std::uint32_t>(minutes)};
}

SlotRange Slots::inside(const Interval& interval) const {
  const WallTime from = std::max(interval.from, now), to = std::min(interval.to, end());
  if (from >= to) return {};
  const auto first = static_cast<std::uint32_t>((from - start) / kLength);
  const auto last = static_cast<std::uint32_t>((to - start + kLength - Duration{1}) / kLength);
  return {first, last, static_cast<std::uint16_t>((from - at(first)).count()),
          static_cast<std::uint16_t>((at(last) - to).count())};
}

std::int64_t Slots::per_slot(BytesPerSecond rate) {
  return static_cast<std::int64_t>(std::min(rate.count, kFastest)) * (kLength / std::chrono::seconds{1});
}

std::vector<SlotRange> ranges_of(std::span<const Interval> intervals, const Interval& bounds,
                                 const Slots& slots) {
  std::vector<SlotRange> out;
  out.reserve(intervals.size());
  for (const Interval& i : intervals) {
    if (i.from >= bounds.to) break;  // they are in order
    const SlotRange range = slots.inside({std::max(i.from, bounds.from), std::min(i.to, bounds.to)});
    if (!range.empty()) out.push_back(range);
  }
  return out;
}

Egress::Egress(Slots slots, std::span<const BudgetStep> budget) : slots_{slots} {
  if (budget.empty()) return;
  std::vector<BudgetStep> steps{budget.begin(), budget.end()};
  std::stable_sort(steps.begin(), steps.end(), [](auto& a, auto& b) { return a.from < b.from; });
  free_.assign(slots_.count, kUnlimited);
  for (std::size_t i = 0; i < steps.size(); ++i) {  // a step inside of a slot: the smaller one counts
    const WallTime until = i + 1 < steps.size() ? steps[i + 1].from : kWallMax;
    const auto from = std::clamp(steps[i].from, slots_.start, slots_.end()) - slots_.start;
    const auto to = std::clamp(until, slots_.start, slots_.end()) - slots_.start;
    const auto end = static_cast<std::uint32_t>((to + Slots::kLength - Duration{1}) / Slots::kLength);
    for (auto s = static_cast<std::uint32_t>(from / Slots::kLength); s < end; ++s)
      free_[s] = std::min(free_[s], Slots::per_slot(steps[i].rate));
  }
  for (const std::uint32_t size : {kBlock, kBlock * kBlock}) {
    auto& most = size == kBlock ? most_free_.small : most_free_.large;
    auto& least = size == kBlock ? least_budget_.small : least_budget_.large;
    most.assign(slots_.count / size + 1, 0);
    least.assign(slots_.count / size + 1, kUnlimited);
    for (std::uint32_t s = 0; s < slots_.count; ++s) {
      most[s / size] = std::max(most[s / size], free_[s]);
      least[s / size] = std::min(least[s / size], free_[s]);
    }
  }
  auto whole = std::make_shared<std::int64_t[]>(slots_.count);
  std::copy(free_.begin(), free_.end(), whole.get());
  budget_ = std::move(whole);
}

// Without a budget nobody else wants the slot: the site uses its own rate until it is done, and only so much of it.
std::int64_t Egress::used_of(Run& run, std::int64_t per_slot) {
  const std::int64_t used = (carried(run) * Slots::kLength.count() + per_slot - 1) / per_slot;
  run.bytes = per_slot;
  return std::min(used, usable(run));
}

inline std::int64_t Egress::room(std::uint32_t slot, const Wanted& wanted) const {
  if (!budget_) return std::min(wanted.per_slot, wanted.bytes);
  const std::int64_t room = std::min({free_[slot], wanted.per_slot, wanted.bytes});
  const std::int64_t least = std::min(wanted.per_slot, budget_[slot]) / kTrickle;
  return room == wanted.bytes || room >= std::max<std::int64_t>(1, least) ? room : 0;
}

Run Egress::room_of_part(std::uint32_t slot, const SlotRange& range, const Wanted& wanted,
                         std::span<const Run> own) const {
  Run run{slot, 1, wanted.per_slot, slot == range.from ? range.late : std::uint16_t{0},
          slot + 1 == range.to ? range.early : std::uint16_t{0}};
  std::int64_t budget = run.bytes;
  if (budget_) {
    run.bytes = std::max<std::int64_t>(0, std::min(run.bytes, free_[slot] - own_in(own, slot)));
    budget = std::min(budget, budget_[slot]);
  }
  if (carried(run) >= wanted.bytes)
    run.bytes = std::min(run.bytes, (wanted.bytes * Slots::kLength.count() + usable(run) - 1) / usable(run));
  else if (run.bytes < std::max<std::int64_t>(1, budget / kTrickle))
    run.bytes = 0;
  return run;
}

inline bool Egress::is_full(std::int64_t most_free, std::int64_t least_budget, const Wanted& wanted) {
  return most_free <= 0 ||
         (most_free < wanted.bytes && most_free < std::min(wanted.per_slot, least_budget) / kTrickle);
}

inline bool Egress::is_full(std::uint32_t slot, const Wanted& wanted) const {
  return budget_ && is_full(most_free_.small[slot / kBlock], least_budget_.small[slot / kBlock], wanted);
}

SlotRange Egress::full_around(std::uint32_t slot, const Wanted& wanted) const {
  const std::uint32_t small = slot / kBlock, large = small / kBlock;
  if (!is_full(most_free_.large[large], least_budget_.large[large], wanted))
    return {small * kBlock, (small + 1) * kBlock};
  return {large * kBlock * kBlock, (large + 1) * kBlock * kBlock};
}

std::int64_t Egress::earliest(std::span<const SlotRange> ranges, std::int64_t bytes, std::int64_t per_slot,
                              Runs& out) const {
  const std::size_t begin = out.size();
  Wanted wanted{bytes, per_slot};
  for (const SlotRange& range : ranges)
    for (std::uint32_t s = range.from; s < range.to && wanted.bytes > 0;) {
      if (is_full(s, wanted)) {
        s = full_around(s, wanted).to;
        continue;
      }
      for (const std::uint32_t to = std::min(range.to, (s / kBlock + 1) * kBlock); s < to && wanted.bytes > 0;
           ++s)
        if (is_part(range, s)) {
          const Run here = room_of_part(s, range, wanted, out);
          if (here.bytes > 0) out.push_back(here);
          wanted.bytes -= std::min(wanted.bytes, carried(here));
        } else if (const std::int64_t here = room(s, wanted); here > 0) {
          if (out.size() > begin && out.back().end() == s && is_more_of(out.back(), here))
            ++out.back().count;
          else
            out.push_back({s, 1, here});
          wanted.bytes -= here;
        }
    }
  if (Run* last = out.size() > begin ? &out.back() : nullptr; !budget_ && last != nullptr && last->bytes < per_slot)
    last->early = static_cast<std::uint16_t>(Slots::kLength.count() - last->late - used_of(*last, per_slot));
  return wanted.bytes;
}

std::int64_t Egress::latest(std::span<const SlotRange> ranges, std::int64_t bytes, std::int64_t per_slot,
                            Runs& out) const {
  const std::size_t begin = out.size();
  Wanted wanted{bytes, per_slot};
  for (auto range = ranges.rbegin(); range != ranges.rend(); ++range)
    for (std::uint32_t end = range->to; end > range->from && wanted.bytes > 0;) {
      if (is_full(end - 1, wanted)) {
        end = std::max(range->from, full_around(end - 1, wanted).from);
        continue;
      }
      for (const std::uint32_t from = std::max(range->from, (end - 1) / kBlock * kBlock);
           end > from && wanted.bytes > 0; --end)
        if (is_part(*range, end - 1)) {
          const Run here = room_of_part(end - 1, *range, wanted, out);
          if (here.bytes > 0) out.push_back(here);
          wanted.bytes -= std::min(wanted.bytes, carried(here));
        } else if (const std::int64_t here = room(end - 1, wanted); here > 0) {
          if (out.size() > begin && out.back().first == end && is_more_of(out.back(), here))
            --out.back().first, ++out.back().count;
          else
            out.push_back({end - 1, 1, here});
          wanted.bytes -= here;
        }
    }
  if (Run* first = out.size() > begin ? &out.back() : nullptr; !budget_ && first != nullptr && first->bytes < per_slot)
    first->late = static_cast<std::uint16_t>(Slots::kLength.count() - first->early - used_of(*first, per_slot));
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
  return wanted.bytes;
}

void Egress::take(std::span<const Run> runs) { change(runs, -1); }
void Egress::give_back(std::span<const Run> runs) { change(runs, 1); }

void Egress::change(std::span<const Run> runs, std::int64_t sign) {
  if (!budget_) return;
  for (const Run& run : runs) {
    for (std::uint32_t s = run.first; s < run.end(); ++s)
      if (budget_[s] != kUnlimited) free_[s] += sign * run.bytes;
    for (std::uint32_t small = run.first / kBlock; small * kBlock < run.end(); ++small) {
      const auto from = free_.begin() + small * kBlock;
      auto& most = most_free_.small[small];
      auto& of_large = most_free_.large[small / kBlock];
      const std::int64_t before = std::exchange(
          most, *std::max_element(from, from + std::min(kBlock, slots_.count - small * kBlock)));
      if (most >= of_large) {
        of_large = most;
      } else if (before == of_large) {
        const auto first = most_free_.small.begin() + small / kBlock * kBlock;
        of_large = *std::max_element(
            first, first + std::min<std::ptrdiff_t>(kBlock, most_free_.small.end() - first));
      }
    }
  }
}

std::uint32_t Egress::time_for(std::int64_t bytes) const {
  if (!budget_) return std::min(1U, slots_.count);
  for (std::uint32_t s = 0; s < slots_.count; ++s) {
    if (free_[s] >= bytes) return s + 1;
    bytes -= std::max<std::int64_t>(0, free_[s]);
  }
  return slots_.count;
}

double Egress::headroom(const Run& run) const {
  double out = std::numeric_limits<double>::infinity();
  for (std::uint32_t s = run.first; budget_ && s < run.end(); ++s)
    if (const auto budget = budget_[s]; budget != kUnlimited)
      out = std::min(
          out, static_cast<double>(budget) / static_cast<double>(std::max(budget - free_[s], run.bytes)));
  return std::max(out, 1.0);
}

}  // namespace dray::core
