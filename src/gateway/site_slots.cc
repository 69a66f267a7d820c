// Whose turn it is to receive: polls and fetches on one side, the line of those that wait on the other
// (slots.h).
#include <algorithm>
#include <utility>

#include "gateway/site.h"

namespace dray::gateway {

Slots::Rules Site::slot_rules() const {
  return {static_cast<std::size_t>(std::max(1, plan_.plan().limits.concurrency)), parts_.settings.poll_sleep};
}

Receiver Site::receiver_of(const core::Job& job) const {
  return {job.terms.id, job.terms.device, job.terms.priority, is_foreign(job)};
}

void Site::give_turn(const core::Job& job, core::Given& given) const {
  const Receiver who = receiver_of(job);
  if (core::is_final(job) || (who.foreign && core::has_started(job)) || now() < job.update_at) return;
  given.link = !who.foreign || slots_.shows(who);
  if (!who.foreign || !given.link) given.line = slots_.line_of(who, parts_.clock.steady(), slot_rules());
}

// --- links ---

// The job whose link the device's poll asks for; a device has one at a time.
const core::Job* Site::link_wanted(const DeviceState& device) const {
  for (const JobId& id : device.jobs)
    if (const core::Job* job = find_job(id);
        job != nullptr && is_foreign(*job) && core::wants_link(*job, given_for(*job)))
      return job;
  return nullptr;
}

void Site::note_link(DeviceState& device) {
  const core::Job* job = link_wanted(device);
  device.wants_link = job != nullptr && !slots_.shows(receiver_of(*job));
  if (!slots_.stands(device.name)) return;
  if (job != nullptr) {
    // A held poll asks again.
    if (slots_.enable(device.name, core::may_download(*job, given_for(*job)))) device.changed.notify();
    return;
  }
  // A foreign client that only said that it begins has its link still to use; an agent has its place.
  const bool goes_on = std::any_of(device.jobs.begin(), device.jobs.end(), [&](const JobId& id) {
    const core::Job* own = find_job(id);
    if (own == nullptr) return false;
    if (!is_foreign(*own)) return core::may_download(*own, given_for(*own));
    return core::has_started(*own) && slots_.shows(receiver_of(*own)) && !other_type_of(device);
  });
  if (!goes_on && slots_.leave(device.name)) line_moved();
}

void Site::polled(DeviceState& device, SteadyTime until) {
  note_unanswered(device);
  if (!device.wants_config_data) device.polled_unasked = true;
  if (slots_.next_sweep(slot_rules()) <= parts_.clock.steady())
    pass_on();  // what is over is over at this poll
  if (!device.wants_link) return;
  const core::Job* job = link_wanted(device);
  if (job == nullptr) return;
  const bool able = core::may_download(*job, given_for(*job));
  const Slots::Asked asked = slots_.ask(receiver_of(*job), able, parts_.clock.steady(), until, slot_rules());
  wake_changed_.notify();  // its link, or its place, has a time
  refresh(device);
  if (asked.withdrawn)
    if (DeviceState* other = find_device(asked.withdrawn->value())) refresh(*other);
}

bool Site::is_next(const DeviceState& device) const {
  return device.wants_link && slots_.is_next(device.name, parts_.clock.steady(), slot_rules());
}

// --- transmissions ---

bool Site::may_transmit(const core::Job& job) {
  const Receiver who = receiver_of(job);
  if (slots_.may_begin(who, slot_rules())) return true;
  slots_.turned_away(who, parts_.clock.steady(), slot_rules());
  wake_changed_.notify();
  if (DeviceState* device = find_device(who.device.value())) refresh(*device);
  return false;
}

void Site::transfer_began(const JobId& id) {
  const core::Job* job = find_job(id);
  if (job == nullptr) return;
  slots_.begin(receiver_of(*job), parts_.clock.steady());
  sides_[id].cut = false;
  wake_changed_.notify();  // its standstill has a time
}

void Site::transfer_ended(const JobId& id) {
  if (!slots_.end(id, parts_.clock.steady())) return;
  line_moved();
  const core::Job* job = find_job(id);
  DeviceState* device = job == nullptr ? nullptr : find_device(job->terms.device.value());
  if (device != nullptr) refresh(*device);
}

bool Site::was_cut(const JobId& job) const {
  const auto found = sides_.find(job);
  return found != sides_.end() && found->second.cut;
}

void Site::bytes_sent(const JobId& id, ActionId action, const Sha256& sha, std::uint64_t from,
                      std::uint64_t to) {
  const core::Job* job = find_job(id);
  if (job == nullptr || job->action != action || job->step >= job->terms.steps.size()) return;
  JobSide& side = sides_[id];
  const bool first = side.delivered.empty();
  side.delivered_for = action;
  side.delivered[sha].add(from, to);
  slots_.progress(id, parts_.clock.steady());
  if (first) apply(id, core::FirstByte{});
  note_all_sent(id, side);
}

// A device that fetches again while it installs is no news, and this is asked at every piece that is sent.
void Site::note_all_sent(const JobId& id, JobSide& side) {
  const core::Job* job = find_job(id);
  if (job == nullptr || job->step >= job->terms.steps.size() || std::holds_alternative<core::Installing>(job->phase)) return;
  const auto& step = job->terms.steps[job->step];
  const bool all = std::all_of(step.begin(), step.end(), [&](const core::StepArtifact& a) {
    const auto found = side.delivered.find(a.sha256);
    return a.size == 0 || (found != side.delivered.end() && found->second.count() >= a.size);
  });
  if (all) apply(id, core::AllSent{});
}

void Site::goes_on_at(const JobId& id, ActionId action, const Sha256& sha, std::uint64_t from) {
  const core::Job* job = find_job(id);
  if (job == nullptr || job->action != action) return;
  JobSide& side = sides_[id];
  if (side.before_start != action || from == 0 || side.delivered.contains(sha)) return;
  side.delivered_for = action;
  side.delivered[sha].add(0, from);
  note_all_sent(id, side);
}

// --- the line ---

void Site::line_moved() {
  line_moved_ = true;
  wake_changed_.notify();
}

// Who has the turn now: its held poll is answered with the link, its status check is asked for.
void Site::pass_on() {
  const Slots::Swept swept = slots_.sweep(parts_.clock.steady(), slot_rules());
  for (const DeviceId& lost : swept.lost)
    if (DeviceState* device = find_device(lost.value())) refresh(*device);
  if (!std::exchange(line_moved_, false) && !swept.moved) return;
  for (const DeviceId& next : slots_.in_turn(parts_.clock.steady(), slot_rules()))
    if (DeviceState* device = find_device(next.value())) {
      refresh(*device);
      device->changed.notify();
    }
}

}  // namespace dray::gateway
