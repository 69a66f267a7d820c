// Reports into the tables: all batches that are waiting in one transaction.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "adapters/sqlite/server_installs.h"
#include "adapters/sqlite/server_leases.h"
#include "adapters/sqlite/server_rates.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_times.h"
#include "base/text.h"
#include "core/model/said_type.h"
#include "wire/report_rules.h"

namespace dray::adapters {

using namespace rows;
using server::Ingested;
using server::ReportBatch;

namespace {

constexpr std::size_t kLongestRefusal = 500;

enum Resync : std::int64_t { kNone = 0, kAsked = 1, kTold = 2 };

// "waiting": nothing has happened yet that makes a rollout run.
bool has_begun(core::JobState state) { return state != core::JobState::kIdle && state != core::JobState::kScheduled; }

// The device has all bytes of a step, and has not ended it.
bool is_installing(core::JobState state) {
  using enum core::JobState;
  return state == kDownloaded || state == kInstalling || state == kRebooting || state == kVerifying;
}

// From the last byte to the end, as the gateway saw it: what the planner learns of a type.
Result<> learn_install(StatementCache& sql, std::int64_t site_id, std::int64_t job, const std::string& type,
                       std::optional<WallTime> since, core::JobState before, core::JobState after,
                       WallTime at) {
  if (is_installing(after) && !(since && is_installing(before)))
    return sql("UPDATE job SET installing_at=?2 WHERE id=?1").bind(1, job).bind(2, ms(at)).run();
  if (after != core::JobState::kSucceeded || before == after || !since) return {};
  return installs::save(sql, site_id, type, at - *since);
}

}  // namespace

struct SqliteServerStore::Ingestion {
  const ReportBatch& batch;
  std::int64_t site_id = 0;
  core::ReportsSeen seen;
  leases::Site leases;
  bool other_ids = false;      // a new epoch has begun, and its ids are in no plan yet
  bool waits_for_ids = false;  // a job does
  std::int64_t resync = kNone;
  core::ReportsSeen resync_told;
  bool stale = false;  // a gateway in an epoch that is over
  Ingested answer{};
  std::map<std::int64_t, bool> rollouts{};  // those with changed jobs -> one has begun
  std::map<std::tuple<std::int64_t, std::int64_t, std::string, bool>, std::int64_t>
      counts{};                     // rollout, phase, state, tried again -> how many more
  bool planning = false;            // what times are computed from has changed
  bool cancelled = false;           // a cancel was asked of a job, and is in no plan yet
  bool fresh = false;               // a device may pass a running rollout's filter now
  std::set<std::int64_t> logged{};  // jobs with new log lines
  std::set<std::pair<std::string, std::string>> measured{};  // links and devices with new rates
  std::optional<std::int64_t> registered{};                  // devices of the site, where it was counted

  void refuse(std::string what, std::string why) {
    ++answer.refused;
    answer.refused_what = std::move(what);
    answer.refused_why = clean_text(why, kLongestRefusal);
  }
};

Result<server::Store::IngestedAll> SqliteServerStore::ingest(const std::vector<const ReportBatch*>& batches) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  IngestedAll out;
  SiteIds sites;
  for (const ReportBatch* batch : batches) {
    DRAY_CHECK(sql_("SAVEPOINT batch").run());
    auto one = ingest_one(*batch, sites, out);
    if (!one) {
      if (!concerns_rows(one.error())) return one.error();
      DRAY_CHECK(sql_("ROLLBACK TO batch").run());
    }
    DRAY_CHECK(sql_("RELEASE batch").run());
    out.answers.push_back(one ? std::move(*one) : Ingested{.failed = one.error()});
  }
  DRAY_TRY(out.changed, bump_each(sites));
  DRAY_CHECK(transaction.commit());
  return out;
}

