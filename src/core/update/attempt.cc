#include "core/update/attempt.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "base/overloaded.h"

namespace dray::core::attempt {
namespace {

bool same_content(const Order& a, const Order& b) {
  return std::equal(
      a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(), [](const Part& x, const Part& y) {
        // Of a part without a SHA-256 it was computed meanwhile; the SHA-1 still names it.
        const bool same = x.sha256.empty() || y.sha256.empty() ? x.sha1 == y.sha1 : x.sha256 == y.sha256;
        return same && x.component == y.component && x.version == y.version && x.size == y.size;
      });
}

// The order with new addresses and hold, but with what was learned about its parts.
Order refreshed(const Order& old, Order fresh) {
  for (std::size_t i = 0; i < fresh.parts.size(); ++i)
    if (fresh.parts[i].sha256.empty()) fresh.parts[i].sha256 = old.parts[i].sha256;
  return fresh;
}

std::string versions_of(const RunningByComponent& running, const Order& order) {
  std::string out;
  for (const Part& part : order.parts) {
    const auto found = running.find(part.component);
    out += (out.empty() ? "" : ", ") + part.component + " " +
           (found == running.end()          ? "unknown"
            : found->second.version.empty() ? found->second.sha256
                                            : found->second.version);
  }
  return out;
}

std::string wanted(const Order& order) {
  std::string out;
  for (const Part& part : order.parts) out += (out.empty() ? "" : ", ") + part.component + " " + part.version;
  return out;
}

class Machine {
 public:
  Machine(const Attempt& before, const Given& given) : next{before}, given_{given} {}

  void on(const Started& event) {
    next.starts += 1;
    const bool worn = next.starts > kMostStarts;
    const std::string often = "started " + std::to_string(next.starts) + " times without getting further";
    std::visit(
        Overloaded{[&](const Offered& p) {
                     if (!p.again || worn) go(Idle{});  // the next poll brings it again, where it is still asked
                   },
                   [&](const Deferring&) { go(Idle{}); },
                   [&](const Waiting&) {},  // goes on with what is left of it
                   [&](const Downloading& p) {
                     if (worn) fail(p.order, often);
                   },
                   [&](const Verifying& p) {
                     if (worn) fail(p.order, often);
                   },
                   [&](const Holding& p) {
                     if (worn) fail(p.order, often);
                   },
                   [&](const Announcing& p) { go(Holding{p.order, ""}); },  // entering it began the count anew
                   [&](const Installing& p) { started_installing(p, event, worn ? often : ""); },
                   [&](const Installed& p) { started_switched(p.order, p.boot_id, event, worn); },
                   [&](const Restarting& p) { started_switched(p.order, p.boot_id, event, worn); },
                   [&](const VerifyingBoot& p) { started_verifying(p, event, worn ? often : ""); },
                   [&](const Reverting& p) { started_reverting(p, event, worn); },
                   [&](const auto&) { next.starts = 0; }},
        Phase{next.phase});
  }

  void on(const Asked& event) {
    const bool same = action_of(next) == event.action;
    // The server has not heard of the end, or it is an older state of itself. In that one an attempt that failed is still
    // to come; what runs, and what was cancelled, stays so.
    const bool may_come_again =
        std::holds_alternative<Failed>(next.phase) || std::holds_alternative<RolledBack>(next.phase);
    if (is_final(next) && same && !(may_come_again && ended()->reported))
      ended()->reported = false;
    else if ((std::holds_alternative<Offered>(next.phase) || std::holds_alternative<Waiting>(next.phase)) &&
             same)
      return;
    // Level-triggered: asked again, answered again, in whatever phase we thought to be. The bytes stay in the
    // spool.
    else if (std::holds_alternative<Idle>(next.phase) || is_final(next) || may_cancel(next))
      go(Offered{event.action});
  }

  void on(const Ordered& event) {
    const bool free = std::holds_alternative<Idle>(next.phase) || is_final(next) || may_cancel(next);
    if (!free) return;  // past the switch-over: what has started ends first
    if (is_final(next) && action_of(next) == event.order.action) {
      ended()->reported = false;  // still shown: the server has not heard of the end
      return;
    }
    const Order* current = order_of(next);
    if (current != nullptr && !is_final(next) && current->action == event.order.action &&
        same_content(*current, event.order)) {
      Order fresh = refreshed(*current, event.order);
      std::visit(Overloaded{[&](Downloading& p) { p.order = fresh; }, [&](Verifying& p) { p.order = fresh; },
                            [&](Holding& p) { p.order = fresh; }, [&](Announcing& p) { p.order = fresh; },
                            [](auto&) {}},
                 next.phase);
      return;
    }
    begin(event.order);
  }

