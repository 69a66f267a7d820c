// What is said of a job: the public state, its reason as a word for machines and as a sentence for people.
// The reasons are part of the API: docs/job.md lists them.
#include <algorithm>

#include "base/mutant.h"
#include "core/update/job_machine.h"

namespace dray::core {
namespace {

using machine::Hold;
using machine::is;

// "22:15 UTC" on the day of now, else "2026-11-24 22:15 UTC"; seconds only where there are some.
std::string say(WallTime time, WallTime now) {
  const std::string text =
      to_rfc3339(std::chrono::floor<std::chrono::seconds>(time));  // 2026-11-24T22:15:00Z
  const std::size_t t = text.find('T');
  if (t == std::string::npos || t + 9 > text.size()) return text;
  const std::string clock = text.substr(t + 1, text.compare(t + 6, 3, ":00") == 0 ? 5 : 8) + " UTC";
  using std::chrono::days;
  return std::chrono::floor<days>(time) == std::chrono::floor<days>(now) ? clock
                                                                         : text.substr(0, t) + " " + clock;
}

std::string with(std::string sentence, const std::string& why) {
  return why.empty() ? sentence : sentence + ": " + why;
}
std::string by(const std::string& who) { return who.empty() ? "" : " by " + who; }

std::string versions(const Job& job) { return machine::step_versions(job.terms, job.step, job.step + 1); }

// "three devices": a count of devices in a sentence.
std::string devices(std::size_t n) {
  constexpr std::string_view kWords[] = {"no",  "one",   "two",   "three", "four", "five",   "six",
                                         "seven", "eight", "nine", "ten",   "eleven", "twelve"};
  const std::string count = n < std::size(kWords) ? std::string{kWords[n]} : std::to_string(n);
  return count + (n == 1 ? " device" : " devices");
}
std::string have(std::size_t n) { return n == 1 ? "has" : "have"; }

struct Describe {
  const Job& job;
  const Given& given;

  std::string at(WallTime time) const { return say(time, given.now); }

  PublicState waiting_artifact() const {
    const bool wanted = wants_bytes(job, given.now);
    if (wanted && given.lack.kind == Lack::Kind::kNoRoom)
      return {JobState::kWaitingGateway, "store_full", with("the gateway has no room for " + given.lack.what, given.lack.why), {}};
    if (wanted && given.lack.kind == Lack::Kind::kDamaged)
      return {JobState::kWaitingGateway, "artifact_damaged", with(given.lack.what + " can't be had", given.lack.why), {}};
    if (wanted)
      return {JobState::kWaitingGateway, "waiting_artifact", "waits until the gateway holds " + versions(job), {}};
    return {
        JobState::kWaitingGateway, "waiting_transmission", "waits until the server transmits " + versions(job), {}};
  }
  PublicState window() const {
    if (const auto next = next_permitted(job.terms.update, given.now))
      return {JobState::kWaitingWindow, "waiting_window",
              "waits until " + at(*next) + ", when devices may be updated again", next};
    return {JobState::kWaitingWindow, "no_window_left", "no time is left in which the device may be updated", {}};
  }
  PublicState time() const {
    // One that has begun goes by no planned time any more, so what holds it is a deferral.
    if (job.deferred_until == job.update_at && (job.begun_at || job.update_at > job.terms.planned_at))
      return {JobState::kDeferred, "deferred_by_operator",
              with("deferred by " + (job.deferred_by.empty() ? "an operator" : job.deferred_by) + " until " + at(job.update_at), job.deferred_why),
              job.update_at};
    if (wants_bytes(job, given.now) && !given.stored) return waiting_artifact();
    if (job.terms.held && !job.begun_at) return {JobState::kScheduled, job.terms.held->reason, job.terms.held->sentence, {}};
    return {JobState::kScheduled, "waiting_update_time", "waits until " + at(job.update_at) + ", the update time",
            job.update_at};
  }
  PublicState holding(Hold hold) const {
    switch (hold) {
      case Hold::kTime:
        return time();
      case Hold::kDoubt:
        return doubt();
      case Hold::kClock:
        return {JobState::kScheduled,
                "clock_unknown",
                "the gateway does not know the time before it has heard the server",
                {}};
      case Hold::kUnreadable:
        return {JobState::kScheduled, "stored_unreadable", given.unreadable, {}};
      case Hold::kType:  // said by type_differs(), in whatever phase
        break;
      case Hold::kArtifact:
        return waiting_artifact();
      case Hold::kWindow:
        return window();
      case Hold::kTurn:
        return {JobState::kScheduled, "waiting_turn", "another update of this device goes first", {}};
      case Hold::kActionIds:
        return {
            JobState::kWaitingGateway, "waiting_action_ids", "the gateway waits for action ids from the server", {}};
      case Hold::kStatus:
        return status();
      case Hold::kNone:
        break;
    }
    return {JobState::kScheduled, "waiting_update_time", "begins now", {}};
  }
  PublicState doubt() const {
    if (given.doubt == Doubt::kTwoAgents)
      return {JobState::kWaitingGateway, "two_agents", "two agents seem to call under this device's name; nothing new begins before only one does", {}};
    return {JobState::kWaitingGateway, "two_gateways", "the server lets another gateway answer for this site; nothing new begins here", {}};
  }
  PublicState status() const {
    if (given.line) return in_line(*given.line);
    if (given.unchecked.empty())
      return {JobState::kWaitingConfirm, "checking_status", "the gateway asks for the device's status", {}};
    return {JobState::kWaitingConfirm, "status_unknown", "the device's status is not known: " + given.unchecked, {}};
  }
  // The device is to call; did it, since then?
  PublicState silent(WallTime since, const std::string& reason, const std::string& sentence) const {
    const WallTime absent = machine::absent_at(since, given);
    if (given.now >= absent)
      return {JobState::kWaitingConfirm, "device_absent",
              given.seen_at ? "the device has not called since " + at(*given.seen_at) : "the device has never called at this gateway", {}};
    return {JobState::kWaitingConfirm, reason, sentence, {}};
  }

