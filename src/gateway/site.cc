#include "gateway/site.h"

#include "base/mutant.h"
#include "gateway/job_document.h"
#include "wire/json.h"

namespace dray::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kCurrent = "current", kCounters = "counters", kClock = "clock", kLink = "link";
constexpr std::size_t kMostUnknownDevices = 1'000;
constexpr std::chrono::seconds kFloorStep{600};  // how coarsely time and traffic are kept

Task<Result<>> commit_on(Worker& worker, Store& store, std::vector<Writes> batch) {
  std::function<Result<>()> f = [&store, &batch] { return store.commit(batch); };
  co_return co_await on<Result<>>(worker, std::move(f));
}

std::string encode_deferral(const core::Deferral& d) {
  const json::object out{{"device", d.device.value()}, {"assignment", d.assignment.value()}, {"by", d.by}, {"why", d.why},
                         {"until", d.until.time_since_epoch().count()}};
  return json::serialize(out);
}

Result<core::Deferral> decode_deferral(const std::string& id, std::string_view text) {
  return wire::decode<core::Deferral>(wire::parse_json(text), [&](const wire::Node& n) {
    return core::Deferral{id,
                          DeviceId{n.at("device").text()},
                          AssignmentId{n.at("assignment").text()},
                          WallTime{Duration{n.at("until").integer()}},
                          n.at("by").text(),
                          n.at("why").text()};
  });
}

std::string encode_history(const ActionHistory& h) {
  json::array messages;
  for (const auto& m : h.messages) messages.emplace_back(m);
  const json::object out{{"entries", h.entries}, {"status", h.status}, {"messages", std::move(messages)}};
  return json::serialize(out);
}

Result<ActionHistory> decode_history(std::string_view text) {
  return wire::decode<ActionHistory>(wire::parse_json(text), [](const wire::Node& n) {
    ActionHistory h;
    h.entries = static_cast<int>(n.at("entries").integer());
    h.status = n.at("status").text();
    n.at("messages").each([&](const wire::Node& m) { h.messages.push_back(m.text()); });
    return h;
  });
}

}  // namespace

Site::Site(Parts parts)
    : parts_{std::move(parts)},
      time_{parts_.clock},
      saves_{parts_.tasks, parts_.clock, parts_.log,
             [this](const std::vector<Writes>& batch) { return commit_on(parts_.store_worker, parts_.store, batch); }},
      jobs_{saves_, parts_.log,
            [](const JobId& id, const core::Job*, const core::Job& after) {
              return Writes{Write::put(kind::kJob, id.value(), encode_job_document(after))};
            },
            [this](const JobId& id, const core::JobAction& action) { perform(id, action); }, parts_.watch} {}

// --- start ---

Task<Result<>> Site::load(Other other, std::function<Task<Result<>>()> prepare) {
  std::function<Result<std::vector<Document>>()> f = [this] { return parts_.store.load(); };
  auto documents = co_await on<Result<std::vector<Document>>>(parts_.store_worker, std::move(f));
  if (!documents) co_return documents.error();
  for (const Document& document : *documents) {
    const auto done = restore(document, other);
    if (!done) co_return done.error().with_context("document " + document.kind + "/" + document.id);
  }
  DRAY_CO_CHECK(co_await prepare());
  finish_load();
  co_return Result<>{};
}