  void on(const Withdrawn& event) {
    if (event.gone) next.answered = {};
    // A question that was put off is hidden, and the answer to it is on its way all the same.
    const auto* offered = std::get_if<Offered>(&next.phase);
    if (offered != nullptr && offered->again && !event.gone) return;
    if (may_cancel(next)) go(Idle{});
  }

  void on(const CancelAsked& event) {
    if (may_cancel(next) && action_of(next) == event.action)
      go(Cancelled{event.action, "", "the server asked"});
  }

  void on(const CancelledHere& event) {
    if (may_cancel(next)) go(Cancelled{action_of(next), event.by.empty() ? "device" : event.by, event.why});
  }

  void on(const Answered& event) {
    const bool ready = event.kind == AnswerKind::kReady;
    if (auto* offered = std::get_if<Offered>(&next.phase)) {
      offered->again = false;
      next.answered = offered->action;
      if (!ready) put_off(offered->action, event.kind, event.why);
    } else if (const auto* waiting = std::get_if<Waiting>(&next.phase)) {
      if (ready)
        confirm(waiting->action);
      else
        put_off(waiting->action, event.kind, event.why);
    } else if (auto* holding = std::get_if<Holding>(&next.phase)) {
      if (!ready)
        holding->why = event.why;
      else if (!holding->order.hold)
        go(Announcing{holding->order});
    } else if (const auto* announcing = std::get_if<Announcing>(&next.phase)) {
      if (!ready) go(Holding{announcing->order, event.why});
    }
  }

  void on(const MustWait& event) {
    const auto* offered = std::get_if<Offered>(&next.phase);
    if (offered != nullptr && offered->again) {
      put_off(offered->action, AnswerKind::kBusy, event.why);  // what the gateway was told stands
    } else if (offered != nullptr) {
      go(Waiting{offered->action, event.why, event.left});
    } else if (auto* waiting = std::get_if<Waiting>(&next.phase)) {
      waiting->left = event.left;
      waiting->why = event.why;
    }
  }

  void on(const Passed& event) {
    if (auto* waiting = std::get_if<Waiting>(&next.phase))
      waiting->left = std::max(Duration{0}, waiting->left - event.time);
    if (!next.word || !next.word->left) return;
    *next.word->left -= event.time;
    if (*next.word->left <= Duration{0}) next.word.reset();
  }

  void on(const Said& event) {
    if (auto* offered = std::get_if<Offered>(&next.phase))
      offered->again = true;
    else if (!next.answered.empty() && (std::holds_alternative<Idle>(next.phase) || std::holds_alternative<Deferring>(next.phase)))
      go(Offered{next.answered, true});
    next.word = event.word;
    if (event.word.kind == AnswerKind::kReady) {
      next.word->action = action_of(next);
      if (is_final(next) || next.word->action.empty()) next.word.reset();  // only takes an objection back
    }
    if (auto* waiting = std::get_if<Waiting>(&next.phase)) waiting->left = Duration{0};  // look again at once
  }

  void on(const Checkpointed& event) {
    if (!std::holds_alternative<Downloading>(next.phase)) return;
    auto& offset = next.spool[event.name];
    if (event.offset > offset) next.starts = 0;
    offset = event.offset;
  }

  void on(const Fetched& event) {
    auto* at = std::get_if<Downloading>(&next.phase);
    if (at == nullptr || at->part >= at->order.parts.size()) return;
    const std::size_t index = at->part;
    Order order = at->order;
    Part& part = order.parts[index];
    if (spool_name(part) != event.name) return;  // of an order that another one has replaced meanwhile
    next.spool.erase(spool_name(part));
    part.sha256 = event.sha256;
    next.spool[spool_name(part)] = part.size;
    next.starts = 0;
    if (index + 1 < order.parts.size())
      next.phase = Downloading{std::move(order), index + 1};
    else
      go(Verifying{std::move(order), 0});
  }

  void on(const Written& event) {
    auto* at = std::get_if<Verifying>(&next.phase);
    if (at == nullptr || at->part != event.part) return;
    next.starts = 0;
    if (event.part + 1 < at->order.parts.size())
      at->part += 1;
    else
      go(Holding{Order{at->order}, ""});
  }