  PublicState operator()(const Planned&) const { return holding(machine::hold(job, given)); }
  PublicState operator()(const Asked& p) const {
    const Hold hold = machine::hold(job, given);
    if (hold != Hold::kNone) return holding(hold);
    return silent(p.since, "device_deferring",
                  "asked at " + at(p.since) + ", the device has not answered yet");
  }
  PublicState operator()(const Deferred& p) const {
    if (job.deferred_until && *job.deferred_until > p.until) return time();
    if (p.cause == DeferCause::kDeviceBusy)
      return {JobState::kDeferred, "device_busy", with("the device is busy, next look at " + at(job.update_at), p.why),
              job.update_at};
    return {JobState::kDeferred, "deferred_by_device",
            with("the device asked" + by(p.by) + " to wait until " + at(job.update_at), p.why),
            job.update_at};
  }
  PublicState operator()(const Ready& p) const {
    const Hold hold = machine::hold(job, given);
    if (hold != Hold::kNone) return holding(hold);
    const PublicState silence =
        silent(p.since, "waiting_device", "the device may fetch since " + at(p.since) + " and has not begun");
    return given.line && silence.reason != "device_absent" ? in_line(*given.line) : silence;
  }
  static PublicState in_line(const Line& line) {
    std::vector<std::string> before;
    if (line.running > 0)
      before.push_back(std::to_string(line.running) + " of " + std::to_string(line.most) +
                       (line.running == 1 ? " transmissions runs" : " transmissions run"));
    if (line.unfetched > 0 && line.running < line.most) before.push_back(devices(line.unfetched) + " before it " + have(line.unfetched) +
                       " not fetched");
    if (before.empty() && line.waiting > 0)
      before.push_back(devices(line.waiting) + " before it " + have(line.waiting) + " waited longer");
    std::string sentence = "waits for its turn";
    for (std::size_t i = 0; i < before.size(); ++i) sentence += (i == 0 ? "; " : ", ") + before[i];
    return {JobState::kWaitingGateway, "waiting_slot", std::move(sentence), {}};
  }
  PublicState operator()(const Transmitting&) const {
    if (!given.stored) return waiting_artifact();
    if (given.unheard) return {JobState::kWaitingGateway, "stored_unreadable", given.unreadable, {}};
    if (!permits(job.terms.update, given.now)) return window();
    if (given.line) return in_line(*given.line);
    return {JobState::kDownloading, "downloading", "the device receives " + versions(job), {}};
  }
  PublicState operator()(const Installing& p) const {
    switch (p.stage) {
      case Stage::kReceived:
        return {JobState::kDownloaded, "downloaded", "the device has received " + versions(job), {}};
      case Stage::kWorking:
        break;
      case Stage::kSwitching:
        return {JobState::kRebooting, "switching", "the device switches over to " + versions(job), {}};
      case Stage::kVerifying:
        return {JobState::kVerifying,
                "verifying",
                "the device has restarted and looks whether " + versions(job) + " is well",
                {}};
    }
    return {JobState::kInstalling, "installing", "the device has received " + versions(job) + " and installs", {}};
  }
  PublicState operator()(const Restarting& p) const {
    const WallTime until = machine::limit_of(p.since, job.terms.power_on_within, given);
    if (!p.ran_instead.empty())
      return {JobState::kRebooting, "waiting_power_on",
              "the device says that it is done, but " + p.ran_instead + "; waits for another start until " + at(until), until};
    return {JobState::kRebooting, "waiting_power_on",
            "installed; waits for the device's power-on report until " + at(until), until};
  }
  PublicState operator()(const Backoff& p) const {
    const std::string next = "attempt " + std::to_string(job.attempt);
    std::string cause = p.failure.why;
    if (p.failure.kind == FailureKind::kWithoutBytes) cause = "the device said that it was done, but was never sent a byte of the update";
    if (job.alike >= kSameResults)
      return {JobState::kScheduled, "same_result",
              with(next + " waits until " + at(p.until) + ", because the last " + std::to_string(job.alike) + " ended alike", cause), p.until};
    return {JobState::kScheduled, p.failure.kind == FailureKind::kWithoutBytes ? "closed_without_bytes" : "backing_off",
            with(next + " begins at " + at(p.until) + "; the last one failed", cause), p.until};
  }
  PublicState operator()(const Cancelling& p) const {
    const WallTime until = machine::limit_of(p.since, given.cancel_within, given);
    return {p.installing ? JobState::kDownloaded : JobState::kDownloading, "cancelling",
            with(p.superseded ? "the plan no longer holds it; the device is asked to stop"
                              : "cancelled" + by(p.by) + "; the device is asked to stop",
                 p.why),
            until};
  }
  PublicState operator()(const Succeeded& p) const {
    if (job.unproven)
      return {JobState::kSucceeded, "unproven", "the device says that it has installed the new version; nothing else shows it" + late(p.late), {}};
    return {JobState::kSucceeded, p.late ? "late" : "succeeded", "the device runs the new version" + late(p.late), {}};
  }
  PublicState operator()(const Failed& p) const {
    Cause cause = machine::cause_of(p.failure, p.late);
    const bool went_back = p.failure.kind == FailureKind::kRolledBack || p.failure.kind == FailureKind::kWentBack;
    return {went_back ? JobState::kRolledBack : JobState::kFailed, std::move(cause.reason), std::move(cause.sentence), {}};
  }
  static std::string late(bool is) { return is ? ", after the expiry" : ""; }
  PublicState operator()(const Cancelled& p) const {
    if (p.superseded)
      return {JobState::kCancelled,
              "superseded",
              p.by.empty() ? "the plan no longer holds it" : "superseded by " + p.by,
              {}};
    return {JobState::kCancelled,
            p.id.empty() ? "cancelled_on_device" : "cancelled",
            with((p.id.empty() ? "cancelled on the device" : "cancelled") + by(p.by), p.why),
            {}};
  }
  PublicState operator()(const Expired& p) const {
    const std::string expiry = at(std::min(job.terms.expires_at, given.now));
    const std::string how = p.cause.sentence.empty() ? "expired at " + expiry : "expired " + p.cause.sentence + "; the expiry was " + expiry;
    return {JobState::kExpired, machine::mix_of(job).empty() ? "expired" : "mixed", how + (p.stopping ? "; the device is asked to stop" : ""), {}};
  }
  PublicState operator()(const Incompatible& p) const { return {JobState::kIncompatible, "incompatible", p.why, {}}; }
};

// Who asked for what came too late for this attempt, or for its result.
std::string too_late(const Job& job, const Given& given) {
  std::string text;
  if (!job.cancel_refused.empty()) text += with("; the cancel" + by(job.refused_by) + " came too late", job.refused_why);
  if (has_started(job) && job.deferred_until && *job.deferred_until > given.now)
    text += with("; the deferral" + by(job.deferred_by) + " until " + say(*job.deferred_until, given.now) + " came too late for what has begun", job.deferred_why);
  return text;
}

// Of a state that does not say it itself.
std::optional<Cause> cause_beside(const Job& job) {
  if (DRAY_MUTANT("cause_forgotten")) return {};
  if (const auto* expired = std::get_if<Expired>(&job.phase)) return expired->cause.reason.empty() ? std::optional<Cause>{} : expired->cause;
  const bool says_itself = is<Succeeded>(job) || is<Failed>(job) || is<Incompatible>(job);
  if (!job.said_after.empty() && (says_itself || !job.failed))
    return Cause{"device_failed", "behind its own success the device reported a failure: " + job.said_after};
  if (says_itself || !job.failed) return {};
  return machine::cause_of(*job.failed);
}

// Before the time has come, too: who looks after it has until then.
std::optional<PublicState> type_differs(const Job& job, const Given& given) {
  if (!given.other_type || is_final(job) || machine::is_past_its_bytes(job) || given.doubt != Doubt::kNone) return {};
  return PublicState{JobState::kWaitingGateway, "type_differs", sentence_of(*given.other_type), {}};
}

}  // namespace

PublicState describe(const Job& job, const Given& given) {
  auto other = type_differs(job, given);
  PublicState said = other ? std::move(*other) : std::visit(Describe{job, given}, job.phase);
  if (!other) said.sentence += too_late(job, given);
  said.cause = cause_beside(job);
  const auto* cancelled = std::get_if<Cancelled>(&job.phase);
  const bool replaced = cancelled != nullptr && cancelled->superseded;
  if (const std::string mix = machine::mix_of(job); is_final(job) && !replaced && !mix.empty()) said.sentence += "; " + mix;
  return said;
}

}  // namespace dray::core
