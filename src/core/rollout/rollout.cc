#include "core/rollout/rollout.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"

namespace dray::core {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

constexpr std::array<RolloutTransition, 12> kTransitions{{
    {"scheduled", "time_passed", "running"},
    {"scheduled", "time_passed", "finished"},
    {"scheduled", "jobs_changed", "running"},
    {"scheduled", "jobs_changed", "finished"},
    {"scheduled", "abort_asked", "aborted"},
    {"held", "time_passed", "running"},
    {"held", "time_passed", "finished"},
    {"held", "jobs_changed", "finished"},
    {"held", "abort_asked", "aborted"},
    {"running", "time_passed", "finished"},
    {"running", "jobs_changed", "finished"},
    {"running", "abort_asked", "aborted"},
}};

RolloutStep on_time(const Rollout& rollout, WallTime now) {
  RolloutStep step{rollout, {}};
  if (now >= rollout.terms.expires_at) {
    step.next.phase = RolloutFinished{};
    return step;
  }
  if (std::holds_alternative<RolloutHeld>(rollout.phase)) {
    if (now < rollout.terms.transmit_at.value_or(WallTime::min())) return step;
    step.next.phase = RolloutRunning{};
    step.actions.push_back(Transmit{});
  } else if (std::holds_alternative<RolloutScheduled>(rollout.phase) && now >= rollout.terms.update_at) {
    step.next.phase = RolloutRunning{};
  }
  return step;
}

RolloutStep on_jobs(const Rollout& rollout, const JobsChanged& jobs) {
  RolloutStep step{rollout, {}};
  if (jobs.open == 0)
    step.next.phase = RolloutFinished{};
  else if (jobs.started && std::holds_alternative<RolloutScheduled>(rollout.phase))
    step.next.phase = RolloutRunning{};
  return step;
}

}  // namespace

bool is_final(std::string_view state) {
  static constexpr std::string_view kFinal[] = {"succeeded", "failed",  "rolled_back",
                                                "cancelled", "expired", "incompatible"};
  return std::find(std::begin(kFinal), std::end(kFinal), state) != std::end(kFinal);
}

bool is_failure(std::string_view state) {
  return state == "failed" || state == "rolled_back" || state == "expired";
}

JobResult merge(const JobResult& have, const JobResult& reported) {
  if (!is_final(have.state)) return reported;
  JobResult next = have;
  if (reported.state == have.state) next.late = have.late || reported.late;
  if (have.cancel_answer.empty()) {
    next.cancel_id = reported.cancel_id;
    next.cancel_answer = reported.cancel_answer;
  }
  return next;
}

Tally tally(const StateCounts& counts) {
  Tally out;
  for (const auto& [state, n] : counts) {
    out.devices += n;
    if (!is_final(state)) out.open += n;
    if (state == "succeeded") out.succeeded += n;
    if (is_failure(state)) out.failed += n;
  }
  return out;
}

Rollout make_rollout(RolloutTerms terms) {
  RolloutPhase phase = RolloutScheduled{};
  if (terms.delivery == Delivery::kPush) phase = RolloutHeld{};
  return Rollout{std::move(terms), std::move(phase)};
}

RolloutStep advance(const Rollout& rollout, const RolloutEvent& event, WallTime now) {
  if (is_over(rollout)) return RolloutStep{rollout, {}};
  RolloutStep step =
      std::visit(Overloaded{
                     [&](const TimePassed&) { return on_time(rollout, now); },
                     [&](const JobsChanged& jobs) { return on_jobs(rollout, jobs); },
                     [&](const AbortAsked& abort) {
                       return RolloutStep{Rollout{rollout.terms, RolloutAborted{abort.by, abort.why}},
                                          {CancelJobs{abort.by, abort.why}}};
                     },
                 },
                 event);
  if (step.next.phase.index() != rollout.phase.index()) {
    const RolloutTransition taken{phase_name(rollout.phase), event_name(event), phase_name(step.next.phase)};
    DRAY_ASSERT(std::find(kTransitions.begin(), kTransitions.end(), taken) != kTransitions.end());
  }
  return step;
}

bool is_over(const Rollout& rollout) {
  return std::holds_alternative<RolloutFinished>(rollout.phase) ||
         std::holds_alternative<RolloutAborted>(rollout.phase);
}

bool may_transmit(const Rollout& rollout) { return !std::holds_alternative<RolloutHeld>(rollout.phase); }

std::optional<WallTime> wake_at(const Rollout& rollout) {
  if (is_over(rollout)) return {};
  if (std::holds_alternative<RolloutHeld>(rollout.phase))
    return std::min(rollout.terms.transmit_at.value_or(WallTime::min()), rollout.terms.expires_at);
  if (std::holds_alternative<RolloutScheduled>(rollout.phase))
    return std::min(rollout.terms.update_at, rollout.terms.expires_at);
  return rollout.terms.expires_at;
}

std::string_view phase_name(const RolloutPhase& phase) {
  static constexpr std::string_view kNames[] = {"scheduled", "held", "running", "finished", "aborted"};
  return kNames[phase.index()];
}

std::string_view event_name(const RolloutEvent& event) {
  static constexpr std::string_view kNames[] = {"time_passed", "jobs_changed", "abort_asked"};
  return kNames[event.index()];
}

RolloutPhase phase_from(std::string_view name, std::string by, std::string why) {
  if (name == "scheduled") return RolloutScheduled{};
  if (name == "held") return RolloutHeld{};
  if (name == "running") return RolloutRunning{};
  if (name == "finished") return RolloutFinished{};
  DRAY_ASSERT(name == "aborted");
  return RolloutAborted{std::move(by), std::move(why)};
}

std::span<const RolloutTransition> rollout_transitions() { return kTransitions; }

}  // namespace dray::core
