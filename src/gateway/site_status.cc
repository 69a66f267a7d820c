// Status checks: what a command of the site says about devices that can't be asked by the device protocol.
//
// A check is asked for before a device is shown its link, or our question, and its word is good for a while.
// Busy moves the stored update time like any other busy (M8); no status keeps the job where it is.
#include "base/text.h"
#include "gateway/site.h"

namespace dray::gateway {
namespace {

// A device's check is not asked again sooner, whatever it says: that is a process of the site's each time.
constexpr Duration kSoonest{60'000};

}  // namespace

std::string Site::check_of(const DeviceState& device) const {
  const core::DeviceType* type = plan_.type_of(device.name);
  return type == nullptr ? std::string{} : type->probe;
}

// What its check said last is still good.
bool Site::stands(const Checked& checked) const {
  return checked.at && parts_.clock.steady() < *checked.at + parts_.settings.status_good_for;
}

void Site::give_status(const DeviceState& device, core::Given& given) const {
  const std::string check = check_of(device);
  if (check.empty()) return;
  const Checked& c = device.checked;
  // While it is asked again a word that stood then stands on: a device at its link does not lose it for that moment.
  given.checked = c.good && (stands(c) || (c.running && c.stood));
  if (!parts_.knows_check(check))
    given.unchecked = "this gateway has no status check '" + check + "'";
  else if (c.at && c.status == "unknown")
    given.unchecked = c.why;
}

void Site::note_wanted_check(DeviceState& device) {
  bool wanted = false;
  if (const std::string check = check_of(device); !check.empty() && parts_.knows_check(check))
    for (const JobId& id : device.jobs) {
      const core::Job* job = find_job(id);
      wanted = wanted || (job != nullptr && core::wants_status(*job, given_for(*job)));
    }
  const std::string& name = device.name.value();
  if (!wanted)
    wants_check_.erase(name);
  else if (wants_check_.insert(name).second)
    checks_wanted.notify();
}

std::vector<Site::WantedCheck> Site::wanted_checks() const {
  std::vector<WantedCheck> out;
  for (const std::string& name : wants_check_) {
    const auto found = devices_.find(name);
    if (found == devices_.end() || found->second->checked.running) continue;
    out.push_back({name, check_of(*found->second), found->second->checked.next});
  }
  return out;
}

ProbeSubject Site::subject_of(const DeviceState& device) const {
  ProbeSubject out{device.name.value(), "", device.address, foreign_attributes(device.attributes), {}};
  if (const core::Device* planned = plan_.device(device.name)) {
    out.type = planned->type;
    out.given.insert(planned->attributes.begin(), planned->attributes.end());
  }
  return out;
}

void Site::check_began(DeviceState& device) {
  device.checked.stood = stands(device.checked);
  device.checked.running = true;
}

void Site::check_ended(DeviceState& device, const Result<ProbeAnswer>& answer) {
  Checked& c = device.checked;
  const std::string before = reported_status(device);
  const auto said = std::pair{c.status, c.why};
  const SteadyTime now_steady = parts_.clock.steady();
  c.running = false;
  c.at = now_steady;
  c.next = now_steady + parts_.settings.status_good_for;
  c.good = answer && !answer->busy;
  c.status = !answer ? "unknown" : answer->busy ? "busy" : "idle";
  c.why = one_line(answer ? answer->why : answer.error().message(), wire::kLongestWhy);
  if (said != std::pair{c.status, c.why} && lines_.may_say("status_checked", device.name.value()))  // once a state
    parts_.log.info("status_checked", {{"device", device.name.value()}, {"status", c.status}, {"why", c.why}});
  if (answer && answer->busy) {
    core::Answered busy{core::AnswerKind::kBusy, {}, "its status check", c.why};
    if (answer->retry_after) {
      busy.until = now() + *answer->retry_after;
      c.next = now_steady + std::max<Duration>(*answer->retry_after, kSoonest);
    }
    const auto order = device.jobs;
    for (const JobId& id : order)
      if (const core::Job* job = find_job(id); job != nullptr && core::wants_status(*job, given_for(*job)))
        apply_one(id, busy);
  }
  if (device.in_plan && reported_status(device) != before) report(device_report(device));
  wants_check_.erase(device.name.value());  // refresh() puts it back, with its next time
  refresh(device);
}

// What its device says of itself goes first; then its check; a device that nobody can ask has a status too.
std::string Site::reported_status(const DeviceState& device) const {
  if (device.boots.doubt) return "two_agents";
  std::string own = status_of(device, now());
  if (!own.empty()) return own;
  const core::DeviceType* type = plan_.type_of(device.name);
  if (type == nullptr || (type->probe.empty() && type->ask == core::Ask::kConfirmation)) return own;
  if (type->probe.empty()) return "no_check";
  return device.checked.at ? device.checked.status : std::string{};
}

}  // namespace dray::gateway