  void on(const Announced&) {
    if (const auto* at = std::get_if<Announcing>(&next.phase)) go(Installing{at->order, given_.boot_id});
  }
  void on(const Switched&) {
    if (const auto* at = std::get_if<Installing>(&next.phase)) go(Installed{at->order, at->boot_id});
  }
  void on(const RestartNeeded& event) {
    const auto* at = std::get_if<Installed>(&next.phase);
    if (at == nullptr) return;
    if (event.needed)
      go(Restarting{at->order, at->boot_id});
    else
      go(VerifyingBoot{at->order});
  }
  void on(const Healthy&) {
    if (const auto* at = std::get_if<VerifyingBoot>(&next.phase)) go(Committed{at->order});
  }
  void on(const Undone& event) {
    auto* at = std::get_if<Reverting>(&next.phase);
    if (at == nullptr || at->undone) return;
    if (event.restart)
      at->undone = true;
    else
      go(RolledBack{at->order, at->why});
  }

  void on(const WorkFailed& event) {
    std::visit(Overloaded{[&](const Downloading& p) { fail(p.order, event.why); },
                          [&](const Verifying& p) { fail(p.order, event.why); },
                          [&](const Holding& p) { fail(p.order, event.why); },
                          [&](const Announcing& p) { fail(p.order, event.why); },
                          [&](const Installing& p) { revert(p.order, event.why); },
                          [&](const Installed& p) { revert(p.order, event.why); },
                          [&](const VerifyingBoot& p) { revert(p.order, event.why); },
                          [&](const Reverting& p) {
                            go(RolledBack{p.order, p.why + "; switching back: " + event.why});
                          },
                          [](const auto&) {}},
               Phase{next.phase});
  }

  void on(const Reported& event) {
    if (is_final(next) && action_of(next) == event.action) ended()->reported = true;
  }
  void on(const Tidied&) {
    if (!is_final(next)) return;
    ended()->tidied = true;
    if (next.word && next.word->kind == AnswerKind::kReady) next.word.reset();
    const bool kept =
        std::holds_alternative<Failed>(next.phase) || std::holds_alternative<RolledBack>(next.phase);
    if (!kept) next.spool.clear();  // a failed attempt is repeated: its verified bytes are not fetched again
  }

  Attempt next;

 private:
  // What was answered stays an answer only while nothing comes of it.
  template <class P>
  void go(P phase) {
    if constexpr (!std::is_same_v<P, Idle> && !std::is_same_v<P, Deferring>) next.answered = {};
    next.phase = std::move(phase);
    next.starts = 0;
  }

  void confirm(ActionId action) {
    go(Offered{action});
    next.answered = action;
  }

  void put_off(ActionId action, AnswerKind answer, std::string why) {
    go(Deferring{action, answer, std::move(why)});
    next.answered = action;
  }

  void begin(const Order& order) {
    std::erase_if(next.spool, [&](const auto& entry) {
      return std::none_of(order.parts.begin(), order.parts.end(),
                          [&](const Part& p) { return spool_name(p) == entry.first; });
    });
    if (order.parts.empty())
      go(Failed{order, "the order holds nothing for this device"});
    else if (runs(order, given_.running))
      go(Committed{order});
    else
      go(Downloading{order, 0});
  }

  void fail(const Order& order, const std::string& why) { go(Failed{Order{order}, why}); }
  void revert(const Order& order, const std::string& why) {
    go(Reverting{Order{order}, why, given_.boot_id});
  }

  // The supervisor's word counts only where the installer agrees that the version is gone.
  bool fell_back(const Started& event, const Order& order) const {
    return !event.fallback.empty() && event.fallback == order.action && !runs(order, given_.running);
  }

  void started_installing(const Installing& p, const Started& event, const std::string& often) {
    if (fell_back(event, p.order))
      go(RolledBack{p.order, event.why});
    else if (runs(p.order, given_.running) && given_.boot_id != p.boot_id)
      go(VerifyingBoot{p.order});
    else if (!often.empty())
      revert(p.order, often);
    // Not switched, or switched but not restarted: the switch is made again, from this start on.
    else
      std::get<Installing>(next.phase).boot_id = given_.boot_id;
  }

  void started_switched(const Order& order, const std::string& boot_id, const Started& event, bool worn) {
    if (fell_back(event, order))
      go(RolledBack{order, event.why});
    else if (given_.boot_id != boot_id && runs(order, given_.running))
      go(VerifyingBoot{order});
    else if (given_.boot_id != boot_id)
      go(RolledBack{order, after_restart(order)});
    else if (worn)
      revert(order, "the device does not restart");
  }

