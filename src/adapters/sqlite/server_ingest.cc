// Reports into the tables: all batches that are waiting in one transaction.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "adapters/sqlite/server_rates.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_times.h"

namespace dray::adapters {

using namespace rows;
using server::Ingested;
using server::ReportBatch;

namespace {

constexpr std::int64_t kLogLinesKept = 500;  // a job
constexpr std::size_t kLongestLine = 4096;
constexpr std::chrono::seconds kLeaseTravels{60};  // before that, a gateway may not have it yet
constexpr std::int64_t kInstallsKept = 50;  // a device type

enum Resync : std::int64_t { kNone = 0, kAsked = 1, kTold = 2 };

// "waiting": nothing has happened yet that makes a rollout run.
bool has_begun(std::string_view state) { return state != "idle" && state != "scheduled"; }

// The device has all bytes of a step, and has not ended it.
bool installs(std::string_view state) {
  return state == "downloaded" || state == "installing" || state == "rebooting" || state == "verifying";
}

// From the last byte to the end, as the gateway saw it: what the planner learns of a type.
Result<> learn_install(StatementCache& sql, std::int64_t job, const std::string& type,
                       std::optional<WallTime> since, std::string_view before, std::string_view after,
                       WallTime at) {
  if (installs(after) && !(since && installs(before)))
    return sql("UPDATE job SET installing_at=?2 WHERE id=?1").bind(1, job).bind(2, ms(at)).run();
  if (after != "succeeded" || before == after || !since || at < *since) return {};
  DRAY_CHECK(sql("INSERT INTO install_time(type, took) VALUES(?1, ?2)").bind(1, type).bind(2, (at - *since).count()).run());
  return sql(
             "DELETE FROM install_time WHERE type=?1 AND id <= (SELECT id FROM install_time WHERE type=?1 ORDER "
             "BY id DESC LIMIT 1 OFFSET ?2)")
      .bind(1, type)
      .bind(2, kInstallsKept)
      .run();
}

}  // namespace

struct SqliteServerStore::Ingestion {
  const ReportBatch& batch;
  std::int64_t site_id = 0;
  core::ReportsSeen seen;
  std::int64_t action_epoch = 0, attempts = 0, attempts_before = 0;
  bool waits_for_ids = false;  // a job does
  std::int64_t resync = kNone;
  core::ReportsSeen resync_told;
  std::map<std::int64_t, bool> rollouts{};  // those with changed jobs -> one has begun
  std::map<std::tuple<std::int64_t, std::int64_t, std::string, bool>, std::int64_t>
      counts{};                     // rollout, phase, state, tried again -> how many more
  bool planning = false;            // what times are computed from has changed
  bool fresh = false;               // a device may pass a running rollout's filter now
  std::set<std::int64_t> logged{};  // jobs with new log lines
  std::set<std::pair<std::string, std::string>> measured{};  // links and devices with new rates
};

Result<server::Store::IngestedAll> SqliteServerStore::ingest(const std::vector<const ReportBatch*>& batches) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  IngestedAll out;
  SiteIds sites;
  for (const ReportBatch* batch : batches) {
    DRAY_TRY(Ingested one, ingest_one(*batch, sites, out));
    out.answers.push_back(one);
  }
  DRAY_TRY(out.changed, bump_each(sites));
  DRAY_CHECK(transaction.commit());
  return out;
}