Result<> Site::restore(const Document& d, const Other& other) {
  if (d.kind == kind::kPlan) {
    DRAY_TRY(auto message, wire::decode_plan(d.text));
    plan_ = PlanIndex{std::move(message.plan)};
    has_plan_ = true;
  } else if (d.kind == kind::kJob) {
    DRAY_TRY(auto job, decode_job_document(d.text));
    const JobId id = job.terms.id;
    jobs_.put(id, std::move(job));
  } else if (d.kind == kind::kAction) {
    DRAY_TRY(auto history, decode_history(d.text));
    histories_[ActionId{std::stoll(d.id)}] = std::move(history);
  } else if (d.kind == kind::kDevice) {
    auto device = std::make_unique<DeviceState>(DeviceId{d.id});
    DRAY_CHECK(decode_device_document(d.text, *device));
    devices_[d.id] = std::move(device);
  } else if (d.kind == kind::kDeferral) {
    DRAY_TRY(auto deferral, decode_deferral(d.id, d.text));
    local_deferrals_[d.id] = std::move(deferral);
  } else if (d.kind == kind::kReport) {
    DRAY_TRY(auto report, wire::decode_report(d.text));
    outbox_.restore(std::move(report));
  } else if (d.kind == kind::kMeta && d.id == kCounters) {
    const auto done = wire::decode<bool>(wire::parse_json(d.text), [&](const wire::Node& n) {
      const std::int64_t epoch = n.at("epoch").integer();
      const auto acknowledged = n.maybe("acknowledged");
      outbox_.restore_counters({epoch, n.at("seq").integer()}, {epoch, acknowledged ? acknowledged->integer() : 0});
      leases_.restore(n.at("last_action").integer(), n.at("action_floor").integer());
      return true;
    });
    if (!done) return done.error();
  } else if (d.kind == kind::kMeta && (d.id == kClock || d.id == kLink)) {
    const auto done = wire::decode<bool>(wire::parse_json(d.text), [&](const wire::Node& n) {
      if (const auto floor = n.maybe("floor")) time_.restore_floor(WallTime{Duration{floor->integer()}});
      if (const auto wan = n.maybe("wan")) link = {wan->size(), n.at("wan_control").size(), n.at("lan").size()};
      return true;
    });
    if (!done) return done.error();
  } else {
    return other(d);
  }
  return {};
}

void Site::finish_load() {
  up_since_ = now();
  leases_.set_blocks(plan_.plan().action_ids);
  leases_.doubt(random_u64(parts_.random));
  index_jobs();
  // A transfer that ran when we went down ended by us, not by its device.
  for (const auto& [id, job] : jobs()) sides_[id].cut = core::has_started(job);
  loaded_ = true;
  jobs_.resume();
  forget_dropped();
  if (has_plan_) reconcile();
}

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
  if (DRAY_MUTANT("plan_undoes_deferral")) local_deferrals_.clear();
  leases_.trust();  // what the server has seen comes with the plan
  save({Write::put(kind::kPlan, std::string{kCurrent}, std::move(text))});
  adopt_epoch(message.reports_seen);
  if (message.reports_seen < acknowledged) tell_again(message.reports_seen);
  reconcile();
}

void Site::note_contact(WallTime server_time, SteadyTime heard) {
  const bool first = !time_.contact();
  const bool moved = time_.correct(server_time, heard);
  last_contact_ = now();
  if (first) reports_waiting.notify();
  if (first || now() > floor_saved_ + kFloorStep) {
    floor_saved_ = now();
    save({Write::put(kind::kMeta, std::string{kClock},
                     json::serialize(json::object{{"floor", now().time_since_epoch().count()}}))});
    save_link();
  }
  if (!moved) return;
  parts_.log.info("clock_corrected", {{"now", to_rfc3339(now())}});
  if (loaded_) refresh_all();
  work_changed.notify();
}

void Site::save_link() {
  save({Write::put(kind::kMeta, std::string{kLink},
                   json::serialize(json::object{{"wan", link.wan}, {"wan_control", link.wan_control}, {"lan", link.lan}}))});
}

// The server has seen more than we can have sent: this is an older state of this gateway, or another machine in its place.
void Site::adopt_epoch(core::ReportsSeen seen) {
  if ((seen <= outbox_.sent() && !wants_fresh_epoch_) || DRAY_MUTANT("restored_keeps_epoch")) return;
  const std::int64_t epoch = std::max(seen.epoch, wants_fresh_epoch_ ? outbox_.last().epoch : 0) + 1;
  wants_fresh_epoch_ = false;
  parts_.log.warn("epoch_began", {{"epoch", epoch}, {"seen_epoch", seen.epoch}, {"seen_seq", seen.seq}});
  save(outbox_.begin_epoch(epoch));
  leases_.forget_blocks();
  save(counters());
  report_everything();
}

// The server had acknowledged more: it was restored from an older state, or is another one. It learns everything again.
void Site::tell_again(core::ReportsSeen seen) {
  const core::ReportsSeen acknowledged = outbox_.acknowledged();
  if (acknowledged.epoch != outbox_.last().epoch || seen >= acknowledged) return;
  parts_.log.warn("server_has_forgotten", {{"acknowledged_seq", acknowledged.seq}, {"seen_epoch", seen.epoch}, {"seen_seq", seen.seq}});
  outbox_.forget_acknowledged({acknowledged.epoch, seen.epoch == acknowledged.epoch ? seen.seq : 0});
  report_everything();
}

