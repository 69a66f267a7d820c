#include "gateway/site.h"

#include "base/mutant.h"
#include "core/model/epoch.h"
#include "gateway/documents/format.h"
#include "gateway/documents/job.h"
#include "gateway/documents/records.h"

namespace dray::gateway {
namespace {

constexpr std::string_view kCurrent = "current", kCounters = "counters", kClock = "clock", kLink = "link";
constexpr std::size_t kMostUnknownDevices = 1'000;
constexpr std::chrono::seconds kFloorStep{600};  // how coarsely time and traffic are kept

Task<Result<>> commit_on(Worker& worker, Store& store, std::vector<Writes> batch) {
  std::function<Result<>()> f = [&store, &batch] { return store.commit(batch); };
  co_return co_await on<Result<>>(worker, std::move(f));
}

DeviceState& device_of(Site::Devices& devices, const DeviceId& name) {
  const auto found = devices.find(name.value());
  if (found != devices.end()) return *found->second;
  return *devices.emplace(name.value(), std::make_unique<DeviceState>(name)).first->second;
}

}  // namespace

Site::Site(Parts parts)
    : parts_{std::move(parts)},
      lines_{parts_.clock, parts_.log},
      time_{parts_.clock},
      saves_{parts_.tasks, parts_.clock, parts_.log,
             [this](const std::vector<Writes>& batch) { return commit_on(parts_.store_worker, parts_.store, batch); }},
      jobs_{saves_, parts_.clock, parts_.log,
            [](const JobId& id, const core::Job*, const core::Job& after) {
              Writes writes{Write::put(kind::kJob, id.value(), documents::write_job(after))};
              // Twice, so that one document that can't be read does not make it begin again.
              if (core::is_final(after)) writes.push_back(Write::put(kind::kEnded, id.value(), *writes.front().text));
              return writes;
            },
            [this](const JobId& id, const core::JobAction& action) { perform(id, action); }, parts_.watch} {}

// --- plan ---

std::string Site::plan_etag() const {
  return has_plan_ ? "\"" + std::to_string(plan_.plan().revision) + "\"" : std::string{};
}

void Site::take_plan(const wire::PlanMessage& message, std::string text, core::ReportsSeen acknowledged,
                     SteadyTime heard) {
  note_contact(message.server_time, heard);
  parts_.log.info("plan_received", {{"revision", message.plan.revision},
                                    {"devices", message.plan.devices.size()},
                                    {"artifacts", message.plan.artifacts.size()},
                                    {"assignments", message.plan.assignments.size()}});
  plan_ = PlanIndex{message.plan};
  has_plan_ = true;
  leases_.set_blocks(plan_.plan().action_ids);
  leases_.trust();  // what the server has seen comes with the plan
  save({Write::put(kind::kPlan, std::string{kCurrent}, documents::write_message(text))});
  adopt_epoch(message.reports_seen);
  if (message.reports_seen < acknowledged) tell_again(message.reports_seen);
  prune_sent_before();
  if (DRAY_MUTANT("plan_undoes_deferral")) local_deferrals_.clear();
  else take_site_deferrals();
  reconcile(mend_by_plan());
}

void Site::note_contact(WallTime server_time, SteadyTime heard) {
  const bool first = !time_.contact();
  const bool moved = time_.correct(server_time, heard);
  last_contact_ = now();
  if (first) reports_waiting.notify();
  if (first || time_.floor_fell() || now() > floor_saved_ + kFloorStep) {
    floor_saved_ = now();
    save({Write::put(kind::kMeta, std::string{kClock}, documents::write_clock(now()))});
    damage_.mended(kind::kMeta, kClock);
    save_link();
  }
  if (moved) time_moved();
}

// Whoever waits for an instant has counted how far away it is by what the time was before.
void Site::time_moved() {
  parts_.log.info("clock_corrected", {{"now", to_rfc3339(now())}});
  if (loaded_) refresh_all();
  work_changed.notify();
  checks_wanted.notify();
  wake_changed_.notify();
}

void Site::save_link() {
  save({Write::put(kind::kMeta, std::string{kLink}, documents::write_link(link))});
}

// The server has seen more than we can have sent: this is an older state of this gateway, or another machine in its place.
// Or our own number is so far above what it has seen that it can't be right, and no server takes it.
void Site::adopt_epoch(core::ReportsSeen seen) {
  if (seen.epoch >= wire::kMostInteger) return;
  const bool damaged = outbox_.last().epoch > seen.epoch + core::kMostEpochStep;
  const bool fresh = counters_lost_ || wants_fresh_epoch_;
  if ((seen <= outbox_.sent() && !damaged && !fresh) || DRAY_MUTANT("restored_keeps_epoch")) return;
  const std::int64_t epoch = (fresh && !damaged ? std::max(seen.epoch, outbox_.last().epoch) : seen.epoch) + 1;
  counters_lost_ = wants_fresh_epoch_ = false;
  damage_.mended(kind::kMeta, kCounters);
  parts_.log.warn("epoch_began", {{"epoch", epoch}, {"seen_epoch", seen.epoch}, {"seen_seq", seen.seq}});
  doubt_memory();
  save(outbox_.begin_epoch(epoch));
  leases_.forget_blocks();
  save(counters());
  report_everything();
}

// The server had acknowledged more: it was restored from an older state, or is another one. It learns everything again.
void Site::tell_again(core::ReportsSeen seen) {
  const core::ReportsSeen acknowledged = outbox_.acknowledged();
  if (acknowledged.epoch != outbox_.last().epoch || seen >= acknowledged) return;
  if (outbox_.sent().seq == 0) return;  // nothing was ever sent in this epoch: there is nothing to forget
  if (acknowledged.seq > 0)
    parts_.log.warn("server_has_forgotten", {{"acknowledged_seq", acknowledged.seq}, {"seen_epoch", seen.epoch}, {"seen_seq", seen.seq}});
  outbox_.forget_acknowledged({acknowledged.epoch, seen.epoch == acknowledged.epoch ? seen.seq : 0});
  report_everything();
}

// The hash of a device's token is kept with it too: after a start that can't read the plan, what has begun at the device
// may still end.
void Site::give_tokens() {
  for (auto& [name, device] : devices_) {
    const core::Device* planned = plan_.device(device->name);
    const std::string token = planned == nullptr ? std::string{} : planned->token_sha256;
    if (device->token_sha256 == token) continue;
    device->token_sha256 = token;
    if (device->seen_at) save({document_of(*device)});
  }
}

void Site::index_jobs() {
  for (const core::Device& d : plan_.plan().devices) device_of(devices_, d.name);
  if (has_plan_) give_tokens();
  for (auto& [name, device] : devices_) {
    device->jobs.clear();
    device->in_plan = has_plan_ ? plan_.device(device->name) != nullptr : !device->token_sha256.empty();
  }
  for (const auto& [id, job] : jobs()) device_of(devices_, job.terms.device).jobs.push_back(id);
  note_lost();
  unknown_devices_ = 0;
  for (auto& [name, device] : devices_) {
    if (!device->in_plan) ++unknown_devices_;
    device->poll = {};
  }
}

// What becomes of a job that can't be read is decided when the server was heard; and only then whether it takes the place
// of another one of its device: it may have ended long ago.
bool Site::waits_for_server(const core::JobChange& change) const {
  if (damage_.holds_document(kind::kJob, change.id.value())) return true;
  const auto* event = std::get_if<core::JobEvent>(&change.what);
  if (event == nullptr || !std::holds_alternative<core::Superseded>(*event)) return false;
  const core::Job* job = find_job(change.id);
  return job != nullptr && !damage_.holds(job->terms.device).empty();
}

// What the newest plan means for every job, new, known or gone. Doing it twice changes nothing.
void Site::reconcile(const std::set<JobId>& again) {
  std::vector<const core::Job*> known;
  for (const auto& [id, job] : jobs()) known.push_back(&job);
  const auto changes = core::reconcile(known, plan_.plan(), local_deferral_list());
  for (const core::JobChange& change : changes) {
    if (waits_for_server(change)) continue;
    const auto* job = std::get_if<core::Job>(&change.what);
    if (job != nullptr && again.contains(change.id)) {
      const DeviceState* device = find_device(job->terms.device.value());
      jobs_.create(change.id, documents::made_again(*job, device == nullptr ? JobId{} : device->installed_job));
    } else if (job != nullptr) {
      jobs_.create(change.id, *job);
    } else
      apply_one(change.id, std::get<core::JobEvent>(change.what));
  }
  std::vector<DeviceState*> unplanned;
  for (auto& [name, device] : devices_)
    if (!device->in_plan && device->seen_at) unplanned.push_back(device.get());
  index_jobs();
  // Of a device that was added the server knows by now only its name: what it said before that is told again.
  for (const DeviceState* device : unplanned)
    if (device->in_plan) report(device_report(*device));
  refresh_all();
  work_changed.notify();
}

// --- devices ---

DeviceState* Site::find_device(std::string_view name) {
  const auto found = devices_.find(name);
  return found == devices_.end() ? nullptr : found->second.get();
}

DeviceState* Site::register_unknown(std::string_view name) {
  if (unknown_devices_ >= kMostUnknownDevices) return nullptr;
  DeviceState& device = device_of(devices_, DeviceId{std::string{name}});
  ++unknown_devices_;
  parts_.log.info("unknown_device_registered", {{"device", name}});
  report(wire::RegisteredReport{device.name, {}});
  save_device(device, {document_of(device)});
  return &device;
}

Write Site::document_of(const DeviceState& device) {
  return Write::put(kind::kDevice, device.name.value(), documents::write_device(device));
}

void Site::save_device(DeviceState& device, Writes writes) {
  ++device.unsaved;
  saves_.add(std::move(writes), [&device] { --device.unsaved; });
}

void Site::save_history(DeviceState& device, ActionId action) {
  save_device(device,
              {Write::put(kind::kAction, std::to_string(action.value()), documents::write_history(histories_[action]))});
}

Writes Site::counters() const {
  const documents::Counters counters{outbox_.last(), outbox_.acknowledged(), leases_.last(), leases_.floor(), counters_lost_};
  return {Write::put(kind::kMeta, std::string{kCounters}, documents::write_counters(counters))};
}

// --- reports ---

void Site::report(wire::ReportBody body) {
  Writes writes = outbox_.add(std::move(body), now());
  if (outbox_.last().seq >= documents::kMostSeq) counters_lost_ = true;
  Writes more = counters();
  writes.insert(writes.end(), more.begin(), more.end());
  saves_.add(std::move(writes), [this] { reports_waiting.notify(); });
}

void Site::acknowledge(const wire::ReportsAnswer& answer) {
  adopt_epoch(answer.acknowledged);  // the next plan may be hours away
  save(outbox_.acknowledge(answer.acknowledged));
  save(counters());
  if (answer.resync) report_everything();
}

void Site::set_report_aside(std::int64_t seq, std::string why) {
  save(outbox_.set_aside(seq, std::move(why), now()));
  save(counters());
}

void Site::report_everything() {
  for (auto& [id, side] : sides_) side.reported.reset();
  for (const auto& [id, job] : jobs()) report_job(job);
  for (const auto& [name, device] : devices_) {
    if (device->in_plan)
      report(device_report(*device));
    else
      report(wire::RegisteredReport{device->name, foreign_attributes(device->attributes)});
  }
  for (const auto& [id, deferral] : local_deferrals_) report(wire::DeferralReport{deferral, false});
  if (storage_report) report(storage_report());
  if (rate_reports)
    for (wire::ReportBody& body : rate_reports()) report(std::move(body));
}

}  // namespace dray::gateway
