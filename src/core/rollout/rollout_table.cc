// The names, and every change of state that can happen.
#include <array>

#include "core/rollout/rollout.h"

namespace dray::core {
namespace {

constexpr std::array kTransitions = std::to_array<RolloutTransition>({
    {"scheduled", "time_passed", "running"},
    {"scheduled", "time_passed", "paused"},
    {"scheduled", "time_passed", "aborted"},
    {"scheduled", "time_passed", "finished"},
    {"scheduled", "jobs_changed", "running"},
    {"scheduled", "pause_asked", "paused"},
    {"scheduled", "abort_asked", "aborted"},
    {"held", "time_passed", "running"},
    {"held", "time_passed", "paused"},
    {"held", "time_passed", "aborted"},
    {"held", "time_passed", "finished"},
    {"held", "pause_asked", "paused"},
    {"held", "abort_asked", "aborted"},
    {"running", "time_passed", "soaking"},
    {"running", "time_passed", "paused"},
    {"running", "time_passed", "aborted"},
    {"running", "time_passed", "finished"},
    {"running", "pause_asked", "paused"},
    {"running", "abort_asked", "aborted"},
    {"soaking", "time_passed", "running"},
    {"soaking", "time_passed", "waiting_approval"},
    {"soaking", "time_passed", "paused"},
    {"soaking", "time_passed", "aborted"},
    {"soaking", "time_passed", "finished"},
    {"soaking", "pause_asked", "paused"},
    {"soaking", "abort_asked", "aborted"},
    {"waiting_approval", "time_passed", "paused"},
    {"waiting_approval", "time_passed", "aborted"},
    {"waiting_approval", "time_passed", "finished"},
    {"waiting_approval", "approve_asked", "scheduled"},
    {"waiting_approval", "approve_asked", "held"},
    {"waiting_approval", "approve_asked", "running"},
    {"waiting_approval", "pause_asked", "paused"},
    {"waiting_approval", "abort_asked", "aborted"},
    {"paused", "time_passed", "aborted"},
    {"paused", "time_passed", "finished"},
    {"paused", "resume_asked", "scheduled"},
    {"paused", "resume_asked", "held"},
    {"paused", "resume_asked", "running"},
    {"paused", "resume_asked", "soaking"},
    {"paused", "resume_asked", "waiting_approval"},
    {"paused", "abort_asked", "aborted"},
    {"finished", "retry_asked", "scheduled"},
    {"finished", "retry_asked", "held"},
    {"finished", "retry_asked", "waiting_approval"},
});

}  // namespace

std::string_view state_name(const RolloutState& state) {
  static constexpr std::string_view kNames[] = {"scheduled",        "held",   "running",  "soaking",
                                                "waiting_approval", "paused", "finished", "aborted"};
  return kNames[state.index()];
}

std::string_view event_name(const RolloutEvent& event) {
  static constexpr std::string_view kNames[] = {"time_passed", "jobs_changed", "approve_asked",
                                                "pause_asked", "resume_asked", "abort_asked",
                                                "retry_asked"};
  return kNames[event.index()];
}

std::span<const RolloutTransition> rollout_transitions() { return kTransitions; }

}  // namespace dray::core
