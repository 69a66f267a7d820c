// What is said of a rollout, its phases and of jobs that it withholds. The reasons are part of the API:
// docs/api.md lists them.
#include "core/rollout/rollout.h"

#include <algorithm>

namespace dray::core {
namespace {

std::string number(std::int64_t n) { return std::to_string(n); }
std::string phase_of(std::size_t phase, std::size_t phases) {
  return "phase " + std::to_string(phase + 1) + (phases > 1 ? " of " + std::to_string(phases) : "");
}
std::string by(const std::string& who) { return who.empty() ? "" : " by " + who; }
std::string because(const std::string& why) { return why.empty() ? "" : ": " + why; }

struct Describe {
  const Rollout& rollout;
  const RolloutGiven& given;

  std::size_t phases() const { return rollout.phases.size(); }
  Judgement current() const {
    const std::size_t at = rollout.released == 0 ? 0 : rollout.released - 1;
    return judge_phase(rollout, at, given.counts[at]);
  }
  PhaseCounts sum() const {
    PhaseCounts all;
    for (const PhaseCounts& c : given.counts) {
      all.open += c.open;
      all.again += c.again;
      all.succeeded += c.succeeded;
      all.failed += c.failed;
      all.left_alone += c.left_alone;
      all.drifted += c.drifted;
    }
    return all;
  }
  std::string updated() const {
    const PhaseCounts all = sum();
    return number(all.succeeded) + " of " + number(all.devices()) + " devices updated" +
           (all.failed > 0 ? ", " + number(all.failed) + " failed" : "") +
           (all.drifted > 0 ? ", " + number(all.drifted) + " drifted since" : "") +
           (all.left_alone > 0 ? ", " + number(all.left_alone) + " left alone" : "");
  }
  // "62 of 409 succeeded, needs 389; 2 failed, pauses at 13"
  std::string gauges() const {
    const Judgement j = current();
    const bool aborts = rollout.phases[rollout.released - 1].terms.on_failure == OnFailure::kAbort;
    return number(j.succeeded) + " of " + number(j.judged) + " succeeded" +
           (j.needs > 0 ? ", needs " + number(j.needs) : "") +
           (j.failed > 0 || j.fails_at > 0 ? "; " + number(j.failed) + " failed" : "") +
           (j.fails_at > 0 ? std::string{aborts ? ", aborts at " : ", pauses at "} + number(j.fails_at) : "");
  }

  // Whether the times of any site are known.
  bool has_times() const {
    const RolloutTerms& t = rollout.terms;
    return !t.computed || std::min(t.update_at, t.transmit_at.value_or(t.update_at)) < t.expires_at;
  }
  Said without_times() const {
    return {"waiting_planning", "No site has times yet: the server computes them, or nothing fits.", {}};
  }

  Said operator()(const RolloutScheduled&) const {
    if (!has_times()) return without_times();
    if (rollout.terms.computed)
      return {"waiting_update_time",
              "The first site begins at " + to_rfc3339(rollout.terms.update_at) + ", its computed update time.",
              rollout.terms.update_at};
    return {"waiting_update_time", "The update time is " + to_rfc3339(rollout.terms.update_at) + ".",
            rollout.terms.update_at};
  }
  Said operator()(const RolloutHeld&) const {
    if (!has_times()) return without_times();
    const WallTime at = rollout.terms.transmit_at.value_or(rollout.terms.update_at);
    const std::string_view who = rollout.terms.computed ? " to the first site at " : " at ";
    return {"transmission_time", "The server transmits" + std::string{who} + to_rfc3339(at) + ".", at};
  }
  Said operator()(const RolloutRunning&) const {
    if (phases() == 1) return {"running", updated() + ".", {}};
    return {"running",
            "Phase " + std::to_string(rollout.released) + " of " + std::to_string(phases()) +
                " runs: " + gauges() + ".",
            {}};
  }
  Said operator()(const RolloutSoaking& s) const {
    return {"soaking",
            "Phase " + std::to_string(rollout.released) + " of " + std::to_string(phases()) +
                " has succeeded (" + gauges() + "); the next one does not begin before " +
                to_rfc3339(s.until) + ".",
            s.until};
  }
  Said operator()(const RolloutWaitingApproval&) const {
    return {
        "waiting_approval", "P" + phase_of(rollout.released, phases()).substr(1) + " needs approval.", {}};
  }
  Said operator()(const RolloutPaused& p) const {
    if (p.cause == PauseCause::kFailures)
      return {"failure_threshold", "Paused: " + crossed() + ". " + updated() + ".", {}};
    return {"paused", "Paused" + by(p.by) + because(p.why) + ". " + updated() + ".", {}};
  }
  Said operator()(const RolloutFinished&) const {
    const std::int64_t open = sum().open;
    if (open > 0)
      return {"finished",
              "The expiry is over: " + updated() + ", " + number(open) + " not reported as ended.",
              {}};
    return {"finished", updated() + ".", {}};
  }
  Said operator()(const RolloutAborted& a) const {
    return {"aborted", "Aborted" + by(a.by) + because(a.why) + "; " + updated() + ".", {}};
  }

  std::string crossed() const {
    for (std::size_t i = 0; i < rollout.released; ++i) {
      const Judgement j = judge_phase(rollout, i, given.counts[i]);
      if (!j.stopped) continue;
      const std::string failed =
          number(j.failed) + " of " + number(j.judged) + " devices of " + phase_of(i, phases()) + " failed";
      if (j.fails_at > 0 && j.failed >= j.fails_at)
        return failed + ", its threshold is " + number(j.fails_at);
      return failed + ", and it needs " + number(j.needs) + " successes";
    }
    return "a failure threshold was reached; the devices have recovered since";
  }
};

}  // namespace

Said describe(const Rollout& rollout, const RolloutGiven& given) {
  if (!is_paused(rollout) && !fits(rollout))
    return {"row_unreadable", "How many of its phases have begun does not go with its state.", {}};
  return std::visit(Describe{rollout, given}, rollout.state);
}

std::string_view phase_state(const RolloutState& state, std::size_t released, std::size_t phase) {
  const bool approval = std::holds_alternative<RolloutWaitingApproval>(state);
  if (phase >= released) return approval && phase == released ? "waiting_approval" : "waiting_phase";
  return approval || phase + 1 < released ? "succeeded" : state_name(state);
}

std::optional<Said> withheld(const RolloutState& state, std::size_t released, std::size_t phases,
                             std::size_t phase) {
  if (const auto* paused = std::get_if<RolloutPaused>(&state)) {
    if (paused->cause == PauseCause::kFailures)
      return Said{"failure_threshold", "The rollout is paused: too many devices failed.", {}};
    return Said{"paused", "The rollout is paused" + by(paused->by) + because(paused->why) + ".", {}};
  }
  if (phase < released || std::holds_alternative<RolloutFinished>(state) ||
      std::holds_alternative<RolloutAborted>(state))
    return {};
  if (phase == released && std::holds_alternative<RolloutWaitingApproval>(state))
    return Said{"waiting_approval", "P" + phase_of(phase, phases).substr(1) + " needs approval.", {}};
  const auto* soaking = std::get_if<RolloutSoaking>(&state);
  if (phase == released && soaking != nullptr)
    return Said{"waiting_phase",
                "Phase " + std::to_string(released) + " has succeeded; " + phase_of(phase, phases) +
                    " does not begin before " + to_rfc3339(soaking->until) + ".",
                soaking->until};
  return Said{"waiting_phase",
              "P" + phase_of(phase, phases).substr(1) + " begins when phase " + std::to_string(phase) +
                  " has succeeded.",
              {}};
}

}  // namespace dray::core
