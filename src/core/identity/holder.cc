#include "core/identity/holder.h"

#include <algorithm>

#include "base/mutant.h"

namespace dray::core {
namespace {

constexpr std::chrono::minutes kSaveEvery{1};  // that a refused one was heard

Instance* find(Holding& holding, std::string_view name) {
  const auto found = std::find_if(holding.instances.begin(), holding.instances.end(),
                                  [&](const Instance& i) { return i.name == name; });
  return found == holding.instances.end() ? nullptr : &*found;
}

Instance* find_holder(Holding& holding) {
  const auto found = std::find_if(holding.instances.begin(), holding.instances.end(),
                                  [](const Instance& i) { return i.role == InstanceRole::kHolds; });
  return found == holding.instances.end() ? nullptr : &*found;
}

// Of those in a role only the ones that were heard last are kept; the new one, at the end, always is.
void bound(Holding& holding, InstanceRole role, std::size_t most) {
  const auto is = [&](const Instance& i) { return i.role == role; };
  while (static_cast<std::size_t>(std::count_if(holding.instances.begin(), holding.instances.end(), is)) > most) {
    auto oldest = holding.instances.end();
    for (auto it = holding.instances.begin(); it != holding.instances.end(); ++it)
      if (is(*it) && (oldest == holding.instances.end() || it->heard < oldest->heard)) oldest = it;
    holding.instances.erase(oldest);
  }
}

// heard: when it called last.
void take_over(Holding& holding, std::string_view name, WallTime heard, WallTime now, bool by_silence) {
  if (Instance* before = find_holder(holding)) {
    before->role = InstanceRole::kReplaced;
    before->since = now;
    before->refused.reset();
    before->returned = false;
  }
  bool was_replaced = false;
  if (Instance* known = find(holding, name)) {
    was_replaced = known->role == InstanceRole::kReplaced;
    std::erase_if(holding.instances, [&](const Instance& i) { return i.name == name; });
  }
  const bool returned = by_silence && was_replaced;
  holding.instances.push_back({std::string{name}, InstanceRole::kHolds, now, heard, {}, returned});
  bound(holding, InstanceRole::kReplaced, kMostReplaced);
}

// A clock that was set back makes nobody's last word lie in the future.
void not_later(Holding& holding, WallTime now) {
  for (Instance& i : holding.instances) {
    i.heard = std::min(i.heard, now);
    if (i.refused) i.refused = std::min(*i.refused, now);
  }
}

// True: it is worth saving that it was heard.
bool refuse(Holding& holding, std::string_view name, WallTime now) {
  Instance* one = find(holding, name);
  if (one == nullptr) {
    holding.instances.push_back({std::string{name}, InstanceRole::kWaits, now, now, now, false, now});
    bound(holding, InstanceRole::kWaits, kMostWaiting);
    return false;
  }
  if (!one->refused || now - one->heard >= kSilent) one->refused = now;
  one->heard = now;
  if (now - one->saved < kSaveEvery && one->saved <= now) return false;
  one->saved = now;
  return true;
}

bool asks(const Instance& i, WallTime now) {
  const bool is_late = now - i.heard >= kSilent && !DRAY_MUTANT("two_gateways_for_ever");
  return i.role != InstanceRole::kHolds && i.refused && !is_late;
}

// Of those that asked within kSilent the ones that still ask; where none does, all of them.
std::vector<const Instance*> asking(const Holding& holding, WallTime now) {
  std::vector<const Instance*> all, still;
  for (const Instance& i : holding.instances) {
    if (!asks(i, now)) continue;
    all.push_back(&i);
    if (presence(i, now) == "refused") still.push_back(&i);
  }
  return still.empty() ? all : still;
}

std::string ago(const Instance& i, WallTime now) {
  return shown_name(i.name) + " (asked " + say_span(std::chrono::duration_cast<std::chrono::seconds>(now - i.heard)) + " ago)";
}

}  // namespace

std::string_view presence(const Instance& instance, WallTime now) {
  const bool heard = now - instance.heard < kAsksWithin;
  if (instance.role == InstanceRole::kHolds) return heard ? "in_use" : "silent";
  return heard && instance.refused ? "refused" : "ended";
}

const Instance* holder(const Holding& holding) { return find_holder(const_cast<Holding&>(holding)); }

Called call_of(const Holding& holding, std::string_view name, WallTime now) {
  Called out{.next = holding};
  not_later(out.next, now);
  Instance* holds = find_holder(out.next);
  if (holds != nullptr && holds->name == name) {
    holds->heard = now;
    out.holds = true;
    return out;
  }
  const bool gives_way = holds != nullptr && holds->name.empty() && find(out.next, name) == nullptr;
  if (holds == nullptr || gives_way || now - holds->heard >= kSilent) {
    take_over(out.next, name, now, now, true);
    out.holds = out.must_save = out.is_news = true;
    return out;
  }
  out.is_news = !two_gateways(out.next, now);
  const bool worth_it = refuse(out.next, name, now);
  out.must_save = out.is_news || worth_it;
  return out;
}

Holding heard_holder(Holding holding, WallTime now) {
  if (Instance* holds = find_holder(holding)) holds->heard = now;
  return holding;
}

Holding after_start(Holding holding, WallTime now) { return heard_holder(std::move(holding), now); }

Result<Holding> replaced_by(const Holding& holding, std::optional<std::string_view> name, WallTime now) {
  Holding next = holding;
  not_later(next, now);
  if (!name) {
    const auto others = asking(next, now);
    if (others.empty())
      return Error{ErrorCode::kConflict, "no other gateway has asked for this site within the last 10 minutes: start it first"};
    std::string names;
    for (const Instance* i : others) names += (names.empty() ? "" : ", ") + ago(*i, now);
    if (others.size() > 1)
      return Error{ErrorCode::kConflict, "several gateways ask for this site, so the instance has to be named: " + names};
    name = others.front()->name;
  }
  const Instance* chosen = find(next, *name);
  if (chosen == nullptr) return Error{ErrorCode::kNotFound, "no such instance at this site: '" + shown_name(*name) + "'"};
  if (chosen->role == InstanceRole::kHolds) return next;
  if (presence(*chosen, now) == "ended")
    return Error{ErrorCode::kConflict, ago(*chosen, now) + " does not ask for this site any more, and nobody would be served: start it first"};
  const std::string who{*name};
  take_over(next, who, chosen->heard, now, false);
  return next;
}

std::optional<TwoGateways> two_gateways(const Holding& holding, WallTime now) {
  if (DRAY_MUTANT("two_gateways_unsaid")) return {};
  std::optional<TwoGateways> out;
  for (const Instance* i : asking(holding, now)) {
    if (!out || *i->refused < out->since)
      out = TwoGateways{i->name, i->role == InstanceRole::kReplaced, *i->refused, i->heard + kSilent};
  }
  if (out) return out;
  const Instance* holds = holder(holding);
  if (holds != nullptr && holds->returned && now - holds->since < kReturnSaid)
    return TwoGateways{holds->name, true, holds->since, holds->since + kReturnSaid};
  return {};
}

WallTime let_in_at(const Holding& holding) {
  const Instance* holds = holder(holding);
  return holds == nullptr ? WallTime{} : holds->heard + kSilent;
}

std::string_view role_name(InstanceRole role) {
  switch (role) {
    case InstanceRole::kHolds:
      return "holds";
    case InstanceRole::kWaits:
      return "waits";
    case InstanceRole::kReplaced:
      break;
  }
  return "replaced";
}

std::optional<InstanceRole> parse_role(std::string_view text) {
  for (const InstanceRole role : {InstanceRole::kHolds, InstanceRole::kWaits, InstanceRole::kReplaced})
    if (role_name(role) == text) return role;
  return {};
}

std::string shown_name(std::string_view instance) { return instance.empty() ? "unnamed" : std::string{instance}; }

bool is_instance_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestInstance && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace dray::core
