#include "core/rollout/rollout.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/overloaded.h"

namespace dray::core {
namespace {

class Machine {
 public:
  Machine(const Rollout& rollout, const RolloutGiven& given)
      : r_{rollout}, now_{given.now}, counts_{given.counts.begin(), given.counts.end()} {
    DRAY_ASSERT(!r_.phases.empty() && counts_.size() == r_.phases.size());
  }

  RolloutStep run(const RolloutEvent& event) {
    // Time goes first: what arrives after the expiry meets a rollout that is over.
    if (!is_over(r_) && now_ >= r_.terms.expires_at) taking("time_passed", [&] { settle_once(); });
    taking(event_name(event), [&] { std::visit([&](const auto& e) { on(e); }, event); });
    for (Rollout before = r_;; before = r_) {
      taking("time_passed", [&] { settle_once(); });
      if (r_ == before) break;
    }
    return {std::move(r_), std::move(actions_), std::move(notes_), std::move(rows_)};
  }

 private:
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(r_.state);
  }
  void note(std::string_view what, std::optional<std::size_t> phase = {}, std::string by = {},
            std::string why = {}) {
    notes_.push_back({what, phase, std::move(by), std::move(why)});
  }

  template <class F>
  void taking(std::string_view event, F f) {
    const RolloutState before = r_.state;
    f();
    if (before.index() == r_.state.index()) return;
    const RolloutTransition taken{state_name(before), event, state_name(r_.state)};
    const auto table = rollout_transitions();
    DRAY_ASSERT(std::find(table.begin(), table.end(), taken) != table.end());
    rows_.push_back(taken);
  }

  // --- events ---

  void on(const TimePassed&) {}
  void on(const JobsChanged& jobs) {
    if (jobs.started && is<RolloutScheduled>()) r_.state = RolloutRunning{};
  }
  void on(const ApproveAsked& e) {
    if (!is<RolloutWaitingApproval>() || (e.phase && *e.phase != r_.released)) return;
    r_.phases[r_.released].approved = Approval{e.by, e.why, now_};
    note("approved", r_.released, e.by, e.why);
    release();
    if (r_.released == 1) begin();
  }
  void on(const PauseAsked& e) { pause({PauseCause::kOperator, e.by, e.why, {}}); }
  void on(const ResumeAsked& e) {
    const auto* paused = std::get_if<RolloutPaused>(&r_.state);
    if (paused == nullptr) return;
    for (std::size_t i = 0; i < r_.released; ++i)
      if (judge_phase(r_, i, counts_[i]).stopped) r_.phases[i].accepted = counts_[i].failing();
    std::visit([&](const auto& before) { r_.state = RolloutState{before}; }, RolloutPaused{*paused}.before);
    actions_.emplace_back(FreeJobs{});
    note("resumed", {}, e.by, e.why);
  }
  void on(const AbortAsked& e) {
    if (!is_over(r_)) abort(e.by, e.why);
  }
  void on(const RetryAsked& e) {
    if (is<RolloutAborted>() || e.expires_at.value_or(r_.terms.expires_at) <= now_) return;
    if (std::none_of(counts_.begin(), counts_.end(), [](const PhaseCounts& c) { return c.failed + c.drifted > 0; }))
      return;
    if (e.expires_at) r_.terms.expires_at = *e.expires_at;
    for (PhaseCounts& c : counts_) {
      c.succeeded -= c.drifted;
      c.open += std::exchange(c.failed, 0) + std::exchange(c.drifted, 0);
    }
    if (is<RolloutFinished>()) {
      begin();  // it may have ended before its transmission, or before anybody approved it
      actions_.emplace_back(FreeJobs{});
    }
    actions_.emplace_back(RetryJobs{});
    note("retried", {}, e.by, e.why);
  }

  // --- what follows by itself ---

  void settle_once() {
    if (is_over(r_)) return;
    for (std::size_t i = 0; i < r_.phases.size(); ++i)
      r_.phases[i].accepted = std::min(r_.phases[i].accepted, counts_[i].failing());
    if (now_ >= r_.terms.expires_at) return finish(true);
    if (stopped_by_failures()) return;
    const auto* paused = std::get_if<RolloutPaused>(&r_.state);
    if (nobody_is_open() && (paused == nullptr || paused->cause == PauseCause::kOperator))
      return finish(false);
    if (is<RolloutHeld>() && now_ >= r_.terms.transmit_at.value_or(WallTime::min())) {
      r_.state = RolloutRunning{};
      actions_.emplace_back(Transmit{});
    } else if (is<RolloutScheduled>() && now_ >= r_.terms.update_at) {
      r_.state = RolloutRunning{};
    } else if (is<RolloutRunning>() && r_.released < r_.phases.size()) {
      if (!judge_phase(r_, r_.released - 1, counts_[r_.released - 1]).reached) return;
      RolloutPhase& current = r_.phases[r_.released - 1];
      current.reached_at = now_;
      note("reached", r_.released - 1);
      r_.state = RolloutSoaking{now_ + current.terms.soak};
    } else if (const auto* soaking = std::get_if<RolloutSoaking>(&r_.state);
               soaking && now_ >= soaking->until) {
      if (r_.phases[r_.released].terms.approval)
        r_.state = RolloutWaitingApproval{};
      else
        release();
    }
  }