Result<Ingested> SqliteServerStore::ingest_one(const ReportBatch& batch, SiteIds& sites, IngestedAll& all) {
  auto& find = sql_("SELECT id, seen_epoch, seen_seq, resync, resync_epoch, resync_seq FROM site WHERE name=?1");
  find.bind(1, batch.site);
  DRAY_TRY(const bool there, find.step());
  if (!there) return Error{ErrorCode::kInternal, "reports of a site that is gone"};
  Ingestion in{.batch = batch,
               .site_id = find.integer(0),
               .seen = {find.integer(1), find.integer(2)},
               .leases = {},
               .resync = find.integer(3),
               .resync_told = {find.integer(4), find.integer(5)}};
  find.reset();
  DRAY_TRY(in.leases, leases::load(sql_, in.site_id));
  const bool had_ended = in.leases.ended;
  DRAY_CHECK(take_entries(in));
  DRAY_TRY(const bool leased, leases::extend(sql_, in.leases, in.waits_for_ids, batch.at));
  if (leased || in.other_ids || in.cancelled) sites.insert(in.site_id);
  in.answer.ids_ended = in.leases.ended && !had_ended;
  if (in.resync == kAsked) {
    in.resync = kTold;
    in.resync_told = in.seen;
  }
  DRAY_CHECK(save_ingestion(in));
  DRAY_CHECK(follow(in, sites, all));
  in.answer.acknowledged = in.seen;
  in.answer.resync = in.stale || in.resync == kTold;
  return std::move(in.answer);
}

// In order whatever the sender did: the last one of a subject wins, doubled and late ones do no harm. What can not be
// taken is passed over and named.
Result<> SqliteServerStore::take_entries(Ingestion& in) {
  struct Entry {
    core::ReportsSeen place;
    const wire::Report* good = nullptr;
    const wire::BadReport* bad = nullptr;
  };
  std::vector<Entry> ordered;
  for (const auto& report : in.batch.reports) ordered.push_back({{report.epoch, report.seq}, &report, nullptr});
  for (const auto& bad : in.batch.bad) {
    if (bad.place)
      ordered.push_back({*bad.place, nullptr, &bad});
    else
      in.refuse(bad.what, bad.why);
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](auto& a, auto& b) { return a.place < b.place; });

  bool any = false;
  for (const Entry& entry : ordered) {
    const auto wrong = entry.good ? wire::refusal_of(*entry.good, in.seen) : entry.bad->why;
    const auto refuse = [&] { in.refuse(entry.good ? wire::describe_subject(*entry.good) : entry.bad->what, *wrong); };
    if (!wire::is_likely_place(entry.place, in.seen)) {  // acknowledged, it would hide all that follow
      refuse();
      continue;
    }
    // Told, and it goes on behind what we acknowledged then: the answer arrived.
    if (!any && in.resync == kTold && in.resync_told < entry.place) in.resync = kNone;
    any = true;
    // A gateway in an epoch that is over was restored from an older state: it is told how far we are and starts anew.
    in.stale = entry.place.epoch < in.seen.epoch;
    if (entry.place <= in.seen) continue;
    if (entry.place.epoch > in.leases.epoch) {
      const WallTime begins = leases::may_begin_at(in.leases, in.batch.at);
      if (begins > in.batch.at) {
        in.answer.epoch_waits = begins;
        return {};
      }
      DRAY_TRY(const bool other, leases::begin_epoch(sql_, in.leases, entry.place.epoch, in.batch.at));
      in.other_ids = in.other_ids || other;
    }
    if (wrong) {
      refuse();
    } else {
      DRAY_TRY(auto failed, take_entry(in, *entry.good));
      if (failed) in.refuse(wire::describe_subject(*entry.good), std::move(*failed));
    }
    in.seen = entry.place;
  }
  return {};
}

Result<std::optional<std::string>> SqliteServerStore::take_entry(Ingestion& in, const wire::Report& report) {
  DRAY_CHECK(sql_("SAVEPOINT entry").run());
  const Result<> done = apply(in, report);
  std::optional<std::string> failed;
  if (!done) {
    // What is stored and can't be read is no fault of the entry: its batch waits.
    if (!concerns_rows(done.error()) || done.error().code() == ErrorCode::kCorrupt) return done.error();
    failed = done.error().message();
    DRAY_CHECK(sql_("ROLLBACK TO entry").run());
  }
  DRAY_CHECK(sql_("RELEASE entry").run());
  return failed;
}

