#include "core/schedule/egress.h"

#include <algorithm>
#include <limits>

namespace dray::core {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kFastest = 1'000'000'000'000;  // bytes per second: products stay in 64 bits
constexpr std::int64_t kTrickle = 8;

void append(std::vector<Run>& out, std::size_t begin, std::uint32_t slot, std::int64_t bytes) {
  if (out.size() > begin && out.back().end() == slot && out.back().bytes == bytes)
    ++out.back().count;
  else
    out.push_back({slot, 1, bytes});
}

}  // namespace

Slots Slots::covering(WallTime from, WallTime to, std::uint32_t most) {
  static constexpr int kMinutes[] = {1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720};
  Slots out;
  for (const int minutes : kMinutes) {
    out.length = std::chrono::minutes{minutes};
    const auto first = (from.time_since_epoch() + out.length - Duration{1}) / out.length;
    const auto end = to.time_since_epoch() / out.length;
    out.start = WallTime{out.length * first};
    out.count = static_cast<std::uint32_t>(std::clamp<Duration::rep>(end - first, 0, most));
    if (end - first <= most) break;
  }
  return out;
}

SlotRange Slots::inside(const Interval& interval) const {
  if (interval.to <= start || interval.from >= at(count)) return {};
  const auto from = std::max(interval.from, start) - start, to = std::min(interval.to, at(count)) - start;
  const auto first = static_cast<std::uint32_t>((from + length - Duration{1}) / length);
  const auto end = static_cast<std::uint32_t>(to / length);
  return first < end ? SlotRange{first, end} : SlotRange{};
}

std::int64_t Slots::per_slot(BytesPerSecond rate) const {
  return static_cast<std::int64_t>(std::min(rate.count, kFastest)) * (length / std::chrono::seconds{1});
}

Egress::Egress(Slots slots, std::span<const BudgetStep> budget)
    : slots_{slots},
      budget_(slots.count, kUnlimited),
      most_free_(slots.count / kBlock + 1, 0),
      least_budget_(slots.count / kBlock + 1, kUnlimited) {
  std::vector<BudgetStep> steps{budget.begin(), budget.end()};
  std::stable_sort(steps.begin(), steps.end(), [](auto& a, auto& b) { return a.from < b.from; });
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const WallTime until = i + 1 < steps.size() ? steps[i + 1].from : kWallMax;
    const auto bytes = slots_.per_slot(steps[i].rate);
    for (std::uint32_t s = 0; s < slots_.count; ++s)  // a step inside of a slot: the smaller one counts
      if (slots_.at(s + 1) > steps[i].from && slots_.at(s) < until) budget_[s] = std::min(budget_[s], bytes);
  }
  free_ = budget_;
  for (std::uint32_t s = 0; s < slots_.count; ++s) {
    most_free_[s / kBlock] = std::max(most_free_[s / kBlock], free_[s]);
    least_budget_[s / kBlock] = std::min(least_budget_[s / kBlock], budget_[s]);
  }
}

std::int64_t Egress::room(std::uint32_t slot, std::int64_t bytes, std::int64_t per_slot) const {
  const std::int64_t room = std::min({free_[slot], per_slot, bytes});
  return room == bytes || room >= std::max<std::int64_t>(1, std::min(per_slot, budget_[slot]) / kTrickle)
             ? room
             : 0;
}

bool Egress::is_full(std::uint32_t block, std::int64_t per_slot) const {
  return most_free_[block] == 0 || most_free_[block] < std::min(per_slot, least_budget_[block]) / kTrickle;
}

std::int64_t Egress::earliest(std::span<const SlotRange> ranges, std::int64_t bytes, std::int64_t per_slot,
                              std::vector<Run>& out) const {
  const std::size_t begin = out.size();
  for (const SlotRange& range : ranges)
    for (std::uint32_t s = range.from; s < range.to && bytes > 0; ++s) {
      if (is_full(s / kBlock, per_slot)) {
        s |= kBlock - 1;
      } else if (const auto here = room(s, bytes, per_slot); here > 0) {
        append(out, begin, s, here);
        bytes -= here;
      }
    }
  return bytes;
}

std::int64_t Egress::latest(std::span<const SlotRange> ranges, std::int64_t bytes, std::int64_t per_slot,
                            std::vector<Run>& out) const {
  const std::size_t begin = out.size();
  for (auto range = ranges.rbegin(); range != ranges.rend(); ++range)
    for (std::uint32_t end = range->to; end > range->from && bytes > 0; --end) {
      const std::uint32_t s = end - 1;
      if (is_full(s / kBlock, per_slot)) {
        end = std::max(range->from, s & ~(kBlock - 1)) + 1;
      } else if (const auto here = room(s, bytes, per_slot); here > 0) {
        if (out.size() > begin && out.back().first == end && out.back().bytes == here)
          --out.back().first, ++out.back().count;
        else
          out.push_back({s, 1, here});
        bytes -= here;
      }
    }
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
  return bytes;
}

void Egress::take(std::span<const Run> runs) { change(runs, -1); }
void Egress::give_back(std::span<const Run> runs) { change(runs, 1); }

void Egress::change(std::span<const Run> runs, std::int64_t sign) {
  for (const Run& run : runs) {
    for (std::uint32_t s = run.first; s < run.end(); ++s)
      if (budget_[s] != kUnlimited) free_[s] += sign * run.bytes;
    for (std::uint32_t block = run.first / kBlock; block * kBlock < run.end(); ++block) {
      const auto from = free_.begin() + block * kBlock;
      most_free_[block] = *std::max_element(from, from + std::min(kBlock, slots_.count - block * kBlock));
    }
  }
}

std::uint32_t Egress::time_for(std::int64_t bytes) const {
  for (std::uint32_t s = 0; s < slots_.count; ++s) {
    if (free_[s] >= bytes) return s + 1;
    bytes -= std::max<std::int64_t>(0, free_[s]);
  }
  return slots_.count;
}

double Egress::headroom(const Run& run) const {
  double out = std::numeric_limits<double>::infinity();
  for (std::uint32_t s = run.first; s < run.end(); ++s)
    if (budget_[s] != kUnlimited)
      out = std::min(out, static_cast<double>(budget_[s]) /
                              static_cast<double>(std::max(budget_[s] - free_[s], run.bytes)));
  return std::max(out, 1.0);
}

}  // namespace dray::core
