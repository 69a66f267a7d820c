// What follows from an attempt: names, answers, the report that is due; and the table of transitions.
#include <algorithm>
#include <array>
#include <set>

#include "core/update/attempt.h"

namespace dray::core::attempt {
namespace {

constexpr std::size_t kMostNamed = 10;  // components, in a sentence

constexpr std::array<std::string_view, std::variant_size_v<Phase>> kPhases{
    "idle",      "offered",    "waiting",     "deferring", "downloading", "verifying",
    "holding",   "announcing", "installing",  "installed", "restarting",  "verifying_boot",
    "reverting", "committed",  "rolled_back", "failed",    "cancelled"};

constexpr std::array<std::string_view, std::variant_size_v<Event>> kEvents{
    "started",   "asked",          "ordered", "withdrawn",    "cancel_asked", "cancelled_here", "answered",
    "must_wait", "passed",         "said",    "checkpointed", "fetched",      "written",        "announced",
    "switched",  "restart_needed", "healthy", "undone",       "work_failed",  "reported",       "tidied"};

constexpr Transition kTable[] = {
    // a start
    {"offered", "started", "idle"},
    {"deferring", "started", "idle"},
    {"downloading", "started", "failed"},
    {"verifying", "started", "failed"},
    {"holding", "started", "failed"},
    {"announcing", "started", "holding"},
    {"installing", "started", "verifying_boot"},
    {"installing", "started", "rolled_back"},
    {"installing", "started", "reverting"},
    {"installed", "started", "verifying_boot"},
    {"installed", "started", "rolled_back"},
    {"installed", "started", "reverting"},
    {"restarting", "started", "verifying_boot"},
    {"restarting", "started", "rolled_back"},
    {"restarting", "started", "reverting"},
    {"verifying_boot", "started", "rolled_back"},
    {"verifying_boot", "started", "reverting"},
    {"reverting", "started", "rolled_back"},
    // the communication request
    {"idle", "asked", "offered"},
    {"waiting", "asked", "offered"},
    {"deferring", "asked", "offered"},
    {"downloading", "asked", "offered"},
    {"verifying", "asked", "offered"},
    {"holding", "asked", "offered"},
    {"announcing", "asked", "offered"},
    {"committed", "asked", "offered"},
    {"rolled_back", "asked", "offered"},
    {"failed", "asked", "offered"},
    {"cancelled", "asked", "offered"},
    {"offered", "answered", "deferring"},
    // what is said here later is an answer to it, too
    {"idle", "said", "offered"},
    {"deferring", "said", "offered"},
    {"offered", "must_wait", "deferring"},
    // the device's own deferment
    {"offered", "must_wait", "waiting"},
    {"waiting", "answered", "offered"},
    {"waiting", "answered", "deferring"},
    // the order: begun, found to run already, or without anything for this device
    {"idle", "ordered", "downloading"},
    {"idle", "ordered", "committed"},
    {"idle", "ordered", "failed"},
    {"offered", "ordered", "downloading"},
    {"offered", "ordered", "committed"},
    {"offered", "ordered", "failed"},
    {"waiting", "ordered", "downloading"},
    {"waiting", "ordered", "committed"},
    {"waiting", "ordered", "failed"},
    {"deferring", "ordered", "downloading"},
    {"deferring", "ordered", "committed"},
    {"deferring", "ordered", "failed"},
    {"downloading", "ordered", "committed"},
    {"downloading", "ordered", "failed"},
    {"verifying", "ordered", "downloading"},
    {"verifying", "ordered", "committed"},
    {"verifying", "ordered", "failed"},
    {"holding", "ordered", "downloading"},
    {"holding", "ordered", "committed"},
    {"holding", "ordered", "failed"},
    {"announcing", "ordered", "downloading"},
    {"announcing", "ordered", "committed"},
    {"announcing", "ordered", "failed"},
    {"committed", "ordered", "downloading"},
    {"committed", "ordered", "failed"},
    {"rolled_back", "ordered", "downloading"},
    {"rolled_back", "ordered", "committed"},
    {"rolled_back", "ordered", "failed"},
    {"failed", "ordered", "downloading"},
    {"failed", "ordered", "committed"},
    {"cancelled", "ordered", "downloading"},
    {"cancelled", "ordered", "committed"},
    {"cancelled", "ordered", "failed"},
    // taken back: silently, by the server, on the device
    {"offered", "withdrawn", "idle"},
    {"waiting", "withdrawn", "idle"},
    {"deferring", "withdrawn", "idle"},
    {"downloading", "withdrawn", "idle"},
    {"verifying", "withdrawn", "idle"},
    {"holding", "withdrawn", "idle"},
    {"announcing", "withdrawn", "idle"},
    {"offered", "cancel_asked", "cancelled"},
    {"waiting", "cancel_asked", "cancelled"},
    {"deferring", "cancel_asked", "cancelled"},
    {"downloading", "cancel_asked", "cancelled"},
    {"verifying", "cancel_asked", "cancelled"},
    {"holding", "cancel_asked", "cancelled"},
    {"announcing", "cancel_asked", "cancelled"},
    {"offered", "cancelled_here", "cancelled"},
    {"waiting", "cancelled_here", "cancelled"},
    {"deferring", "cancelled_here", "cancelled"},
    {"downloading", "cancelled_here", "cancelled"},
    {"verifying", "cancelled_here", "cancelled"},
    {"holding", "cancelled_here", "cancelled"},
    {"announcing", "cancelled_here", "cancelled"},
    // the work
    {"downloading", "fetched", "verifying"},
    {"verifying", "written", "holding"},
    {"holding", "answered", "announcing"},
    {"announcing", "answered", "holding"},
    {"announcing", "announced", "installing"},
    {"installing", "switched", "installed"},
    {"installed", "restart_needed", "restarting"},
    {"installed", "restart_needed", "verifying_boot"},
    {"verifying_boot", "healthy", "committed"},
    {"reverting", "undone", "rolled_back"},
    {"downloading", "work_failed", "failed"},
    {"verifying", "work_failed", "failed"},
    {"holding", "work_failed", "failed"},
    {"announcing", "work_failed", "failed"},
    {"installing", "work_failed", "reverting"},
    {"installed", "work_failed", "reverting"},
    {"verifying_boot", "work_failed", "reverting"},
    {"reverting", "work_failed", "rolled_back"},
};

template <class P>
bool in(const Attempt& attempt) {
  return std::holds_alternative<P>(attempt.phase);
}

}  // namespace

std::string_view phase_name(const Phase& phase) { return kPhases[phase.index()]; }
std::string_view event_name(const Event& event) { return kEvents[event.index()]; }
std::span<const Transition> transitions() { return kTable; }

const Order* order_of(const Attempt& attempt) {
  return std::visit(
      [](const auto& p) -> const Order* {
        if constexpr (requires { p.order; })
          return &p.order;
        else
          return nullptr;
      },
      attempt.phase);
}

std::string foreign_to(const Order& order, const std::vector<std::string>& listed, const RunningByComponent& running) {
  std::set<std::string> has{listed.begin(), listed.end()};
  for (const auto& [component, runs] : running) has.insert(component);
  if (has.empty()) return {};
  const auto other = std::find_if(order.parts.begin(), order.parts.end(), [&](const Part& p) { return !has.contains(p.component); });
  if (other == order.parts.end()) return {};
  std::string names;
  std::size_t told = 0;
  for (const std::string& one : has)
    if (told++ < kMostNamed) names += (names.empty() ? "" : ", ") + one;
  if (told > kMostNamed) names += " and " + std::to_string(told - kMostNamed) + " more";
  return "this device has no component '" + other->component + "', only " + names;
}

ActionId action_of(const Attempt& attempt) {
  return std::visit(
      [](const auto& p) {
        if constexpr (requires { p.order; })
          return p.order.action;
        else if constexpr (requires { p.action; })
          return p.action;
        else
          return ActionId{};
      },
      attempt.phase);
}

bool is_final(const Attempt& a) {
  return in<Committed>(a) || in<RolledBack>(a) || in<Failed>(a) || in<Cancelled>(a);
}

bool operator_is_ready(const Attempt& a) {
  return a.word && a.word->kind == AnswerKind::kReady && a.word->action == action_of(a);
}

const Word* operator_objects(const Attempt& a) {
  return a.word && a.word->kind != AnswerKind::kReady ? &*a.word : nullptr;
}

std::optional<Duration> counts_down(const Attempt& a) {
  std::optional<Duration> out;
  if (a.word && a.word->left) out = *a.word->left;
  if (const auto* waiting = std::get_if<Waiting>(&a.phase); waiting != nullptr && waiting->left > Duration{0})
    out = out ? std::min(*out, waiting->left) : waiting->left;
  return out;
}

bool may_cancel(const Attempt& a) {
  return in<Offered>(a) || in<Waiting>(a) || in<Deferring>(a) || in<Downloading>(a) || in<Verifying>(a) ||
         in<Holding>(a) || in<Announcing>(a);
}

bool is_trial(const Attempt& a) {
  return in<Installing>(a) || in<Installed>(a) || in<Restarting>(a) || in<VerifyingBoot>(a) ||
         in<Reverting>(a);
}

CancelAnswer answer_to_cancel(const Attempt& attempt, ActionId action) {
  if (action_of(attempt) != action) return CancelAnswer::kNothingHere;
  if (is_trial(attempt) || in<Committed>(attempt) || in<RolledBack>(attempt)) return CancelAnswer::kTooLate;
  return CancelAnswer::kAccepted;
}

std::optional<Due> due_report(const Attempt& attempt) {
  if (const auto* p = std::get_if<Committed>(&attempt.phase); p != nullptr && !p->ended.reported)
    return Due{p->order.action, true, describe(attempt), "", ""};
  if (const auto* p = std::get_if<RolledBack>(&attempt.phase); p != nullptr && !p->ended.reported)
    return Due{p->order.action, false, describe(attempt), "", ""};
  if (const auto* p = std::get_if<Failed>(&attempt.phase); p != nullptr && !p->ended.reported)
    return Due{p->order.action, false, describe(attempt), "", ""};
  // A cancel of the server is answered where it was asked.
  if (const auto* p = std::get_if<Cancelled>(&attempt.phase);
      p != nullptr && !p->ended.reported && !p->by.empty())
    return Due{p->action, false, describe(attempt), p->by, p->why};
  return {};
}

std::string describe(const Attempt& attempt) {
  std::string parts;
  if (const Order* order = order_of(attempt))
    for (const Part& part : order->parts)
      parts += (parts.empty() ? "" : ", ") + part.component + " " + part.version;
  const auto why = [&] {
    return std::visit(
        [](const auto& p) {
          if constexpr (requires { p.why; })
            return p.why;
          else
            return std::string{};
        },
        attempt.phase);
  }();
  const std::string reason = why.empty() ? "" : ": " + why;
  static constexpr std::array<std::string_view, std::variant_size_v<Phase>> kSentences{
      "Nothing to do.",
      "The gateway asks for an update.",
      "Can't be updated now, and answers when it can",
      "Said \"not now\"",
      "Receives {}",
      "Writes {}",
      "Ready to switch to {}",
      "Announces the switch to {}",
      "Switches to {}",
      "Has switched to {}",
      "Restarts into {}",
      "Checks {}",
      "Switches back from {}",
      "Runs {}",
      "Back from {}",
      "Could not install {}",
      "Cancelled"};
  const auto* offered = std::get_if<Offered>(&attempt.phase);
  if (offered != nullptr && offered->again) return "Tells the gateway what was said here";
  std::string out{kSentences[attempt.phase.index()]};
  if (const auto at = out.find("{}"); at != std::string::npos) out.replace(at, 2, parts);
  return out + reason;
}

}  // namespace dray::core::attempt
