// What follows from the state of a job, and is stored nowhere.
#include <algorithm>

#include "core/update/job_machine.h"

#include "base/mutant.h"

namespace dray::core {

using machine::Hold;
using machine::is;

bool is_final(const Job& job) {
  return is<Succeeded>(job) || is<Failed>(job) || is<Cancelled>(job) || is<Expired>(job) ||
         is<Incompatible>(job);
}

JobTerms wanted_terms(const Job& job) {
  JobTerms terms = job.terms;
  if (job.next_steps) {
    terms.steps = job.next_steps->steps;
    terms.incompatible = job.next_steps->incompatible;
  }
  return terms;
}

bool is_late(const Job& job) {
  if (const auto* succeeded = std::get_if<Succeeded>(&job.phase)) return succeeded->late;
  if (const auto* failed = std::get_if<Failed>(&job.phase)) return failed->late;
  return false;
}

bool has_started(const Job& job) {
  return is<Transmitting>(job) || is<Installing>(job) || is<Restarting>(job) || is<Cancelling>(job);
}

bool action_is_open(const Job& job) { return !job.action.empty() && !is<Restarting>(job); }

const PastAction* past_action(const Job& job, ActionId action) {
  const auto found =
      std::find_if(job.past.begin(), job.past.end(), [&](const PastAction& p) { return p.id == action; });
  return found == job.past.end() ? nullptr : &*found;
}

bool step_runs(const Job& job, const RunningByComponent& running) {
  if (job.step >= job.terms.steps.size()) return false;
  const auto& step = job.terms.steps[job.step];
  if (DRAY_MUTANT("any_version_succeeds") && !running.empty()) return true;
  return !step.empty() && std::all_of(step.begin(), step.end(), [&](const StepArtifact& a) {
    const auto known = running.find(a.component);
    return known != running.end() && is_version(known->second, a.version, a.sha256);
  });
}

bool machine::goes_back(const Job& job, const Given& given) {
  return !job.went_back.empty() && !is_final(job) && !has_started(job) && given.doubt != Doubt::kTwoAgents && !given.other_type;
}

bool machine::is_past_its_bytes(const Job& job) { return has_started(job) && !std::holds_alternative<Transmitting>(job.phase); }

// What has begun ends, also where the device is of another type; but not in the middle of its bytes.
bool is_done(const Job& job, const Given& given) {
  if (!step_runs(job, given.running)) return false;
  return machine::is_past_its_bytes(job) || !given.other_type;
}

namespace {

bool status_at_most(Hold hold) { return hold == Hold::kNone || hold == Hold::kStatus; }

// Its device said "no", and is shown the question all the same.
bool still_asking(const Job& job) {
  const auto* deferred = std::get_if<Deferred>(&job.phase);
  return deferred != nullptr && deferred->asking && !job.action.empty() && job.terms.ask == Ask::kConfirmation;
}

}  // namespace

bool wants_status(const Job& job, const Given& given) {
  if (still_asking(job)) return !given.line && status_at_most(machine::hold_of_question(job, given));
  if (!is<Planned>(job) && !is<Asked>(job) && !is<Ready>(job)) return false;
  return !given.line && status_at_most(machine::hold(job, given));
}

bool wants_link(const Job& job, const Given& given) {
  return (is<Planned>(job) || is<Ready>(job)) && status_at_most(machine::hold(job, given));
}

bool may_download(const Job& job, const Given& given) {
  if (!given.stored || given.other_type || given.unheard) return false;
  if (is<Ready>(job)) return machine::hold(job, given) == Hold::kNone;
  // Also where all of it was sent once: a device that lost it gets none of it after the expiry.
  return (is<Transmitting>(job) || is<Installing>(job)) && permits(job.terms.update, given.now) && given.now < job.terms.expires_at;
}

Offer offer(const Job& job, const Given& given) {
  if (is<Asked>(job))
    return machine::hold(job, given) == Hold::kNone ? Offer::kConfirmation : Offer::kNothing;
  if (still_asking(job))
    return machine::hold_of_question(job, given) == Hold::kNone ? Offer::kConfirmation : Offer::kNothing;
  if (is<Ready>(job) || is<Transmitting>(job))
    return given.link && may_download(job, given) ? Offer::kDeployment : Offer::kNothing;
  if (is<Installing>(job)) return Offer::kDeployment;  // a client that restarts looks for it before it closes
  if (const auto* expired = std::get_if<Expired>(&job.phase))
    return expired->stopping ? Offer::kCancel : Offer::kNothing;
  return is<Cancelling>(job) ? Offer::kCancel : Offer::kNothing;
}

bool wants_bytes(const Job& job, WallTime now) {
  if (is_final(job)) return false;
  if (!job.action.empty() || job.attempt > 1 || job.step > 0) return true;  // begun: a deferral frees nothing
  if (DRAY_MUTANT("held_push_early") && job.terms.delivery == Delivery::kPush) return true;
  return job.terms.delivery == Delivery::kPush ? job.terms.fetch == Fetch::kNow : now >= job.update_at;
}

namespace {

using When = std::optional<WallTime>;

When sooner(When a, When b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// Where the permission begins or ends next, always after now.
When edge(const Job& job, WallTime now) {
  if (!permits(job.terms.update, now)) return next_permitted(job.terms.update, now);
  const WallTime end = permitted_until(job.terms.update, now);
  return end == kWallMax ? When{} : When{end};
}

When at_or_now(WallTime at, WallTime now) { return std::max(at, now); }

struct Wake {
  const Job& job;
  const Given& given;

  When operator()(const Planned&) const {
    switch (machine::hold(job, given)) {
      case Hold::kNone:
        return given.now;
      case Hold::kTime:
        return job.update_at;
      default:
        return edge(job, given.now);
    }
  }
  When operator()(const Asked& p) const {
    if (given.now < job.update_at || job.terms.ask == Ask::kPoll) return given.now;
    return sooner(edge(job, given.now), absent(p.since));
  }
  When operator()(const Deferred&) const {
    const When at = at_or_now(job.update_at, given.now);
    if (!still_asking(job)) return at;
    const WallTime shown = machine::time_without_device(job);
    return sooner(at, given.now < shown ? When{shown} : edge(job, given.now));
  }
  When operator()(const Ready& p) const {
    if (given.now < job.update_at) return given.now;
    const When at = sooner(edge(job, given.now), absent(p.since));
    if (job.terms.ask == Ask::kPoll) return at;
    if (p.since > given.now || !permits(job.terms.update, given.now)) return given.now;
    return sooner(at, at_or_now(p.since + given.answer_valid, given.now));
  }
  When operator()(const Transmitting&) const { return edge(job, given.now); }
  When operator()(const Installing&) const { return edge(job, given.now); }
  When operator()(const Restarting& p) const {
    if (!machine::ends_on_report(job, given)) return given.now;
    return limit(p.since, job.terms.power_on_within);
  }
  When operator()(const Backoff& p) const {
    return p.until - given.now > given.retry.cap ? given.now : at_or_now(p.until, given.now);
  }
  When operator()(const Cancelling& p) const { return limit(p.since, given.cancel_within); }
  When operator()(const Expired& p) const {
    return p.stopping ? limit(p.since, given.cancel_within) : When{};
  }
  When operator()(const Succeeded&) const { return {}; }
  When operator()(const Failed&) const { return {}; }
  When operator()(const Cancelled&) const { return {}; }
  When operator()(const Incompatible&) const { return {}; }

  When absent(WallTime since) const {
    const WallTime at = machine::absent_at(since, given);
    return at > given.now ? When{at} : When{};
  }
  When limit(WallTime since, std::chrono::seconds within) const {
    return since > given.now ? given.now : at_or_now(machine::limit_of(since, within, given), given.now);
  }
};

}  // namespace

std::optional<WallTime> wake_at(const Job& job, const Given& given) {
  if (!is_final(job) && (is_done(job, given) || machine::goes_back(job, given))) return given.now;
  When at = std::visit(Wake{job, given}, job.phase);
  const bool expires = machine::expiry_stops(job, kWallMax) && job.terms.expires_at != kWallMax;
  return expires ? sooner(at, at_or_now(job.terms.expires_at, given.now)) : at;
}

}  // namespace dray::core
