#include "core/schedule/stagger.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace dray::core {
namespace {

constexpr int kRounds = 5;  // of trying again with the losers in front

using Find = std::int64_t (Egress::*)(std::span<const SlotRange>, std::int64_t, std::int64_t, Runs&) const;

bool find_room(const Demand& demand, const Egress& egress, Find find, Runs& out) {
  const bool from_the_end = find == &Egress::latest;
  out.clear();
  if (demand.bytes == 0) return true;
  if (demand.together) return (egress.*find)(demand.ranges, demand.bytes, demand.per_slot, out) == 0;
  for (std::size_t i = 0; i < demand.ranges.size(); ++i) {
    const SlotRange& range = demand.ranges[from_the_end ? demand.ranges.size() - 1 - i : i];
    if (Slots::length_of(range) < demand.needs) continue;
    out.clear();
    if ((egress.*find)({&range, 1}, demand.bytes, demand.per_slot, out) == 0) return true;
  }
  return false;
}

class Stagger {
 public:
  Stagger(std::span<const Demand> demands, const Order& sites, const Egress& egress)
      : demands_{demands}, sites_{sites}, egress_{egress} {}

  Placement best() {
    Placement best = place(by([&](auto site) { return std::int64_t{demand(site).due}; }), &Egress::earliest);
    const Order by_slack = by([&](auto site) { return slack(site); });
    keep_better(best, place(by_slack, &Egress::earliest));
    if (all(best)) {
      end_earlier(best);
    } else {
      keep_better(best, place(by([&](auto site) { return demand(site).bytes; }), &Egress::latest));
      for (int round = 0; round < kRounds && !all(best); ++round)
        if (!keep_better(best, place(losers_first(best, by_slack), &Egress::latest))) break;
    }
    if (Placement tight = tightened(best); compare(tight, best) >= 0) best = std::move(tight);
    return best;
  }

 private:
  bool all(const Placement& p) const { return p.fits() == std::ssize(sites_); }

  const Demand& demand(std::uint32_t site) const { return demands_[site]; }
  // In whole slots: sites that are nearly alike take turns, by their index, and not class after class.
  std::int64_t slack(std::uint32_t site) const {
    return std::chrono::floor<std::chrono::minutes>(demand(site).open).count() -
           std::chrono::ceil<std::chrono::minutes>(demand(site).needs).count();
  }
  WallTime end_of(std::span<const Run> runs) const { return egress_.slots().end_of(runs.back()); }

  // By a number, the least first; by index where it is the same.
  template <class Key>
  Order by(Key key) const {
    std::vector<std::pair<std::int64_t, std::uint32_t>> keyed;
    keyed.reserve(sites_.size());
    for (const std::uint32_t site : sites_) keyed.emplace_back(key(site), site);
    std::sort(keyed.begin(), keyed.end());
    Order order;
    order.reserve(keyed.size());
    for (const auto& [number, site] : keyed) order.push_back(site);
    return order;
  }

  void place_into(Placement& p, const Order& order, Find find, Egress& left) const {
    Runs runs;
    for (const std::uint32_t site : order) {
      if (p.has(site) || !demand(site).possible || !find_room(demand(site), left, find, runs)) continue;
      left.take(runs);
      p.put(site, runs);
    }
  }

  Placement place(const Order& order, Find find) const {
    Egress left = egress_;
    Placement p{demands_.size()};
    place_into(p, order, find, left);
    return p;
  }

  Egress left_by(const Placement& p) const {
    Egress left = egress_;
    for (const std::uint32_t site : sites_) left.take(p.runs(site));
    return left;
  }

  // One after another, those that begin first too, each as early as it goes now: what was placed late is not
  // late without need. Nobody loses, and room may be left for others.
  Placement tightened(const Placement& loose) const {
    Egress left = left_by(loose);
    Placement p{demands_.size()};
    Runs runs;
    for (const std::uint32_t site : by([&](auto each) {
           const auto own = loose.runs(each);
           return own.empty() ? std::int64_t{-1} : std::int64_t{own.front().first};
         })) {
      const auto own = loose.runs(site);
      if (own.empty()) {
        if (loose.has(site)) p.put(site, {});
        continue;
      }
      left.give_back(own);
      const bool earlier =
          find_room(demand(site), left, &Egress::earliest, runs) && end_of(runs) <= end_of(own);
      p.put(site, earlier ? std::span<const Run>{runs} : own);
      left.take(p.runs(site));
    }
    place_into(p, sites_, &Egress::earliest, left);
    return p;
  }

  Order losers_first(const Placement& p, const Order& order) const {
    Order out = order;
    std::stable_partition(out.begin(), out.end(), [&](std::uint32_t site) { return !p.has(site); });
    return out;
  }

  // Where all fit, the last arrival can still be late: because long transmissions begin last, or because
  // sites that have other times took those that others depend on. An arrival is a deadline like others, so
  // aim at the earliest that may be possible, take first what has the least to spare until then, and those
  // that did not make it in front next time.
  void end_earlier(Placement& best) const {
    const std::uint32_t bound = least_end();
    for (const std::uint32_t percent : {1U, 3U}) {
      const std::uint32_t aim = bound + std::max(1U, bound * percent / 100);
      if (last_end(best) <= aim) return;
      std::vector<Demand> until{demands_.begin(), demands_.end()};
      for (const std::uint32_t site : sites_) cut(until[site], aim);
      const Stagger aimed{until, sites_, egress_};
      Order order = aimed.by([&](auto site) { return aimed.slack(site); });
      Placement p = aimed.rows(order, aim);
      for (std::int64_t fits = 0, before = -1; !all(p) && fits > before;) {
        p = aimed.place(order, &Egress::latest);
        order = losers_first(p, order);
        before = std::exchange(fits, p.fits());
      }
      if (all(p)) keep_better(best, std::move(p));
    }
  }