Result<Ingested> SqliteServerStore::ingest_one(const ReportBatch& batch, SiteIds& sites, IngestedAll& all) {
  auto& find = sql_(
      "SELECT id, seen_epoch, seen_seq, action_epoch, attempts, resync, resync_epoch, resync_seq FROM site "
      "WHERE name=?1");
  find.bind(1, batch.site);
  DRAY_TRY(const bool there, find.step());
  if (!there) return Error{ErrorCode::kInternal, "reports of a site that is gone"};
  Ingestion in{.batch = batch,
               .site_id = find.integer(0),
               .seen = {find.integer(1), find.integer(2)},
               .action_epoch = find.integer(3),
               .attempts = find.integer(4),
               .attempts_before = find.integer(4),
               .resync = find.integer(5),
               .resync_told = {find.integer(6), find.integer(7)}};
  find.reset();

  // In order whatever the sender did: the last one of a subject wins, doubled and late ones do no harm.
  std::vector<const wire::Report*> ordered;
  for (const auto& report : batch.reports) ordered.push_back(&report);
  const auto place = [](const wire::Report* r) { return core::ReportsSeen{r->epoch, r->seq}; };
  std::stable_sort(ordered.begin(), ordered.end(), [&](auto* a, auto* b) { return place(a) < place(b); });

  // A gateway in an epoch that is over was restored from an older state: it is told how far we are and starts
  // anew.
  const bool stale = !ordered.empty() && ordered.back()->epoch < in.seen.epoch;
  // Told, and it goes on behind what we acknowledged then: the answer arrived.
  if (in.resync == kTold && !ordered.empty() && in.resync_told < place(ordered.front())) in.resync = kNone;

  for (const wire::Report* report : ordered) {
    if (place(report) <= in.seen) continue;
    DRAY_CHECK(apply(in, *report));
    in.seen = place(report);
  }
  DRAY_TRY(const bool leased, follow_epoch(in));
  if (in.resync == kAsked) {
    in.resync = kTold;
    in.resync_told = in.seen;
  }
  DRAY_CHECK(sql_("UPDATE site SET seen_epoch=?2, seen_seq=?3, action_epoch=?4, attempts=?5, resync=?6, "
                  "resync_epoch=?7, "
                  "resync_seq=?8, contact_at=max(ifnull(contact_at, ?9), ?9) WHERE id=?1")
                 .bind(1, in.site_id)
                 .bind(2, in.seen.epoch)
                 .bind(3, in.seen.seq)
                 .bind(4, in.action_epoch)
                 .bind(5, in.attempts)
                 .bind(6, in.resync)
                 .bind(7, in.resync_told.epoch)
                 .bind(8, in.resync_told.seq)
                 .bind(9, ms(batch.at))
                 .run());
  for (const auto& [link, device] : in.measured)
    DRAY_CHECK(link_rates::summarize(sql_, in.site_id, link, device, batch.at));
  for (const std::int64_t job : in.logged)
    DRAY_CHECK(sql_("DELETE FROM log_line WHERE job_id=?1 AND id <= (SELECT id FROM log_line WHERE job_id=?1 "
                    "ORDER BY id DESC "
                    "LIMIT 1 OFFSET ?2)")
                   .bind(1, job)
                   .bind(2, kLogLinesKept)
                   .run());
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
    DRAY_TRY(const bool earlier, jobs_changed(rollout, begun, batch.at, sites));
    all.timetable = all.timetable || earlier;
  }
  if (leased) sites.insert(in.site_id);
  return Ingested{in.seen, stale || in.resync == kTold};
}

// True: the site got a new block of action ids. The first epoch ever takes the block made with the site;
// every later one gets a block that no earlier epoch held; and each gets another long before its last one
// ends. A gateway that waits for ids all the same knows of blocks that we do not: we were restored.
Result<bool> SqliteServerStore::follow_epoch(Ingestion& in) {
  bool leased = false;
  if (in.seen.epoch > in.action_epoch) {
    const bool first = in.action_epoch == 0;
    in.action_epoch = in.seen.epoch;
    in.attempts -= in.attempts_before;
    if (first) {
      DRAY_CHECK(sql_("UPDATE action_block SET epoch=?2 WHERE site_id=?1 AND epoch=0")
                     .bind(1, in.site_id)
                     .bind(2, in.seen.epoch)
                     .run());
    } else {
      DRAY_TRY(leased, lease_actions(in.site_id, in.action_epoch, in.batch.at));
    }
  }
  auto& sum =
      sql_("SELECT sum(last - first + 1), max(leased_at) FROM action_block WHERE site_id=?1 AND epoch=?2");
  sum.bind(1, in.site_id).bind(2, in.action_epoch);
  DRAY_TRY([[maybe_unused]] const bool row, sum.step());
  const std::int64_t ids = sum.integer(0);
  const WallTime leased_at = wall(sum.integer(1));
  sum.reset();
  const bool waits = in.waits_for_ids && in.batch.at - leased_at > kLeaseTravels;
  if (in.attempts <= ids / 2 && !waits) return leased;
  DRAY_TRY(const bool more, lease_actions(in.site_id, in.action_epoch, in.batch.at));
  return leased || more;
}