Result<> SqliteServerStore::save_ingestion(Ingestion& in) {
  DRAY_CHECK(leases::save(sql_, in.leases));
  auto& up = sql_(
      "UPDATE site SET seen_epoch=?2, seen_seq=?3, resync=?4, resync_epoch=?5, resync_seq=?6, epoch_waits=?7, "
      "contact_at=max(ifnull(contact_at, ?8), ?8) WHERE id=?1");
  up.bind(1, in.site_id)
      .bind(2, in.seen.epoch)
      .bind(3, in.seen.seq)
      .bind(4, in.resync)
      .bind(5, in.resync_told.epoch)
      .bind(6, in.resync_told.seq)
      .bind(8, ms(in.batch.at));
  bind_time(up, 7, in.answer.epoch_waits);
  DRAY_CHECK(up.run());
  if (in.answer.refused > 0)
    DRAY_CHECK(sql_("UPDATE site SET refused=refused+?2, refused_at=?3, refused_what=?4, refused_why=?5 WHERE id=?1")
                   .bind(1, in.site_id)
                   .bind(2, in.answer.refused)
                   .bind(3, ms(in.batch.at))
                   .bind(4, in.answer.refused_what)
                   .bind(5, in.answer.refused_why)
                   .run());
  for (const auto& [link, device] : in.measured)
    DRAY_CHECK(link_rates::summarize(sql_, in.site_id, link, device, in.batch.at));
  for (const std::int64_t job : in.logged)
    DRAY_CHECK(sql_("DELETE FROM log_line WHERE job_id=?1 AND id <= (SELECT id FROM log_line WHERE job_id=?1 "
                    "ORDER BY id DESC "
                    "LIMIT 1 OFFSET ?2)")
                   .bind(1, job)
                   .bind(2, wire::kLogLinesKept)
                   .run());
  return {};
}

// What the batch means for rollouts and for the planner.
Result<> SqliteServerStore::follow(Ingestion& in, SiteIds& sites, IngestedAll& all) {
  for (const auto& [count, n] : in.counts) {
    const auto& [rollout, phase, state, again] = count;
    if (n != 0) DRAY_CHECK(add_to_count(rollout, phase, state, again, n));
  }
  all.timetable = all.timetable || in.fresh;
  if (in.planning || !in.measured.empty()) {
    DRAY_CHECK(plan_first_ ? times::ask_site(sql_, in.site_id) : times::ask_computed(sql_, in.site_id));
    all.planning = all.planning || db_.changes() > 0;
  }
  for (const auto& [rollout, begun] : in.rollouts) {
    bool earlier = false;
    DRAY_TRY(const auto failed, alone([&]() -> Result<> {
               DRAY_TRY(earlier, jobs_changed(rollout, begun, in.batch.at, sites));
               return {};
             }));
    if (failed) in.answer.not_followed = rollout_id(rollout) + ": " + *failed;
    all.timetable = all.timetable || failed.has_value() || earlier;
  }
  return {};
}

// A gateway speaks for the devices of its site, and for those that nobody has added. What it says of jobs, of what runs and
// of a try's log finds no other site's row; the rest would stand beside what that site's own gateway says.
Result<> SqliteServerStore::check_is_own(const Ingestion& in, const wire::Report& report) {
  const DeviceId* device = nullptr;
  if (const auto* rate = std::get_if<wire::RateReport>(&report.body)) device = &rate->device;
  if (const auto* seen = std::get_if<wire::RegisteredReport>(&report.body)) device = &seen->device;
  const auto* deferral = std::get_if<wire::DeferralReport>(&report.body);
  if (deferral != nullptr && !deferral->withdrawn) device = &deferral->deferral.device;  // of a device that has moved it may end
  if (device == nullptr || device->empty()) return {};
  auto& find = sql_("SELECT 1 FROM device WHERE name=?1 AND site_id<>?2");
  find.bind(1, device->value()).bind(2, in.site_id);
  DRAY_TRY(const bool there, find.step());
  find.reset();
  if (!there) return {};
  return Error{ErrorCode::kInvalid, "device: '" + device->value() + "' belongs to another site"};
}

