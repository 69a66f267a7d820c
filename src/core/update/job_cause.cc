// What is kept of a cause: of a failed attempt, of an expiry, and of a device that runs a mix. Words for people, pure.
#include <algorithm>
#include <array>

#include "core/update/job_machine.h"

namespace dray::core::machine {
namespace {

std::string because(const std::string& why) { return why.empty() ? "" : ": " + why; }
std::string by_whom(const std::string& who) { return who.empty() ? "" : " by " + who; }

// What a reason was at the expiry, as a clause; "%" stands for the versions of the step.
constexpr auto kClauses = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"waiting_update_time", "before its update time"},
    {"waiting_artifact", "while the gateway did not hold %"},
    {"waiting_transmission", "before the server transmitted %"},
    {"waiting_window", "while no update window was open"},
    {"no_window_left", "while no update window was open"},
    {"waiting_slot", "while it waited for its turn to receive"},
    {"waiting_turn", "while another update of this device went first"},
    {"waiting_action_ids", "while the gateway waited for action ids"},
    {"clock_unknown", "while the gateway did not know the time"},
    {"two_gateways", "while the server let another gateway answer for this site"},
    {"two_agents", "while two agents seemed to call under this device's name"},
    {"checking_status", "while the gateway asked for the device's status"},
    {"device_deferring", "while the device had not answered"},
    {"waiting_device", "while the device might fetch % and did not begin"},
    {"downloading", "while the device received %"},
    {"downloaded", "when the device had received %"},
    {"installing", "while the device installed %"},
});

std::string plain_clause(const Job& job, std::string_view reason) {
  const auto found = std::find_if(kClauses.begin(), kClauses.end(), [&](const auto& row) { return row.first == reason; });
  if (found == kClauses.end()) return {};
  std::string out{found->second};
  if (const auto at = out.find('%'); at != std::string::npos) out.replace(at, 1, step_versions(job.terms, job.step, job.step + 1));
  return out;
}

std::string clause(const Job& job, const Given& given, std::string_view reason) {
  if (reason == "store_full") return "while the gateway had no room for " + given.lack.what + because(given.lack.why);
  if (reason == "artifact_damaged") return "while " + given.lack.what + " could not be had" + because(given.lack.why);
  if (reason == "type_differs" && given.other_type) return "while this held it: " + sentence_of(*given.other_type);
  if (reason == "stored_unreadable") return "while this held it: " + given.unreadable;
  if (reason == "status_unknown") return "while the device's status was not known" + because(given.unchecked);
  if (reason == "device_absent")
    return given.seen_at ? "while the device had not called since " + to_rfc3339(std::chrono::floor<std::chrono::seconds>(*given.seen_at))
                         : "while the device had never called at this gateway";
  if (reason == "deferred_by_operator") return "while it was deferred" + by_whom(job.deferred_by) + because(job.deferred_why);
  if (const auto* p = std::get_if<Deferred>(&job.phase); p != nullptr && reason == "device_busy") return "while the device was busy" + because(p->why);
  if (const auto* p = std::get_if<Deferred>(&job.phase); p != nullptr && reason == "deferred_by_device")
    return "while the device asked" + by_whom(p->by) + " to wait" + because(p->why);
  if (job.terms.held && job.terms.held->reason == reason) return "while this held it: " + job.terms.held->sentence;
  return plain_clause(job, reason);
}

// Waiting for these says nothing of what went wrong.
bool is_only_time(std::string_view reason) {
  return reason == "waiting_update_time" || reason == "waiting_window" || reason == "no_window_left" || reason == "backing_off" ||
         reason == "same_result" || reason == "closed_without_bytes";
}

}  // namespace

std::string step_versions(const JobTerms& terms, std::size_t first, std::size_t last) {
  std::string text;
  for (std::size_t i = first; i < std::min(last, terms.steps.size()); ++i)
    for (const StepArtifact& a : terms.steps[i]) text += (text.empty() ? "" : ", ") + a.component + " " + a.version;
  return text;
}

Cause cause_of(const Failure& failure, bool late) {
  const std::string after = late ? ", after the expiry" : "";
  switch (failure.kind) {
    case FailureKind::kRolledBack:
      return {"rolled_back", "the device went back to the old version" + after + because(failure.why)};
    case FailureKind::kRefused:
      return {"refused", "the device refused the update" + after + because(failure.why)};
    case FailureKind::kNoPowerOn:
      return {"no_power_on", "the device did not come back" + after + because(failure.why)};
    case FailureKind::kWithoutBytes:
      return {"closed_without_bytes", "the device says that it is done, but was never sent a byte of the update" + after};
    case FailureKind::kWentBack:
      return {"mixed", "a step of the update that had ended well was undone" + after + because(failure.why)};
    case FailureKind::kDeviceReported:
      break;
  }
  return {"device_failed", "the device reported a failure" + after + because(failure.why)};
}

Cause cause_of_expiry(const Job& job, const Given& given) {
  Given then = given;  // what held it until then; a gateway that was off finds it later
  then.now = std::min(given.now, job.terms.expires_at - Duration{1});
  std::string reason = describe(job, then).reason;
  // A device that is off in every window is no matter of windows.
  const bool by_window = reason == "waiting_window" || reason == "no_window_left";
  if (by_window && then.now >= absent_at(job.update_at, then)) reason = "device_absent";
  std::string text = clause(job, then, reason);
  if (job.failed && (text.empty() || is_only_time(reason))) {
    Cause cause = cause_of(*job.failed);
    cause.sentence = "after its last attempt had failed: " + cause.sentence;
    return cause;
  }
  if (text.empty()) return {};
  if (text.back() == '.') text.pop_back();  // more of the sentence follows
  if (job.failed) text += ", and its last attempt had failed: " + cause_of(*job.failed).sentence;
  return {std::move(reason), std::move(text)};
}

std::string mix_of(const Job& job) {
  if (!is<Succeeded>(job) && !job.went_back.empty()) return "the device runs " + job.went_back + ": retry it, or roll out what it ran before";
  if (!job.begun_at || is<Succeeded>(job) || job.step == 0 || job.step >= job.terms.steps.size()) return {};
  return "the device runs " + step_versions(job.terms, 0, job.step) + " of this update without " + step_versions(job.terms, job.step, job.terms.steps.size()) +
         ", a mix that nobody may have tried: roll it out again, or what it ran before";
}

}  // namespace dray::core::machine

namespace dray::core {

std::string all_versions(const JobTerms& terms) { return machine::step_versions(terms, 0, terms.steps.size()); }

}  // namespace dray::core