Result<> SqliteServerStore::apply(Ingestion& in, const wire::Report& report) {
  if (const auto* job = std::get_if<wire::JobReport>(&report.body)) return apply_job(in, report, *job);
  if (const auto* device = std::get_if<wire::DeviceReport>(&report.body)) return apply_device(in, *device);
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
  if (const auto* deferral = std::get_if<wire::DeferralReport>(&report.body)) {
    const core::Deferral& d = deferral->deferral;
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
        .bind(8, deferral->withdrawn ? 1 : 0)
        .run();
  }
  if (const auto* seen = std::get_if<wire::RegisteredReport>(&report.body))
    return sql_(
               "INSERT INTO registered(site_id, name, attributes, at) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS("
               "SELECT 1 FROM device WHERE name=?2 AND site_id=?1) ON CONFLICT(site_id, name) DO UPDATE SET "
               "attributes=?3, at=?4")
        .bind(1, in.site_id)
        .bind(2, seen->device.value())
        .bind(3, doc(seen->attributes))
        .bind(4, ms(report.at))
        .run();
  return {};  // a kind of a newer gateway
}

Result<> SqliteServerStore::apply_job(Ingestion& in, const wire::Report& report, const wire::JobReport& job) {
  in.waits_for_ids = in.waits_for_ids || job.reason == "waiting_action_ids";
  const auto key = job_key(job.job.value());
  if (!key) return {};
  static const std::string kFind =
      "SELECT j.id, j.phase, j.phase >= r.released, j.cancel_at IS NOT NULL, j.installing_at, d.type, " +
      std::string{kResultColumns} +
      " FROM job j JOIN device d ON d.id=j.device_id JOIN rollout r ON r.id=j.rollout_id "
      "WHERE j.rollout_id=?1 AND d.name=?2 AND d.site_id=?3 AND j.generation=?4";
  auto& find = sql_(kFind);
  find.bind(1, key->rollout).bind(2, key->device).bind(3, in.site_id).bind(4, key->generation);
  DRAY_TRY(const bool there, find.step());
  // Of a rollout that this server no longer knows, or of a try that has ended and was followed by another
  // one.
  if (!there) return {};
  const std::int64_t id = find.integer(0), phase = find.integer(1);
  const bool in_no_plan = find.integer(2) != 0;
  const bool cancel_asked = find.integer(3) != 0;
  const auto installing_at = time_at(find, 4);
  const std::string type = find.text(5);
  const core::JobResult have = result_at(find, 6);
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
                           .late = job.late};
  if (job.cancel) {
    reported.cancel_id = job.cancel->id;
    reported.cancel_answer = job.cancel->answer;
  }
  // Ids that the gateway has used, about: one for every attempt that we hear of.
  in.attempts += job.step > have.step ? job.attempt : std::max<std::int64_t>(0, job.attempt - have.attempt);

  const core::JobResult next = core::with_answer(core::merge(have, reported), cancel_asked);
  const bool final = core::is_final(next.state);
  auto& save = sql_(
      "UPDATE job SET state=?2, final=?3, reason=?4, sentence=?5, until=?6, update_at=?7, step=?8, "
      "attempt=?9, bytes=?10, "
      "running=?11, late=?12, cancel_id=?13, cancel_answer=?14, reported_at=?15, withheld=max(withheld, ?16) "
      "WHERE "
      "id=?1");
  save.bind(1, id).bind(2, next.state).bind(3, final ? 1 : 0).bind(4, next.reason).bind(5, next.sentence);
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
  DRAY_CHECK(save.run());
  DRAY_CHECK(learn_install(sql_, id, type, installing_at, have.state, next.state, report.at));
  const bool again = core::is_tried_again(next.state, next.attempt);
  const bool was_again = core::is_tried_again(have.state, have.attempt);
  if (next.state == have.state && again == was_again) return {};
  --in.counts[{key->rollout, phase, have.state, was_again}];
  ++in.counts[{key->rollout, phase, next.state, again}];
  in.rollouts[key->rollout] = in.rollouts[key->rollout] || has_begun(next.state);
  return {};
}

Result<> SqliteServerStore::apply_device(Ingestion& in, const wire::DeviceReport& device) {
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
      .bind(7, doc(device.attributes));
  DRAY_TRY(const bool known, save.step());
  if (!known) return {};
  in.fresh = in.fresh || save.integer(0) != 0;
  DRAY_TRY([[maybe_unused]] const bool more, save.step());
  return {};
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
  for (const std::string& line : log.lines)
    DRAY_CHECK(sql_("INSERT INTO log_line(job_id, attempt, at, text) VALUES(?1, ?2, ?3, ?4)")
                   .bind(1, id)
                   .bind(2, log.attempt)
                   .bind(3, ms(report.at))
                   .bind(4, std::string_view{line}.substr(0, kLongestLine))
                   .run());
  in.logged.insert(id);
  return {};
}

}  // namespace dray::adapters