  // True where the rollout must not go on because of them. One that is paused already is only told of it.
  bool stopped_by_failures() {
    const auto* paused = std::get_if<RolloutPaused>(&r_.state);
    if (paused != nullptr && paused->cause == PauseCause::kFailures) return false;
    for (std::size_t i = 0; i < r_.released; ++i) {
      if (!judge_phase(r_, i, counts_[i]).stopped) continue;
      const std::string why = "phase " + std::to_string(i + 1) + " has reached its failure threshold";
      if (r_.phases[i].terms.on_failure == OnFailure::kAbort) {
        abort("", why);
      } else if (paused != nullptr) {
        auto known = *paused;
        known.cause = PauseCause::kFailures;
        r_.state = std::move(known);
        note("paused", i, "", why);
      } else {
        pause({PauseCause::kFailures, "", why, {}}, i);
      }
      return true;
    }
    return false;
  }

  // The first state; time leads on from there.
  void begin() {
    if (r_.released == 0)
      r_.state = RolloutWaitingApproval{};
    else if (r_.terms.delivery == Delivery::kPush)
      r_.state = RolloutHeld{};
    else
      r_.state = RolloutScheduled{};
  }

  bool nobody_is_open() const {
    return std::all_of(counts_.begin(), counts_.end(), [](const PhaseCounts& c) { return c.open == 0; });
  }

  void release() {
    RolloutPhase& phase = r_.phases[r_.released];
    phase.released_at = now_;
    actions_.emplace_back(ReleasePhase{r_.released});
    note("released", r_.released);
    ++r_.released;
    r_.state = RolloutRunning{};
  }

  void pause(RolloutPaused paused, std::optional<std::size_t> phase = {}) {
    const bool possible = std::visit(Overloaded{
                                         [](const RolloutPaused&) { return false; },
                                         [](const RolloutFinished&) { return false; },
                                         [](const RolloutAborted&) { return false; },
                                         [&](const auto& now) {
                                           paused.before = now;
                                           return true;
                                         },
                                     },
                                     r_.state);
    if (!possible) return;
    note("paused", phase, paused.by, paused.why);
    r_.state = std::move(paused);
    actions_.emplace_back(HoldJobs{});
  }

  void abort(std::string by, std::string why) {
    note("aborted", {}, by, why);
    actions_.emplace_back(CancelJobs{by, why});
    r_.state = RolloutAborted{std::move(by), std::move(why)};
  }

  void finish(bool expired) {
    r_.state = RolloutFinished{};
    note("finished", {}, "", expired ? "the expiry is over" : "every device has ended");
    if (!expired || r_.released == r_.phases.size()) return;
    for (std::size_t i = r_.released; i < counts_.size(); ++i)
      counts_[i].failed += std::exchange(counts_[i].open, 0);
    actions_.emplace_back(ExpireWaiting{});
  }

  Rollout r_;
  WallTime now_;
  std::vector<PhaseCounts> counts_;
  std::vector<RolloutAction> actions_;
  std::vector<RolloutNote> notes_;
  std::vector<RolloutTransition> rows_;
};

}  // namespace

RolloutStep make_rollout(RolloutTerms terms, std::vector<PhaseTerms> phases, WallTime now) {
  DRAY_ASSERT(!phases.empty());
  RolloutStep out;
  out.next.terms = std::move(terms);
  for (PhaseTerms& phase : phases) out.next.phases.push_back({std::move(phase), 0, {}, {}, {}});
  out.notes.push_back({"created", {}, "", ""});
  if (out.next.phases[0].terms.approval) {
    out.next.state = RolloutWaitingApproval{};
    return out;
  }
  out.next.released = 1;
  out.next.phases[0].released_at = now;
  out.actions.emplace_back(ReleasePhase{0});
  out.notes.push_back({"released", 0, "", ""});
  if (out.next.terms.delivery == Delivery::kPush)
    out.next.state = RolloutHeld{};
  else
    out.next.state = RolloutScheduled{};
  return out;
}

RolloutStep advance(const Rollout& rollout, const RolloutEvent& event, const RolloutGiven& given) {
  if (!fits(rollout) && !std::holds_alternative<AbortAsked>(event)) return {rollout, {}, {}, {}};
  return Machine{rollout, given}.run(event);
}