  void started_verifying(const VerifyingBoot& p, const Started& event, const std::string& often) {
    if (fell_back(event, p.order))
      go(RolledBack{p.order, event.why});
    else if (!runs(p.order, given_.running))
      go(RolledBack{p.order, after_restart(p.order)});
    else if (!often.empty())
      revert(p.order, often);
  }

  void started_reverting(const Reverting& p, const Started& event, bool worn) {
    if (fell_back(event, p.order))
      go(RolledBack{p.order, p.why + "; " + event.why});
    else if (p.undone && given_.boot_id != p.boot_id)
      go(RolledBack{p.order, p.why});
    else if (worn)
      go(RolledBack{p.order, p.why + "; switching back did not end"});
  }

  std::string after_restart(const Order& order) const {
    return "after the restart " + versions_of(given_.running, order) + " runs, not " + wanted(order);
  }

  Ended* ended() {
    return std::visit(
        Overloaded{[](Committed& p) { return &p.ended; }, [](RolledBack& p) { return &p.ended; },
                   [](Failed& p) { return &p.ended; }, [](Cancelled& p) { return &p.ended; },
                   [](auto&) -> Ended* { return nullptr; }},
        next.phase);
  }

  const Given& given_;
};

bool in_table(std::string_view from, std::string_view event, std::string_view to) {
  const auto table = transitions();
  return std::find(table.begin(), table.end(), Transition{from, event, to}) != table.end();
}

}  // namespace

std::string spool_name(const Part& part) {
  return part.sha256.empty() ? "sha1-" + part.sha1 : part.sha256.hex();
}

bool runs(const Order& order, const RunningByComponent& running) {
  return !order.parts.empty() && std::all_of(order.parts.begin(), order.parts.end(), [&](const Part& part) {
    const auto found = running.find(part.component);
    if (found == running.end()) return false;
    if (!found->second.sha256.empty() && !part.sha256.empty())
      return found->second.sha256 == part.sha256.hex();
    return found->second.version == part.version;
  });
}

Step advance(const Attempt& attempt, const Event& event, const Given& given) {
  Machine machine{attempt, given};
  std::visit([&](const auto& e) { machine.on(e); }, event);
  Step step{std::move(machine.next), {}};
  const auto from = phase_name(attempt.phase), to = phase_name(step.next.phase);
  if (from != to) DRAY_ASSERT(in_table(from, event_name(event), to));
  // Work is asked for anew where it is other work, or the same for another order.
  const bool other =
      !(work(attempt) == work(step.next)) || from != to || action_of(attempt) != action_of(step.next);
  if (other) step.actions.push_back(work(step.next));
  return step;
}

std::vector<Work> resume(const Attempt& attempt) { return {work(attempt)}; }

Work work(const Attempt& attempt) {
  const auto ended = [](const Ended& e) { return Work{e.tidied ? WorkKind::kNone : WorkKind::kTidy}; };
  return std::visit(
      Overloaded{[](const Idle&) { return Work{}; },
                 [](const Offered&) { return Work{WorkKind::kAnswerOffer}; },
                 [](const Waiting&) { return Work{WorkKind::kAnswerOffer}; },
                 [](const Deferring&) { return Work{}; },
                 [](const Downloading& p) { return Work{WorkKind::kFetch, p.part}; },
                 [](const Verifying& p) { return Work{WorkKind::kWrite, p.part}; },
                 [](const Holding& p) { return Work{p.order.hold ? WorkKind::kNone : WorkKind::kAskReady}; },
                 [](const Announcing&) { return Work{WorkKind::kAnnounce}; },
                 [](const Installing&) { return Work{WorkKind::kInstall}; },
                 [](const Installed&) { return Work{WorkKind::kAskRestart}; },
                 [](const Restarting&) { return Work{WorkKind::kRestart}; },
                 [](const VerifyingBoot&) { return Work{WorkKind::kVerify}; },
                 [](const Reverting& p) { return Work{p.undone ? WorkKind::kRestart : WorkKind::kUndo}; },
                 [&](const Committed& p) { return ended(p.ended); },
                 [&](const RolledBack& p) { return ended(p.ended); },
                 [&](const Failed& p) { return ended(p.ended); },
                 [&](const Cancelled& p) { return ended(p.ended); }},
      attempt.phase);
}

}  // namespace dray::core::attempt
