// The start: every document of the store, read; and what becomes of those that can't be.
#include <algorithm>

#include "gateway/documents/format.h"
#include "gateway/documents/job.h"
#include "gateway/documents/records.h"
#include "gateway/site.h"

namespace dray::gateway {

Task<Result<>> Site::load(Other other, std::function<Task<Result<>>()> prepare) {
  std::function<Result<std::vector<Document>>()> f = [this] { return parts_.store.load(); };
  auto documents = co_await on<Result<std::vector<Document>>>(parts_.store_worker, std::move(f));
  if (!documents) co_return documents.error();
  documents::Kept kept;
  Writes moved;
  for (const Document& document : *documents) {
    if (document.kind == kind::kUnreadable) {
      kept.restore(document);
      continue;
    }
    const auto done = restore(document, other);
    if (done) continue;
    kept.add(document, documents::stays(documents::fate_of(document.kind, document.id)));
    note_unreadable(document, done.error(), moved);
  }
  keep_aside(kept, std::move(moved));
  DRAY_CO_CHECK(co_await prepare());
  finish_load();
  co_return Result<>{};
}

Result<> Site::restore(const Document& d, const Other& other) {
  if (d.kind == kind::kPlan) {
    DRAY_CHECK(documents::check_message(d.text));
    DRAY_TRY(auto message, wire::decode_plan(d.text));
    plan_ = PlanIndex{std::move(message.plan)};
    has_plan_ = true;
  } else if (d.kind == kind::kJob) {
    const JobId id{d.id};
    DRAY_TRY(auto job, documents::read_job(id, d.text));
    jobs_.put(id, std::move(job));
  } else if (d.kind == kind::kEnded) {
    const JobId id{d.id};
    DRAY_TRY([[maybe_unused]] const auto job, documents::read_job(id, d.text));
    ended_.emplace(id, d.text);
  } else if (d.kind == kind::kAction) {
    DRAY_TRY(const auto action, documents::action_of(d.id));
    DRAY_TRY(auto history, documents::read_history(d.text));
    histories_[action] = std::move(history);
  } else if (d.kind == kind::kDevice) {
    auto device = std::make_unique<DeviceState>(DeviceId{d.id});
    DRAY_TRY(static_cast<documents::DeviceRecord&>(*device), documents::read_device(d.text));
    devices_.insert_or_assign(d.id, std::move(device));
  } else if (d.kind == kind::kDeferral) {
    DRAY_TRY(auto deferral, documents::read_deferral(d.id, d.text));
    local_deferrals_[d.id] = std::move(deferral);
  } else if (d.kind == kind::kReport) {
    DRAY_CHECK(documents::check_message(d.text));
    DRAY_TRY(auto report, wire::decode_report(d.text));
    return outbox_.restore(std::move(report));
  } else if (d.kind == kind::kAside) {
    return outbox_.restore_aside(d);
  } else if (d.kind == kind::kMeta) {
    return restore_meta(d, other);
  } else {
    return other(d);
  }
  return {};
}

Result<> Site::restore_meta(const Document& d, const Other& other) {
  if (d.id == "counters") {
    DRAY_TRY(const auto counters, documents::read_counters(d.text));
    outbox_.restore_counters(counters.last, counters.acknowledged);
    leases_.restore(counters.last_action, counters.action_floor);
    counters_lost_ = counters.lost;
  } else if (d.id == "clock") {
    DRAY_TRY(const WallTime floor, documents::read_clock(d.text));
    time_.restore_floor(floor);
  } else if (d.id == "sent_before") {
    DRAY_TRY(sent_before_, documents::read_sent_before(d.text));
  } else if (d.id == "withdrawn") {
    DRAY_TRY(withdrawn_, documents::read_withdrawn(d.text));
  } else if (d.id == "link") {
    DRAY_TRY(link, documents::read_link(d.text));
  } else {
    return other(d);
  }
  return {};
}

// It is kept beside, and said once; what it holds up is decided in documents/unreadable.h.
void Site::note_unreadable(const Document& d, const Error& why, Writes& moved) {
  const documents::Fate fate = documents::fate_of(d.kind, d.id);
  documents::Unreadable one{d.kind, d.id, why.message(), {}};
  parts_.log.error("stored_unreadable",
                   {{"document", one.name()}, {"why", one.why}, {"then", documents::sentence_of(fate)}});
  if (!documents::stays(fate)) moved.push_back(Write::erase(d.kind, d.id));
  if (fate == documents::Fate::kNewEpoch) counters_lost_ = true;
  if (fate == documents::Fate::kNoClock) time_.doubt();
  if (d.kind == kind::kDevice) {
    memory_damaged_ = true;
    lost_.insert(d.id);
  }
  if (fate == documents::Fate::kHoldsDevice) one.device = documents::device_in(d.text);
  damage_.add(std::move(one));
}

// What is moved leaves its place with the same commit that keeps it beside.
void Site::keep_aside(documents::Kept& kept, Writes moved) {
  Writes writes = kept.writes();
  for (const auto& [kind, count] : kept.dropped())
    parts_.log.warn("stored_unreadable_dropped", {{"kind", kind}, {"dropped", count}, {"kept", documents::kMostKept}, {"note", "the newest are kept"}});
  writes.insert(writes.end(), std::make_move_iterator(moved.begin()), std::make_move_iterator(moved.end()));
  if (!writes.empty()) save(std::move(writes));
}

void Site::finish_load() {
  up_since_ = parts_.clock.steady();
  leases_.set_blocks(plan_.plan().action_ids);
  leases_.doubt(random_u64(parts_.random));
  restore_ended();
  restore_sent_before();
  restore_withdrawn();
  damage_.find_owners(plan_.plan());
  if (outbox_.last().seq >= documents::kMostSeq) counters_lost_ = true;
  index_jobs();
  if (counters_lost_) save(counters());
  // A transfer that ran when we went down ended by us, not by its device.
  for (const auto& [id, job] : jobs())
    if (core::has_started(job)) {
      sides_[id].cut = true;
      sides_[id].before_start = job.action;
    }
  loaded_ = true;
  for (auto& [name, device] : devices_)  // when they were to be asked again was not kept
    if (is_asked_again(*device)) device->wants_config_data = true;
  jobs_.resume();
  forget_dropped();
  if (has_plan_)
    reconcile();
  else
    refresh_all();  // what has begun goes on: its times come, and its end is awaited
  const auto& all = damage_.all();
  if (std::any_of(all.begin(), all.end(), [](const auto& u) { return u.kind == kind::kReport; }))
    report_everything();
}

// Jobs that have ended are kept twice: what can't be read in one place is read in the other.
void Site::restore_ended() {
  for (const auto& [id, job] : jobs())  // format 1 had one only
    if (core::is_final(job) && !ended_.contains(id))
      save({Write::put(kind::kEnded, id.value(), documents::write_job(job))});
  for (const auto& [id, text] : std::exchange(ended_, {})) {
    if (find_job(id) != nullptr) continue;
    auto job = documents::read_job(id, text);
    if (!job || !core::is_final(*job)) continue;
    save({Write::put(kind::kJob, id.value(), text)});
    damage_.mended(kind::kJob, id.value());
    parts_.log.info("job_restored", {{"job", id.value()}, {"phase", core::phase_name(job->phase)}});
    jobs_.put(id, std::move(*job));
  }
}

// A new plan: what waited for one is over. The jobs that are made again, where the plan has them.
std::set<JobId> Site::mend_by_plan() {
  damage_.mended(kind::kPlan, "current");
  std::set<JobId> again;
  for (const documents::Unreadable& one : damage_.all())
    if (one.kind == kind::kJob) again.insert(JobId{one.id});
  for (const JobId& id : again) {
    damage_.mended(kind::kJob, id.value());
    save({Write::erase(kind::kJob, id.value())});  // the plan's, if it has it, comes after
  }
  return again;
}

}  // namespace dray::gateway
