// Events and jobs: what is given to the core, and what follows from its answer.
#include <algorithm>
#include <cmath>

#include "gateway/site.h"

#include "base/mutant.h"
#include "wire/limits.h"

namespace dray::gateway {
namespace {

constexpr Duration kFarAway{24 * 3'600'000};
// Who is before a device in the line changes with each of them: of that alone the server hears so often.
constexpr std::chrono::minutes kLineIsNews{15};
constexpr Duration kStillDue{1'000};  // after this it is looked at again

// The last action that its device has closed as done; null where the last one ended otherwise.
const core::PastAction* last_finished(const core::Job& job) {
  return job.past.empty() || job.past.back().end != core::ActionEnd::kFinished ? nullptr : &job.past.back();
}

bool late_seen(const std::optional<WallTime>& before, WallTime now) {
  return !before || now - *before >= std::chrono::hours{1};
}

}  // namespace

core::Given Site::given_for(const core::Job& job) const {
  core::Given given;
  given.now = now();
  given.doubt = parts_.refused() ? core::Doubt::kTwoGateways : core::Doubt::kNone;
  given.clock_known = time_.known();
  given.unreadable = damage_.holds(job.terms.device);
  given.stored = true;
  if (job.step < job.terms.steps.size())
    for (const auto& artifact : job.terms.steps[job.step]) {
      if (parts_.stored(artifact.sha256)) continue;
      given.stored = false;
      if (given.lack.kind == core::Lack::Kind::kNotYet) given.lack = lack_of(artifact);
    }
  if (core::Lack lack = lack_of_room(job); lack.kind == core::Lack::Kind::kNoRoom) {
    given.stored = false;
    given.lack = std::move(lack);
  }
  const auto device = devices_.find(job.terms.device.value());
  if (device != devices_.end()) {
    const DeviceState& d = *device->second;
    given.turn = has_turn(job);
    given.sent = bytes_of(job, d);
    given.running = d.running;
    given.boot_id = d.boot_id;
    given.seen_at = d.seen_at;
    if (d.boots.doubt && given.doubt == core::Doubt::kNone) given.doubt = core::Doubt::kTwoAgents;
    given.other_type = other_type_of(d);
    given.unheard = d.lost;
    if (given.unreadable.empty()) given.unreadable = why_lost(d);
    give_status(d, given);
  }
  give_turn(job, given);
  given.next_action = leases_.next();
  given.retry = parts_.settings.retry;
  given.up_since = given.now - (parts_.clock.steady() - up_since_);  // also where the time was set right since
  given.calls_within = parts_.settings.poll_sleep + parts_.settings.poll_sleep / 5;  // the door spreads it by a tenth
  given.answer_valid = parts_.settings.answer_valid;
  given.cancel_within = parts_.settings.cancel_within;
  return given;
}

core::Lack Site::lack_of(const core::StepArtifact& artifact) const {
  const std::string what = artifact.component + " " + artifact.version;
  if (std::string why = parts_.why_full(artifact.sha256); !why.empty()) return {core::Lack::Kind::kNoRoom, what, std::move(why)};
  if (std::string why = parts_.why_damaged(artifact.sha256); !why.empty()) return {core::Lack::Kind::kDamaged, what, std::move(why)};
  return {};
}

core::PublicState Site::describe(const core::Job& job) const { return core::describe(job, given_for(job)); }

bool Site::has_turn(const core::Job& job) const {
  const auto device = devices_.find(job.terms.device.value());
  if (device == devices_.end() || device->second->jobs.size() < 2) return true;
  std::vector<const core::Job*> all;
  for (const JobId& id : device->second->jobs)
    if (const core::Job* one = find_job(id)) all.push_back(one);
  const core::Job* first = core::turn(all, now());
  return first == nullptr || first->terms.id == job.terms.id;
}

void Site::apply(const JobId& id, const core::JobEvent& event) {
  const core::Job* job = find_job(id);
  if (job == nullptr) return;
  DeviceState* device = find_device(job->terms.device.value());
  apply_one(id, event);
  if (device != nullptr) refresh(*device);
}

bool Site::apply_one(const JobId& id, const core::JobEvent& event) {
  const core::Job* found = jobs_.find(id);
  if (found == nullptr) return false;
  const core::Job before = *found;
  core::Given given = given_for(before);
  given.jitter = random_unit(parts_.random);
  if (!jobs_.apply(id, event, given)) return false;
  const core::Job* after = jobs_.find(id);
  if (after == nullptr) return true;
  if (after->action != before.action && after->action == given.next_action && !after->action.empty()) {
    if (!DRAY_MUTANT("reuse_action_id")) leases_.take(after->action);
    if (leases_.doubted()) leases_.doubt(random_u64(parts_.random));
    save(counters());
  }
  after_change(before, *after);
  return true;
}

void Site::after_change(const core::Job& before, const core::Job& after) {
  JobSide& side = sides_[after.terms.id];
  if (side.delivered_for != after.action) {
    side.delivered.clear();
    side.delivered_for = after.action;
  }
  if (before.action != after.action || (!core::action_is_open(after) && core::action_is_open(before))) {
    side.cut = false;
    if (slots_.release(after.terms.id, after.terms.device)) {
      line_moved();
      work_changed.notify();
    }
  }
  DeviceState* device = find_device(after.terms.device.value());
  if (device == nullptr) return;
  const bool asks = waits_for_version(after) && !waits_for_version(before);
  if (asks) device->wants_config_data = true;
  bool changed = note_closed(*device, before, after) || asks;
  if (before.phase.index() != after.phase.index() && std::holds_alternative<core::Succeeded>(after.phase) && device->said_since_end) {
    device->said_since_end = false;
    changed = true;
  }
  save_device(*device, changed ? Writes{document_of(*device)} : Writes{});
}

// The device has closed a step as done, or it is known to run it.
bool Site::note_closed(DeviceState& device, const core::Job& before, const core::Job& after) {
  const core::PastAction* const closed = last_finished(after);
  if (closed == nullptr) return false;
  const core::PastAction* const known = last_finished(before);
  const bool is_news = known == nullptr || known->id != closed->id;
  if (is_news) {
    if (!closed->acknowledged) device.wants_config_data = true;  // else it has just said what runs
    if (closed->step < before.terms.steps.size())  // what it said of these before is over
      for (const core::StepArtifact& artifact : before.terms.steps[closed->step])
        std::erase_if(device.installed, [&](const auto& one) { return one.first == artifact.component && one.second != artifact.version; });
    read_dray_attributes(device);
  }
  const auto restarts = [](const core::Job& job) { return std::holds_alternative<core::Restarting>(job.phase); };
  const bool is_installed = !restarts(after) && (is_news || restarts(before));  // while it restarts nobody knows
  if (is_installed) {
    device.installed_action = closed->id;
    device.installed_job = after.terms.id;
  }
  return is_news || is_installed;
}

void Site::perform(const JobId& id, const core::JobAction& action) {
  if (const auto* cut = std::get_if<core::CutTransfers>(&action)) {
    parts_.cut_transfers(cut->action);
  } else if (std::holds_alternative<core::Forget>(action)) {
    forgotten_.push_back(id);
    wake_changed_.notify();
  } else if (const core::Job* job = find_job(id)) {
    if (DeviceState* device = find_device(job->terms.device.value())) bump(*device);
  }
}

void Site::forget_dropped() {
  for (const JobId& id : std::exchange(forgotten_, {})) {
    const core::Job* job = find_job(id);
    if (job == nullptr) continue;
    Writes writes{Write::erase(kind::kJob, id.value()), Write::erase(kind::kEnded, id.value())};
    for (const auto& past : job->past) {
      writes.push_back(Write::erase(kind::kAction, std::to_string(past.id.value())));
      histories_.erase(past.id);
    }
    DeviceState* device = find_device(job->terms.device.value());
    if (device != nullptr) std::erase(device->jobs, id);
    if (const auto side = sides_.find(id); side != sides_.end()) {
      set_wake(id, side->second, {});
      sides_.erase(side);
    }
    if (slots_.release(id, job->terms.device)) line_moved();
    jobs_.drop(id);
    save(std::move(writes));
    work_changed.notify();
  }
}

// --- looking again at a device ---

void Site::refresh_all() {
  for (auto& [name, device] : devices_) refresh(*device);
  work_changed.notify();
}

void Site::refresh(DeviceState& device) {
  if (!loaded_) return;
  settle_jobs(device);
  note_link(device);
  const auto jobs_now = device.jobs;
  for (const JobId& id : jobs_now) {
    const core::Job& job = *find_job(id);
    report_job(job);
    set_wake(id, sides_[id], core::wake_at(job, given_for(job)));
  }
  note_wanted_check(device);
  std::string view = view_of(device);
  if (view == device.view) return;
  device.view = std::move(view);
  bump(device);
}

void Site::settle_jobs(DeviceState& device) {
  // A turn that passes on lets another job move: as often as there are jobs, and no more.
  for (std::size_t round = 0; round <= device.jobs.size(); ++round) {
    bool changed = false;
    const auto order = device.jobs;
    for (const JobId& id : order) {
      changed = apply_one(id, core::Tick{}) || changed;
      answer_for_device(device, *find_job(id));
    }
    if (!changed) return;
    work_changed.notify();
  }
}

// What the device has said beforehand: a standing "ready", or a status that is still good.
void Site::answer_for_device(DeviceState& device, const core::Job& job) {
  const bool asked = std::holds_alternative<core::Asked>(job.phase);
  if (!asked && !(is_foreign(job) && std::holds_alternative<core::Ready>(job.phase))) return;
  const JobId id = job.terms.id;
  if (status_of(device, now()) == "busy" && !device.busy_used) {
    device.busy_used = true;  // one status moves the time once
    apply_one(id, core::Answered{core::AnswerKind::kBusy, device.busy->until, device.name.value(), device.busy->reason});
    return;
  }
  if (device.auto_confirm.active && asked)
    apply_one(id, core::Answered{core::AnswerKind::kReady, {}, device.auto_confirm.initiator, device.auto_confirm.remark});
}

std::string Site::view_of(const DeviceState& device) const {
  std::string view;
  for (const JobId& id : device.jobs) {
    const core::Job* job = find_job(id);
    if (job == nullptr) continue;
    view += std::to_string(static_cast<int>(core::offer(*job, given_for(*job)))) + ":" +
            std::to_string(job->action.value()) + " ";
  }
  return view + std::to_string(device.installed_action.value()) + (device.wants_config_data ? "c" : "");
}

void Site::bump(DeviceState& device) {
  ++device.generation;
  device.changed.notify();
}

Shown Site::shown(const DeviceState& device) const {
  Shown best;
  if (DRAY_MUTANT("stranger_stops_orders") && unknown_devices_ > 0) return best;
  for (const JobId& id : device.jobs) {
    const core::Job* job = find_job(id);
    if (job == nullptr) continue;
    const core::Offer offer = core::offer(*job, given_for(*job));
    if (offer == core::Offer::kNothing) continue;
    // Cancels first, the oldest first; else who has the turn.
    const bool cancel = offer == core::Offer::kCancel;
    const bool better = best.job == nullptr || (cancel && (best.offer != core::Offer::kCancel ||
                                                           job->action < best.job->action));
    if (better) best = {offer, job};
  }
  return best;
}

std::optional<ActionView> Site::find_action(const DeviceState& device, ActionId action) const {
  using State = ActionView::State;
  for (const JobId& id : device.jobs) {
    const core::Job* job = find_job(id);
    if (job == nullptr || action.empty()) continue;
    if (const core::PastAction* past = core::past_action(*job, action)) {
      const State state = past->end == core::ActionEnd::kFinished ? State::kFinished
                          : past->end == core::ActionEnd::kError  ? State::kError
                                                                  : State::kCanceled;
      return ActionView{state, job, past->step, past->acknowledged};
    }
    if (job->action != action) continue;
    if (std::holds_alternative<core::Cancelling>(job->phase) || std::holds_alternative<core::Expired>(job->phase))
      return ActionView{State::kCanceling, job, job->step, false};
    const bool active = is_foreign(*job) || core::has_started(*job) || std::holds_alternative<core::Ready>(job->phase);
    return ActionView{active ? State::kActive : State::kWaiting, job, job->step, false};
  }
  return {};
}

// --- reports of jobs and devices ---

wire::JobReport Site::job_report(const core::Job& job) const {
  const core::PublicState state = describe(job);
  wire::JobReport report;
  report.job = job.terms.id;
  report.state = state.state;
  report.reason = state.reason;
  report.sentence = state.sentence;
  report.until = state.until;
  report.update_at = job.update_at;
  report.step = static_cast<std::int64_t>(job.step);
  report.attempt = job.attempt;
  report.late = core::is_late(job);
  report.cause = state.cause;
  report.unproven = job.unproven && std::holds_alternative<core::Succeeded>(job.phase);
  if (!job.cancel_refused.empty()) report.cancel = wire::CancelAnswer{job.cancel_refused, "too_late"};
  if (const auto side = sides_.find(job.terms.id); side != sides_.end())
    for (const auto& [sha, ranges] : side->second.delivered) report.bytes += ranges.count();
  if (const auto device = devices_.find(job.terms.device.value()); device != devices_.end())
    for (const auto& [component, running] : device->second->running) report.running[component] = running.version;
  return report;
}

void Site::report_job(const core::Job& job) {
  JobSide& side = sides_[job.terms.id];
  wire::JobReport report_now = job_report(job);
  if (side.reported) {
    wire::JobReport same = *side.reported;
    same.bytes = report_now.bytes;  // bytes alone are no news
    if (core::is_final(job)) same.running = report_now.running;  // its device's own report says it, behind this end
    if (same.reason == "waiting_slot" && report_now.reason == same.reason && now() - side.reported_at < kLineIsNews)
      same.sentence = report_now.sentence;
    if (same == report_now) return;
  }
  side.reported = report_now;
  side.reported_at = now();
  report(std::move(report_now));
}

wire::DeviceReport Site::device_report(const DeviceState& device) const {
  wire::DeviceReport out;
  out.device = device.name;
  out.seen_at = device.seen_at;
  out.boot_id = device.boot_id;
  out.running = device.running;
  out.status = reported_status(device);
  out.attributes = foreign_attributes(device.attributes);
  out.said_since_end = device.said_since_end;
  return out;
}

void Site::device_seen(DeviceState& device) {
  const WallTime seen = now();
  const bool first = !device.seen_at;
  device.seen_at = seen;
  if (first && device.in_plan)  // from now on it may begin something, and is let in also where the plan can't be read
    save({document_of(device)});
  if (!late_seen(device.seen_reported, seen)) return;
  // All that were heard of since go with it: a site asks the server once an hour for this, not once for each device.
  for (auto& [name, other] : devices_) {
    if (!other->seen_at || (other->seen_reported && *other->seen_at <= *other->seen_reported)) continue;
    other->seen_reported = seen;
    if (other->in_plan) report(device_report(*other));
  }
}

void Site::attributes_refused(DeviceState& device, bool refused) {
  device.attributes_refused = refused;
  if (refused && lines_.may_say("attributes_refused", device.name.value()))
    parts_.log.warn("attributes_refused", {{"device", device.name.value()}, {"most", wire::kMostAttributes}, {"kept", "those of before"}});
}

void Site::device_reported(DeviceState& device, Said said) {
  const core::RunningByComponent ran = device.running;
  read_dray_attributes(device);
  device.said_since_end = device.said_since_end || said.power_on || ran != device.running;
  if (said.busy) {
    read_busy(device, now());
    device.busy_used = false;
  }
  say_other_type(device);
  device.wants_config_data = device.polled_unasked = false;
  if (said.itself) heard_again(device);
  if (said.power_on) note_boot(device);
  device.seen_at = device.seen_reported = now();
  save_device(device, {document_of(device)});
  if (device.in_plan)
    report(device_report(device));
  else
    report(wire::RegisteredReport{device.name, foreign_attributes(device.attributes)});
  if (said.power_on) {
    if (lines_.may_say("power_on_reported", device.name.value()))
      parts_.log.info("power_on_reported", {{"device", device.name.value()}, {"boot_id", device.boot_id}});
    const auto order = device.jobs;
    for (const JobId& id : order) apply_one(id, core::PowerOn{device.boot_id, device.running});
  }
  if (device.lost || waits_for_version(device)) {  // it may not have restarted yet: it is asked again
    // At every other of its polls, of which one may come early: the time for its start may be two of them.
    asked_who_next_[device.name.value()] = parts_.clock.steady() + parts_.settings.poll_sleep / 2;
    wake_changed_.notify();
  }
  bump(device);
  refresh(device);
}

void Site::set_auto_confirm(DeviceState& device, wire::DdiAutoConfirm how) {
  device.auto_confirm = std::move(how);
  save_device(device, {document_of(device)});
  if (device.auto_confirm.active) {  // it takes back what it put off before
    const auto order = device.jobs;
    for (const JobId& id : order)
      if (const core::Job* job = find_job(id); job != nullptr && std::holds_alternative<core::Deferred>(job->phase))
        apply_one(id, core::Answered{core::AnswerKind::kReady, {}, device.auto_confirm.initiator, device.auto_confirm.remark});
  }
  bump(device);
  refresh(device);
}

// --- artifacts ---

void Site::storage_changed() {
  if (storage_report) report(storage_report());
}

void Site::artifact_stored(const Sha256& sha) {
  parts_.log.info("artifact_stored", {{"sha256", sha.hex()}});
  storage_changed();
  refresh_all();
}

void Site::artifact_lost(const Sha256& sha) {
  parts_.log.error("artifact_lost", {{"sha256", sha.hex()}});
  storage_changed();
  std::vector<JobId> hit;
  for (const auto& [id, job] : jobs())
    if (!core::is_final(job) && job.step < job.terms.steps.size())
      for (const auto& artifact : job.terms.steps[job.step])
        if (artifact.sha256 == sha) hit.push_back(id);
  for (const JobId& id : hit) apply_one(id, core::ArtifactLost{});
  refresh_all();
}

bool Site::is_referenced(const Sha256& sha) const {
  for (const auto& [id, job] : jobs()) {
    if (core::is_final(job)) continue;
    for (const auto& step : job.terms.steps)
      for (const auto& artifact : step)
        if (artifact.sha256 == sha) return true;
  }
  return false;
}

// --- time ---

void Site::set_wake(const JobId& id, JobSide& side, std::optional<WallTime> wake) {
  if (side.wake == wake) return;
  if (side.wake) wakes_.erase({*side.wake, id});
  side.wake = wake;
  if (!wake) return;
  const bool sooner = wakes_.empty() || *wake < wakes_.begin()->first;
  wakes_.insert({*wake, id});
  if (sooner) wake_changed_.notify();
}

void Site::tick_due() {
  std::set<std::string> due;
  while (!wakes_.empty() && wakes_.begin()->first <= now()) {
    const auto [when, id] = *wakes_.begin();
    set_wake(id, sides_[id], {});
    if (const core::Job* job = find_job(id)) due.insert(job->terms.device.value());
  }
  for (const std::string& name : due)
    if (DeviceState* device = find_device(name)) refresh(*device);
  if (!due.empty()) work_changed.notify();
}

Task<> Site::run(Stop& stop) {
  while (!stop.requested()) {
    forget_dropped();
    tick_due();
    pass_on();
    ask_who();
    if (!forgotten_.empty() || line_moved_) continue;
    const auto changes = wake_changed_.generation();  // what this round changed itself is seen below
    SteadyTime until = slots_.next_sweep(slot_rules());
    for (const auto& [name, at] : asked_who_next_) until = std::min(until, at);
    if (!wakes_.empty()) until = std::min(until, time_.steady_at(wakes_.begin()->first));
    until = std::min(until, parts_.clock.steady() + kFarAway);
    // What is due was done above: what is still due changes nothing, and must not spin.
    if (until <= parts_.clock.steady()) until = parts_.clock.steady() + kStillDue;
    co_await wake_changed_.wait_past(changes, parts_.clock, until, stop);
  }
}

}  // namespace dray::gateway