Result<> SqliteServerStore::apply(Ingestion& in, const wire::Report& report) {
  DRAY_CHECK(check_is_own(in, report));
  if (const auto* job = std::get_if<wire::JobReport>(&report.body)) return apply_job(in, report, *job);
  if (const auto* device = std::get_if<wire::DeviceReport>(&report.body)) return apply_device(in, report, *device);
  if (const auto* log = std::get_if<wire::LogReport>(&report.body)) return apply_log(in, report, *log);
  if (const auto* rate = std::get_if<wire::RateReport>(&report.body)) {
    DRAY_TRY(const bool kept, link_rates::save(sql_, in.site_id, report, *rate, in.batch.at));
    if (kept) in.measured.emplace(rate->link, rate->device.value());
    return {};
  }
  in.planning = in.planning || std::holds_alternative<wire::StorageReport>(report.body) ||
                std::holds_alternative<wire::DeferralReport>(report.body);
  if (const auto* storage = std::get_if<wire::StorageReport>(&report.body))
    return sql_("UPDATE site SET storage=?2 WHERE id=?1").bind(1, in.site_id).bind(2, doc(*storage)).run();
  if (const auto* deferral = std::get_if<wire::DeferralReport>(&report.body)) return apply_deferral(in, *deferral);
  if (const auto* seen = std::get_if<wire::RegisteredReport>(&report.body)) return apply_registered(in, report, *seen);
  return {};  // a kind of a newer gateway
}

