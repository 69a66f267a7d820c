#include "gateway/slots.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/mutant.h"

namespace dray::gateway {

// --- transmissions ---

bool Slots::may_begin(const Receiver& who, const Rules& rules) const {
  const std::size_t shown = DRAY_MUTANT("links_take_slots") ? links_.size() : 0;
  return who.foreign || runs_.contains(who.job) || runs_.size() + shown < rules.concurrency;
}

void Slots::turned_away(const Receiver& who, SteadyTime now, const Rules& rules) {
  Waiting& place = stand(who);
  place.until = now + rules.present();
  place.able = place.present = true;
}

void Slots::begin(const Receiver& who, SteadyTime now) {
  auto found = runs_.find(who.job);
  if (found == runs_.end()) {
    const auto link = links_.find(who.device);
    const Place place = link == links_.end() ? place_of(who) : link->second.place;
    if (link == links_.end()) had_turn(who.device, place);
    links_.erase(who.device);
    line_.erase(who.device);
    found = runs_.emplace(who.job, Run{who, place, ++arrivals_, now, 0}).first;
  }
  found->second.last = now;
  ++found->second.bodies;
}

void Slots::progress(const JobId& job, SteadyTime now) {
  if (const auto found = runs_.find(job); found != runs_.end()) found->second.last = now;
}

bool Slots::end(const JobId& job, SteadyTime now) {
  const auto found = runs_.find(job);
  if (found == runs_.end()) return false;
  found->second.last = now;
  if (--found->second.bodies > 0) return false;
  runs_.erase(found);
  return true;
}

// --- links ---

bool Slots::shows(const Receiver& who) const {
  if (runs_.contains(who.job)) return true;
  const auto link = links_.find(who.device);
  return link != links_.end() && link->second.who.job == who.job;
}

Slots::Asked Slots::ask(const Receiver& who, bool able, SteadyTime now, SteadyTime until,
                        const Rules& rules) {
  if (runs_.contains(who.job)) return {true, {}};
  if (const auto link = links_.find(who.device); link != links_.end()) {
    link->second.who = who;  // a device has one link, for whichever of its jobs goes first
    return {true, {}};
  }
  Waiting& waiting = stand(who);
  waiting.until = std::max(now, until) + rules.present();
  waiting.able = able;
  waiting.present = true;
  if (!able || !has_turn(waiting.place, who.device, now, rules)) return {};
  Asked out{true, {}};
  const Place place = waiting.place;
  line_.erase(who.device);
  if (open_beside(who.device) >= rules.concurrency) out.withdrawn = withdraw_later(place, rules);
  had_turn(who.device, place);
  links_.emplace(who.device, Link{who, place, now});
  return out;
}

bool Slots::enable(const DeviceId& device, bool able) {
  const auto found = line_.find(device);
  return found != line_.end() && std::exchange(found->second.able, able) != able && able;
}

bool Slots::leave(const DeviceId& device) {
  const bool had_link = links_.erase(device) > 0;
  return line_.erase(device) > 0 || had_link;
}

bool Slots::release(const JobId& job, const DeviceId& device) {
  bool had = runs_.erase(job) > 0;
  if (const auto link = links_.find(device); link != links_.end() && link->second.who.job == job) {
    links_.erase(link);
    had = true;
  }
  if (const auto waiting = line_.find(device); waiting != line_.end() && waiting->second.who.job == job) {
    line_.erase(waiting);
    had = true;
  }
  return had;
}

// --- the line ---

// Where it stands, or would stand if it came now.
Slots::Place Slots::place_of(const Receiver& who) const {
  if (const auto found = line_.find(who.device); found != line_.end()) return found->second.place;
  const auto next = next_round_.find(who.device);
  const std::int64_t round = std::max(round_, next == next_round_.end() ? 0 : next->second);
  return {round, -std::int64_t{who.priority}, std::numeric_limits<std::uint64_t>::max()};
}

Slots::Waiting& Slots::stand(const Receiver& who) {
  Place place = place_of(who);
  const auto [at, fresh] = line_.try_emplace(who.device);
  if (fresh) place.number = ++arrivals_;
  place.priority = -std::int64_t{who.priority};
  at->second.who = who;
  at->second.place = place;
  return at->second;
}

// Every foreign device that has a link or receives is in its way, and every agent that received already when
// it came or was before it in the line; who overtook it is not. An unused link of a later round gives way.
std::size_t Slots::in_the_way(const Place& place, const DeviceId& device) const {
  std::size_t before = 0;
  for (const auto& [other, link] : links_)
    if (other != device && link.place.round <= place.round) ++before;
  for (const auto& [job, run] : runs_)
    if (run.who.device != device && (run.who.foreign || run.began < place.number || run.place < place))
      ++before;
  return before;
}

bool Slots::has_turn(const Place& place, const DeviceId& device, SteadyTime now, const Rules& rules) const {
  const std::size_t before = in_the_way(place, device);
  return before < rules.concurrency && before + waiting_before(place, device, now) < rules.concurrency;
}

// Those in line that are present and would go first.
std::size_t Slots::waiting_before(const Place& place, const DeviceId& device, SteadyTime now) const {
  return static_cast<std::size_t>(std::count_if(line_.begin(), line_.end(), [&](const auto& entry) {
    const Waiting& waiting = entry.second;
    return entry.first != device && waiting.able && now < waiting.until && waiting.place < place;
  }));
}

// Other foreign devices that have a link or receive; a device that receives for one job takes none of another's.
std::size_t Slots::open_beside(const DeviceId& device) const {
  return links_.size() + static_cast<std::size_t>(std::count_if(runs_.begin(), runs_.end(), [&](const auto& r) {
           return r.second.who.foreign && r.second.who.device != device;
         }));
}

// The last one in line of those with an unused link of a later round goes back to its place; nothing where there is none.
std::optional<DeviceId> Slots::withdraw_later(const Place& place, const Rules& rules) {
  const auto last = std::max_element(links_.begin(), links_.end(), [](const auto& a, const auto& b) {
    return a.second.place < b.second.place;
  });
  if (last == links_.end() || last->second.place.round <= place.round) return {};
  const DeviceId device = last->first;
  const Link link = last->second;
  links_.erase(last);
  line_[device] = Waiting{link.who, link.place, link.taken + rules.present(), true, true};
  next_round_.erase(device);  // it has not had its turn
  if (link.place.round > round_) next_round_.emplace(device, link.place.round);
  return device;
}

void Slots::had_turn(const DeviceId& device, const Place& place) {
  round_ = std::max(round_, place.round);
  next_round_.insert_or_assign(device, place.round + 1);
  std::erase_if(next_round_, [&](const auto& entry) { return entry.second <= round_; });  // as for those that never had one
}

// --- what follows ---

std::optional<core::Line> Slots::line_of(const Receiver& who, SteadyTime now, const Rules& rules) const {
  if (shows(who)) return {};
  core::Line out{runs_.size(), rules.concurrency, 0, 0};
  if (!who.foreign) {
    const bool waits = line_.contains(who.device) && runs_.size() >= rules.concurrency;
    return waits ? std::optional{out} : std::nullopt;
  }
  const Place place = place_of(who);
  if (has_turn(place, who.device, now, rules)) return {};
  for (const auto& [other, link] : links_)
    if (other != who.device && link.place.round <= place.round) ++out.unfetched;
  out.waiting = waiting_before(place, who.device, now);
  return out;
}

bool Slots::is_next(const DeviceId& device, SteadyTime now, const Rules& rules) const {
  const auto found = line_.find(device);
  return found != line_.end() && waiting_before(found->second.place, device, now) < rules.concurrency;
}

std::vector<DeviceId> Slots::in_turn(SteadyTime now, const Rules& rules) const {
  std::vector<const Waiting*> present;
  for (const auto& [device, waiting] : line_)
    if (now < waiting.until) present.push_back(&waiting);
  std::sort(present.begin(), present.end(),
            [](const Waiting* a, const Waiting* b) { return a->place < b->place; });
  std::vector<DeviceId> out;
  std::size_t before = 0;
  for (const Waiting* waiting : present) {
    if (before >= rules.concurrency) break;
    if (waiting->who.foreign && before + in_the_way(waiting->place, waiting->who.device) < rules.concurrency)
      out.push_back(waiting->who.device);
    before += waiting->able ? 1 : 0;
  }
  return out;
}

Slots::Swept Slots::sweep(SteadyTime now, const Rules& rules) {
  Swept out;
  std::erase_if(links_, [&](const auto& entry) {
    if (now < entry.second.taken + rules.unused()) return false;
    out.lost.push_back(entry.first);
    return true;
  });
  std::erase_if(runs_, [&](const auto& entry) {
    if (now < entry.second.last + kNoProgress) return false;
    out.lost.push_back(entry.second.who.device);
    return true;
  });
  for (auto& [device, waiting] : line_)
    if (waiting.present && now >= waiting.until) {
      waiting.present = false;
      out.moved = true;
    }
  // An agent that has given up says nothing more; should it come again, it comes anew.
  std::erase_if(line_, [](const auto& entry) { return !entry.second.who.foreign && !entry.second.present; });
  out.moved = out.moved || !out.lost.empty();
  return out;
}

SteadyTime Slots::next_sweep(const Rules& rules) const {
  SteadyTime out = kSteadyMax;
  for (const auto& [device, link] : links_) out = std::min(out, link.taken + rules.unused());
  for (const auto& [job, run] : runs_) out = std::min(out, run.last + kNoProgress);
  for (const auto& [device, waiting] : line_)
    if (waiting.present) out = std::min(out, waiting.until);
  return out;
}

}  // namespace dray::gateway