void Site::index_jobs() {
  for (auto& [name, device] : devices_) {
    device->jobs.clear();
    device->in_plan = false;
    device->token_sha256.clear();
  }
  for (const core::Device& d : plan_.plan().devices) {
    auto& device = devices_[d.name.value()];
    if (!device) device = std::make_unique<DeviceState>(d.name);
    device->in_plan = true;
    device->token_sha256 = d.token_sha256;
  }
  for (const auto& [id, job] : jobs()) {
    auto& device = devices_[job.terms.device.value()];
    if (!device) device = std::make_unique<DeviceState>(job.terms.device);
    device->jobs.push_back(id);
  }
  unknown_devices_ = 0;
  for (auto& [name, device] : devices_) {
    if (!device->in_plan) ++unknown_devices_;
    device->poll = {};
  }
}

// What the newest plan means for every job, new, known or gone. Doing it twice changes nothing.
void Site::reconcile() {
  std::vector<const core::Job*> known;
  for (const auto& [id, job] : jobs()) known.push_back(&job);
  const auto changes = core::reconcile(known, plan_.plan(), local_deferral_list());
  for (const core::JobChange& change : changes) {
    if (const auto* job = std::get_if<core::Job>(&change.what))
      jobs_.create(change.id, *job);
    else
      apply_one(change.id, std::get<core::JobEvent>(change.what));
  }
  index_jobs();
  refresh_all();
  work_changed.notify();
}

// --- deferrals ---

std::vector<core::Deferral> Site::local_deferral_list() const {
  std::vector<core::Deferral> out;
  for (const auto& [id, deferral] : local_deferrals_) out.push_back(deferral);
  return out;
}

void Site::add_deferral(core::Deferral deferral) {
  report(wire::DeferralReport{deferral, false});
  if (!DRAY_MUTANT("deferral_not_saved"))
    save({Write::put(kind::kDeferral, deferral.id, encode_deferral(deferral))});
  local_deferrals_[deferral.id] = std::move(deferral);
  reconcile();
}

bool Site::withdraw_deferral(const std::string& id) {
  const auto found = local_deferrals_.find(id);
  if (found == local_deferrals_.end()) return false;
  report(wire::DeferralReport{found->second, true});
  save({Write::erase(kind::kDeferral, id)});
  local_deferrals_.erase(found);
  reconcile();
  return true;
}

// --- devices ---

DeviceState* Site::find_device(std::string_view name) {
  const auto found = devices_.find(name);
  return found == devices_.end() ? nullptr : found->second.get();
}

DeviceState* Site::register_unknown(std::string_view name) {
  if (unknown_devices_ >= kMostUnknownDevices) return nullptr;
  auto& device = devices_[std::string{name}];
  device = std::make_unique<DeviceState>(DeviceId{std::string{name}});
  ++unknown_devices_;
  parts_.log.info("unknown_device_registered", {{"device", name}});
  report(wire::RegisteredReport{device->name, {}});
  save_device(*device, {Write::put(kind::kDevice, device->name.value(), encode_device_document(*device))});
  return device.get();
}

void Site::save_device(DeviceState& device, Writes writes) {
  ++device.unsaved;
  saves_.add(std::move(writes), [&device] { --device.unsaved; });
}

void Site::save_history(DeviceState& device, ActionId action) {
  save_device(device,
              {Write::put(kind::kAction, std::to_string(action.value()), encode_history(histories_[action]))});
}

Writes Site::counters() const {
  const json::object out{{"epoch", outbox_.last().epoch},
                         {"seq", outbox_.last().seq},
                         {"acknowledged", outbox_.acknowledged().seq},
                         {"last_action", leases_.last()},
                         {"action_floor", leases_.floor()}};
  return {Write::put(kind::kMeta, std::string{kCounters}, json::serialize(out))};
}

// --- reports ---

void Site::report(wire::ReportBody body) {
  Writes writes = outbox_.add(std::move(body), now());
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