std::optional<std::string> refusal(const Rollout& rollout, const RolloutEvent& event,
                                   const RolloutGiven& given) {
  const std::string state{state_name(rollout.state)};
  const auto over = [&]() -> std::optional<std::string> {
    if (is_over(rollout)) return "the rollout is over: " + state;
    return {};
  };
  const auto none_failed = [&] {
    return std::none_of(given.counts.begin(), given.counts.end(),
                        [](const PhaseCounts& c) { return c.failed + c.drifted > 0; });
  };
  return std::visit(Overloaded{
                        [&](const ApproveAsked& e) -> std::optional<std::string> {
                          if (!std::holds_alternative<RolloutWaitingApproval>(rollout.state))
                            return "no approval is waited for: the rollout is " + state;
                          if (e.phase && *e.phase != rollout.released)
                            return "phase: phase " + std::to_string(rollout.released + 1) +
                                   " waits for approval, not phase " + std::to_string(*e.phase + 1);
                          return {};
                        },
                        [&](const ResumeAsked&) -> std::optional<std::string> {
                          if (!is_paused(rollout)) return "the rollout is not paused: " + state;
                          return {};
                        },
                        [&](const RetryAsked& e) -> std::optional<std::string> {
                          if (std::holds_alternative<RolloutAborted>(rollout.state)) return over();
                          if (e.expires_at && *e.expires_at <= given.now)
                            return "expires_at: " + to_rfc3339(*e.expires_at) + " is over already: give a later one than now, " + to_rfc3339(given.now);
                          if (e.expires_at.value_or(rollout.terms.expires_at) <= given.now)
                            return "expires_at: the expiry is over since " +
                                   to_rfc3339(rollout.terms.expires_at) + ": give a later one";
                          if (none_failed()) return "no device has failed, and none has drifted";
                          return {};
                        },
                        [&](const PauseAsked&) { return over(); },
                        [&](const AbortAsked&) { return over(); },
                        [](const auto&) -> std::optional<std::string> { return {}; },
                    },
                    event);
}

namespace {

struct Fits {
  bool begun, more;  // a phase has begun; there is another one

  bool operator()(const RolloutWaitingApproval&) const { return more; }
  bool operator()(const RolloutSoaking&) const { return begun && more; }
  bool operator()(const RolloutPaused& paused) const { return std::visit(*this, paused.before); }
  bool operator()(const RolloutFinished&) const { return true; }
  bool operator()(const RolloutAborted&) const { return true; }
  template <class RunsOrIsToRun>
  bool operator()(const RunsOrIsToRun&) const {
    return begun;
  }
};

}  // namespace

bool fits(const Rollout& rollout) {
  const std::size_t phases = rollout.phases.size();
  return rollout.released <= phases && std::visit(Fits{rollout.released > 0, rollout.released < phases}, rollout.state);
}

BeforePause resumed_state(const Rollout& rollout, bool transmitted) {
  if (rollout.released == 0) return RolloutWaitingApproval{};  // else it would have begun when it was made
  if (rollout.terms.delivery == Delivery::kPush && !transmitted) return RolloutHeld{};
  return RolloutRunning{};
}

bool is_over(const Rollout& rollout) {
  return std::holds_alternative<RolloutFinished>(rollout.state) ||
         std::holds_alternative<RolloutAborted>(rollout.state);
}

bool is_paused(const Rollout& rollout) { return std::holds_alternative<RolloutPaused>(rollout.state); }

bool may_transmit(const Rollout& rollout) {
  if (rollout.terms.delivery == Delivery::kPull) return true;
  if (rollout.released == 0 || std::holds_alternative<RolloutHeld>(rollout.state)) return false;
  const auto* paused = std::get_if<RolloutPaused>(&rollout.state);
  return paused == nullptr || !std::holds_alternative<RolloutHeld>(paused->before);
}

Judgement judge_phase(const Rollout& rollout, std::size_t phase, const PhaseCounts& counts) {
  const RolloutPhase& one = rollout.phases[phase];
  return judge(one.terms, phase + 1 == rollout.phases.size(), counts, one.accepted);
}

std::optional<WallTime> wake_at(const Rollout& rollout) {
  if (is_over(rollout)) return {};
  const WallTime expiry = rollout.terms.expires_at;
  if (std::holds_alternative<RolloutHeld>(rollout.state))
    return std::min(rollout.terms.transmit_at.value_or(WallTime::min()), expiry);
  if (std::holds_alternative<RolloutScheduled>(rollout.state))
    return std::min(rollout.terms.update_at, expiry);
  if (const auto* soaking = std::get_if<RolloutSoaking>(&rollout.state))
    return std::min(soaking->until, expiry);
  return expiry;
}

}  // namespace dray::core