Result<> SqliteServerStore::apply_deferral(Ingestion& in, const wire::DeferralReport& deferral) {
  const core::Deferral& d = deferral.deferral;
  const auto others = [&]() -> Result<std::int64_t> {
    auto& count = sql_("SELECT count(*) FROM site_deferral WHERE site_id=?1 AND id<>?2");
    count.bind(1, in.site_id).bind(2, d.id);
    DRAY_TRY([[maybe_unused]] const bool row, count.step());
    const std::int64_t out = count.integer(0);
    count.reset();
    return out;
  };
  DRAY_TRY(std::int64_t have, others());
  if (have >= wire::kMostSiteDeferrals) {  // those that are over make room
    DRAY_CHECK(sql_("DELETE FROM site_deferral WHERE site_id=?1 AND id<>?2 AND (withdrawn=1 OR until < ?3)")
                   .bind(1, in.site_id)
                   .bind(2, d.id)
                   .bind(3, ms(in.batch.at))
                   .run());
    DRAY_TRY(have, others());
  }
  if (have >= wire::kMostSiteDeferrals)
    return Error{ErrorCode::kInvalid, "the site has " + std::to_string(have) + " standing deferrals, at most " +
                                          std::to_string(wire::kMostSiteDeferrals) + " are taken"};
  return sql_(
             "INSERT OR REPLACE INTO site_deferral(site_id, id, device, assignment, until, by, why, "
             "withdrawn) "
             "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
      .bind(1, in.site_id)
      .bind(2, d.id)
      .bind(3, d.device.value())
      .bind(4, d.assignment.value())
      .bind(5, ms(d.until))
      .bind(6, d.by)
      .bind(7, d.why)
      .bind(8, deferral.withdrawn ? 1 : 0)
      .run();
}

Result<> SqliteServerStore::apply_registered(Ingestion& in, const wire::Report& report,
                                             const wire::RegisteredReport& seen) {
  auto& known = sql_(
      "UPDATE registered SET attributes=?3, at=?4 WHERE site_id=?1 AND name=?2 AND NOT EXISTS(SELECT 1 FROM device "
      "WHERE name=?2 AND site_id=?1)");
  known.bind(1, in.site_id).bind(2, seen.device.value()).bind(3, doc(seen.attributes)).bind(4, ms(report.at));
  DRAY_CHECK(known.run());
  if (db_.changes() > 0) return {};
  if (!in.registered) {
    auto& count = sql_("SELECT count(*) FROM registered WHERE site_id=?1");
    count.bind(1, in.site_id);
    DRAY_TRY([[maybe_unused]] const bool row, count.step());
    in.registered = count.integer(0);
    count.reset();
  }
  const bool full = *in.registered >= wire::kMostRegistered;
  DRAY_CHECK(sql_("INSERT INTO registered(site_id, name, attributes, at) SELECT ?1, ?2, ?3, ?4 WHERE ?5=0 AND NOT "
                  "EXISTS(SELECT 1 FROM device WHERE name=?2 AND site_id=?1)")
                 .bind(1, in.site_id)
                 .bind(2, seen.device.value())
                 .bind(3, doc(seen.attributes))
                 .bind(4, ms(report.at))
                 .bind(5, full ? 1 : 0)
                 .run());
  if (full)
    return Error{ErrorCode::kInvalid, "the site has " + std::to_string(*in.registered) +
                                          " devices that nobody has added, at most " +
                                          std::to_string(wire::kMostRegistered) + " are kept"};
  *in.registered += db_.changes();
  return {};
}

Result<> SqliteServerStore::apply_job(Ingestion& in, const wire::Report& report, const wire::JobReport& job) {
  in.waits_for_ids = in.waits_for_ids || job.reason == "waiting_action_ids";
  const auto key = job_key(job.job.value());
  if (!key) return {};
  static const std::string kFind =
      "SELECT j.id, " + std::string{kPhaseOfJ} + ", " + std::string{kPhaseOfJ} + " >= r.released, j.cancel_at IS NOT NULL, j.installing_at, d.type, "
      "d.id, " +
      std::string{kResultColumns} +
      " FROM job j JOIN device d ON d.id=j.device_id JOIN rollout r ON r.id=j.rollout_id "
      "WHERE j.rollout_id=?1 AND d.name=?2 AND d.site_id=?3 AND " + std::string{kGenerationOfJ} + "=?4";
  auto& find = sql_(kFind);
  find.bind(1, key->rollout).bind(2, key->device).bind(3, in.site_id).bind(4, key->generation);
  DRAY_TRY(const bool there, find.step());
  // Of a rollout that this server no longer knows, or of a try that was followed by another one.
  if (!there) {
    DRAY_TRY(const bool cancelled, apply_past(in.site_id, report, job));
    in.cancelled = in.cancelled || cancelled;
    return {};
  }
  const std::int64_t id = find.integer(0), phase = find.integer(1);
  const bool in_no_plan = find.integer(2) != 0;
  const bool cancel_asked = find.integer(3) != 0;
  const auto installing_at = time_at(find, 4);
  const std::string type = find.text(5);
  const std::int64_t device = find.integer(6);
  const core::JobResult have = result_at(find, 7);
  const std::string stored = find.text(7);  // its word, also where nobody knows it: it is counted by that
  find.reset();

  core::JobResult reported{.state = job.state,
                           .reason = job.reason,
                           .sentence = job.sentence,
                           .until = job.until,
                           .update_at = job.update_at,
                           .step = job.step,
                           .attempt = job.attempt,
                           .bytes = job.bytes,
                           .running = job.running,
                           .late = job.late,
                           .cause = job.cause};
  if (job.cancel) {
    reported.cancel_id = job.cancel->id;
    reported.cancel_answer = job.cancel->answer;
  }
  const core::JobResult next = core::with_answer(core::merge(have, reported), cancel_asked);
  const bool final = core::is_final(next.state);
  auto& save = sql_(
      "UPDATE job SET state=?2, final=?3, reason=?4, sentence=?5, until=?6, update_at=?7, step=?8, "
      "attempt=?9, bytes=?10, "
      "running=?11, late=?12, cancel_id=?13, cancel_answer=?14, reported_at=?15, withheld=max(withheld, ?16), cause_reason=?17, cause=?18 "
      "WHERE "
      "id=?1");
  save.bind(1, id).bind(2, core::to_string(next.state)).bind(3, final ? 1 : 0).bind(4, next.reason).bind(5, next.sentence);
  bind_time(save, 6, next.until);
  bind_time(save, 7, next.update_at);
  save.bind(8, next.step)
      .bind(9, next.attempt)
      .bind(10, static_cast<std::int64_t>(next.bytes))
      .bind(11, doc(next.running));
  save.bind(12, next.late ? 1 : 0)
      .bind(13, next.cancel_id)
      .bind(14, next.cancel_answer)
      .bind(15, ms(report.at))
      .bind(16, in_no_plan && final ? 1 : 0);  // of a server that was restored from before its phase began
  save.bind(17, next.cause ? next.cause->reason : "").bind(18, next.cause ? next.cause->sentence : "");
  DRAY_CHECK(save.run());
  DRAY_CHECK(learn_install(sql_, in.site_id, id, type, installing_at, have.state, next.state, report.at));
  // Ids that the gateway has used, about: one for every attempt that we hear of.
  in.leases.attempts += job.step > have.step ? job.attempt : std::max<std::int64_t>(0, job.attempt - have.attempt);
  const bool again = core::is_tried_again(next.state, next.attempt);
  const bool was_again = core::is_tried_again(have.state, have.attempt);
  if (next.state == have.state && again == was_again) return {};
  DRAY_CHECK(follow_drift(id, device, have.state, next.state, report.at));
  --in.counts[{key->rollout, phase, stored, was_again}];
  ++in.counts[{key->rollout, phase, std::string{core::to_string(next.state)}, again}];
  in.rollouts[key->rollout] = in.rollouts[key->rollout] || has_begun(next.state);
  return {};
}

Result<> SqliteServerStore::apply_device(Ingestion& in, const wire::Report& report, const wire::DeviceReport& device) {
  auto& before = sql_("SELECT id, running<>?3 OR boot_id<>?4 OR EXISTS(SELECT 1 FROM job j WHERE j.device_id=device.id AND j.turn>0 AND j.final=1 AND "
                      "j.state<>'succeeded' AND j.reported_at >= coalesce(device.seen_at, 0)), "
                      "type, reported FROM device WHERE name=?1 AND site_id=?2");
  before.bind(1, device.device.value()).bind(2, in.site_id).bind(3, doc(device.running)).bind(4, device.boot_id);
  DRAY_TRY(const bool there, before.step());
  if (!there) return {};
  const std::int64_t id = before.integer(0);
  const bool news = before.integer(1) != 0;  // or what was to be brought has failed since it reported last
  const std::string type = before.text(2);
  const core::Attributes said = or_empty(string_map(before.text(3)));
  before.reset();
  core::Attributes reported = device.attributes;
  core::keep_said_type(said, reported);  // a gateway that took the place of another has not heard it yet
  in.answer.said_types = in.answer.said_types || core::differing_type(said, type) != core::differing_type(reported, type);
  auto& save = sql_(
      "UPDATE device SET seen_at=?3, boot_id=?4, running=?5, status=?6, reported=?7, fresh=CASE WHEN "
      "(running<>?5 "
      "OR reported<>?7) AND EXISTS(SELECT 1 FROM rollout WHERE late_joiners=1 AND state NOT IN ('finished', "
      "'aborted')) THEN 1 ELSE fresh END WHERE name=?1 AND site_id=?2 RETURNING fresh");
  save.bind(1, device.device.value()).bind(2, in.site_id);
  bind_time(save, 3, device.seen_at);
  save.bind(4, device.boot_id)
      .bind(5, doc(device.running))
      .bind(6, device.status)
      .bind(7, doc(reported));
  DRAY_TRY(const bool known, save.step());
  if (!known) return {};
  in.fresh = in.fresh || save.integer(0) != 0;
  DRAY_TRY([[maybe_unused]] const bool more, save.step());
  return news || device.said_since_end ? note_drift(id, device.running, report.at, Drifts::kReported) : Result<>{};
}

Result<> SqliteServerStore::apply_log(Ingestion& in, const wire::Report& report, const wire::LogReport& log) {
  const auto key = job_key(log.job.value());
  if (!key) return {};
  auto& find = sql_(
      "SELECT j.id FROM job j JOIN device d ON d.id=j.device_id WHERE j.rollout_id=?1 AND d.name=?2 AND "
      "d.site_id=?3");
  find.bind(1, key->rollout).bind(2, key->device).bind(3, in.site_id);
  DRAY_TRY(const bool there, find.step());
  if (!there) return {};
  const std::int64_t id = find.integer(0);
  find.reset();
  for (const std::string& line : wire::kept_lines(log.lines))
    DRAY_CHECK(sql_("INSERT INTO log_line(job_id, attempt, at, text) VALUES(?1, ?2, ?3, ?4)")
                   .bind(1, id)
                   .bind(2, log.attempt)
                   .bind(3, ms(report.at))
                   .bind(4, cut_text(line, wire::kLongestLine))
                   .run());
  in.logged.insert(id);
  return {};
}

}  // namespace dray::adapters