  static void cut(Demand& demand, std::uint32_t end) {
    demand.open = {};
    for (SlotRange& range : demand.ranges) {
      range = range.before(end);
      demand.open += Slots::length_of(range);
    }
  }

  // As in McNaughton's wrap-around rule: each begins where the one before ended, and goes on at the front
  // when it comes to the end.
  Placement rows(const Order& order, std::uint32_t end) const {
    Egress left = egress_;
    Placement p{demands_.size()};
    std::uint32_t cursor = 0;
    Runs runs;
    for (const std::uint32_t site : order) {
      if (!demand(site).possible || !wrapped(demand(site), left, cursor, runs)) continue;
      if (!runs.empty()) cursor = runs.back().end() % end;
      std::sort(runs.begin(), runs.end(), [](const Run& x, const Run& y) { return x.first < y.first; });
      left.take(runs);
      p.put(site, runs);
    }
    return p;
  }

  static bool wrapped(const Demand& demand, const Egress& left, std::uint32_t cursor, Runs& out) {
    out.clear();
    if (demand.bytes == 0) return true;
    if (!demand.together) return false;
    std::vector<SlotRange> behind, before;
    for (const SlotRange& r : demand.ranges) {
      if (const SlotRange front = r.before(cursor); !front.empty()) before.push_back(front);
      if (const SlotRange back = r.behind(cursor); !back.empty()) behind.push_back(back);
    }
    const std::int64_t rest = left.earliest(behind, demand.bytes, demand.per_slot, out);
    return rest == 0 || left.earliest(before, rest, demand.per_slot, out) == 0;
  }

  // No schedule can end earlier: the egress has to carry all bytes, and each site has to be served alone.
  std::uint32_t least_end() const {
    std::int64_t bytes = 0;
    std::uint32_t end = 1;
    for (const std::uint32_t site : sites_) {
      const Demand& wanted = demand(site);
      bytes += std::min(wanted.bytes, std::numeric_limits<std::int64_t>::max() - bytes);
      Duration needs = wanted.needs;
      for (const SlotRange& range : wanted.ranges) {
        const Duration open = Slots::length_of(range);
        if (needs <= Duration{0}) break;
        if (!wanted.together && open < needs) continue;
        const Duration here = std::min(needs, open);
        if (here == needs)
          end = std::max(end, range.from + static_cast<std::uint32_t>(
                                               (Duration{range.late} + here + Slots::kLength - Duration{1}) /
                                               Slots::kLength));
        needs -= here;
      }
    }
    return std::max(end, egress_.time_for(bytes));
  }

  // The slot by which all that is placed has arrived.
  std::uint32_t last_end(const Placement& p) const {
    std::uint32_t end = 0;
    for (const std::uint32_t site : sites_)
      if (!p.runs(site).empty()) end = std::max(end, p.runs(site).back().end());
    return end;
  }

  // By how many slots the others would be late, if each were the only one whose expiry is moved. Those that
  // would find no room at all count as late by the whole horizon.
  std::int64_t lateness(const Placement& p) const {
    const Egress left = left_by(p);
    std::int64_t sum = 0;
    Runs runs;
    for (const std::uint32_t site : sites_) {
      if (p.has(site) || demand(site).ranges.empty()) continue;
      Demand later = demand(site);
      later.ranges.push_back({later.due, egress_.slots().count});
      const bool found = find_room(later, left, &Egress::earliest, runs);
      sum += found ? std::max(runs.back().end(), later.due) - later.due : egress_.slots().count;
    }
    return sum;
  }

  // Positive: a is better. More fit; else less lateness of the others; else an earlier last arrival.
  std::int64_t compare(const Placement& a, const Placement& b) const {
    if (a.fits() != b.fits()) return a.fits() - b.fits();
    if (!all(a))
      if (const std::int64_t less = lateness(b) - lateness(a); less != 0) return less;
    return std::int64_t{last_end(b)} - last_end(a);
  }

  bool keep_better(Placement& best, Placement other) const {
    if (compare(other, best) <= 0) return false;
    best = std::move(other);
    return true;
  }

  std::span<const Demand> demands_;
  const Order& sites_;
  const Egress& egress_;
};

}  // namespace

void Placement::put(std::uint32_t site, std::span<const Run> runs) {
  places_[site] = {static_cast<std::uint32_t>(runs_.size()), static_cast<std::uint32_t>(runs.size()), true};
  runs_.insert(runs_.end(), runs.begin(), runs.end());
  ++fits_;
}

Placement stagger(std::span<const Demand> demands, const Order& sites, const Egress& egress) {
  return Stagger{demands, sites, egress}.best();
}

std::vector<Run> earliest_room(const Demand& demand, const Egress& egress) {
  Runs runs;
  return find_room(demand, egress, &Egress::earliest, runs) ? runs : Runs{};
}

std::vector<Run> latest_room(const Demand& demand, const Egress& egress) {
  Runs runs;
  return find_room(demand, egress, &Egress::latest, runs) ? runs : Runs{};
}

}  // namespace dray::core
