// Jobs that are made anew: those that are retried, and those of a device that was moved to another type.
#include <utility>

#include "adapters/sqlite/server_job_maker.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"

namespace dray::adapters {

using namespace rows;

namespace {

// Of job j: what "retry" means.
constexpr std::string_view kFailedOrDrifted =
    "(j.state IN ('failed', 'rolled_back', 'expired') OR (j.state='succeeded' AND j.drifted_at IS NOT NULL))";

}  // namespace

// What has failed, or drifted, gets a new job under a new id: to its gateway the old one has ended, and stays so.
Result<> SqliteServerStore::retry_jobs(const RolloutRow& row, SiteIds& sites) {
  std::vector<std::int64_t> assignments;
  static const std::string kWhere = "SELECT DISTINCT a.id, a.site_id FROM job j JOIN assignment a ON a.id=j.assignment_id WHERE j.rollout_id=?1 AND "
                                    "j.phase < ?2 AND " + std::string{kFailedOrDrifted};
  auto& find = sql_(kWhere);
  find.bind(1, row.id);
  bind_number(find, 2, row.rollout.released);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) break;
    assignments.push_back(find.integer(0));
    sites.insert(find.integer(1));
  }
  for (const std::int64_t id : assignments)
    DRAY_CHECK(sql_("UPDATE assignment SET in_plan=1, held=?2, plan_asked=plan_asked+1 WHERE id=?1")
                   .bind(1, id)
                   .bind(2, core::is_paused(row.rollout) ? 1 : 0)
                   .run());
  static const std::string kKeep =
      "INSERT INTO job_past(job_id, generation, state, reason, sentence, attempt, late, cause_reason, cause) SELECT j.id, " +
      std::string{kGenerationOfJ} + ", j.state, j.reason, j.sentence, j.attempt, j.late, j.cause_reason, j.cause FROM job j WHERE j.rollout_id=?1 AND " + std::string{kFailedOrDrifted};
  DRAY_CHECK(sql_(kKeep).bind(1, row.id).run());
  static const std::string kAnew =
      "UPDATE job AS j SET generation=1+(SELECT max(generation) FROM job_past WHERE job_id=j.id), state='scheduled', final=0, reason='', sentence='', "
      "until=NULL, update_at=NULL, step=0, attempt=0, bytes=0, running='{}', late=0, cancel_id='', "
      "cancel_answer='', reported_at=NULL, cancel_at=NULL, cancel_by='', cancel_why='', withheld=0, cause_reason='', cause='', drifted_at=NULL, "
      "drifted='{}' WHERE j.rollout_id=?1 AND " + std::string{kFailedOrDrifted};
  DRAY_CHECK(sql_(kAnew).bind(1, row.id).run());
  return recount(row.id);
}

// Of those whose device was moved to another type after they had ended: what their release has for that type. No gateway
// has heard of them yet, so where that is nothing they end here.
Result<> SqliteServerStore::match_retried(RolloutRow& row, const server::TypePlanner& planner, WallTime now, SiteIds& sites) {
  std::vector<std::pair<std::int64_t, std::string>> moved;  // job, type
  auto& find = sql_(
      "SELECT j.id, d.type FROM job j JOIN device d ON d.id=j.device_id JOIN rollout_type t ON t.id=j.rollout_type_id WHERE "
      "j.rollout_id=?1 AND j.final=0 AND t.type<>d.type");
  find.bind(1, row.id);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) break;
    moved.emplace_back(find.integer(0), find.text(1));
  }
  if (moved.empty()) return {};
  const auto matched = [&]() -> Result<> {
    DRAY_TRY(JobMaker maker, JobMaker::of(*this, row, planner));
    for (const auto& [job, type] : moved) {
      DRAY_TRY(const JobMaker::OfType* to, maker.type(type));
      DRAY_CHECK(sql_("UPDATE job SET rollout_type_id=?2 WHERE id=?1").bind(1, job).bind(2, to->id).run());
      if (!to->fits) DRAY_CHECK(end_unfit(job, to->why_not));
    }
    return {};
  }();
  if (!matched && concerns_rows(matched.error()))
    return Error{ErrorCode::kConflict, "what fits devices that were moved to another type is not known: " + matched.error().message()};
  DRAY_CHECK(matched);
  DRAY_CHECK(recount(row.id));
  DRAY_CHECK(load_counts(row));
  return take(row, core::JobsChanged{}, now, sites);
}

Result<> SqliteServerStore::end_unfit(std::int64_t job, const std::string& why_not) {
  return sql_("UPDATE job SET state=?2, final=1, reason='nothing_fits', sentence=?3 WHERE id=?1")
      .bind(1, job)
      .bind(2, core::to_string(core::JobState::kIncompatible))
      .bind(3, why_not)
      .run();
}

struct SqliteServerStore::OpenJob {
  std::int64_t id = 0, rollout_id = 0, phase = 0, assignment_id = 0;
  std::string state;
  bool again = false, waits = false;  // waits: it is in no plan yet
};

Result<std::vector<SqliteServerStore::OpenJob>> SqliteServerStore::open_jobs_of(std::int64_t device_id) {
  std::vector<OpenJob> out;
  auto& find = sql_(
      "SELECT j.id, j.rollout_id, CASE typeof(j.phase) WHEN 'integer' THEN j.phase ELSE 0 END, j.assignment_id, j.state, j.attempt > 1, "
      "j.phase >= r.released FROM rollout r CROSS JOIN job j ON j.rollout_id=r.id AND j.device_id=?1 WHERE j.final=0");
  find.bind(1, device_id);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) return out;
    out.push_back({find.integer(0), find.integer(1), find.integer(2), find.integer(3), find.text(4), find.integer(5) != 0, find.integer(6) != 0});
  }
}

// What has begun at its gateway ends first, and then takes the new steps (docs/job.md, "artifact changed").
Result<> SqliteServerStore::match_anew(const OpenJob& job, const std::string& type, const server::TypePlanner& planner, WallTime now,
                                       SiteIds& sites) {
  DRAY_TRY(RolloutRow row, rollout_row(job.rollout_id, sites));
  DRAY_TRY(JobMaker maker, JobMaker::of(*this, row, planner));
  DRAY_TRY(const JobMaker::OfType* to, maker.type(type));
  DRAY_CHECK(sql_("UPDATE job SET rollout_type_id=?2 WHERE id=?1").bind(1, job.id).bind(2, to->id).run());
  DRAY_CHECK(sql_("UPDATE assignment SET plan_asked=plan_asked+1 WHERE id=?1").bind(1, job.assignment_id).run());
  if (to->fits || !job.waits) return {};  // what is in a plan ends by its gateway's word
  DRAY_CHECK(end_unfit(job.id, to->why_not));
  DRAY_CHECK(add_to_count(job.rollout_id, job.phase, job.state, job.again, -1));
  DRAY_CHECK(add_to_count(job.rollout_id, job.phase, "incompatible", false, 1));
  DRAY_TRY([[maybe_unused]] const bool sooner, jobs_changed(job.rollout_id, false, now, sites));
  return {};
}

Result<server::SiteChanges> SqliteServerStore::move_device(const std::string& device, const std::string& type,
                                                           const server::TypePlanner& planner, WallTime now) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  auto& find = sql_("SELECT id, site_id, type FROM device WHERE name=?1");
  find.bind(1, device);
  DRAY_TRY(const bool there, find.step());
  if (!there) return no_such("device", device);
  const std::int64_t id = find.integer(0), site = find.integer(1);
  const bool same = find.text(2) == type;
  find.reset();
  DRAY_TRY(const auto known, id_of("SELECT id FROM device_type WHERE name=?1", type));
  if (!known) return Error{ErrorCode::kInvalid, "type: no such device type: '" + type + "'"};
  if (same) return server::SiteChanges{};
  // As a device that is new: rollouts whose filter it passes by now may take it.
  DRAY_CHECK(sql_("UPDATE device SET type=?2, fresh=EXISTS(SELECT 1 FROM rollout WHERE late_joiners=1 AND state NOT IN "
                  "('finished', 'aborted')) WHERE id=?1")
                 .bind(1, id)
                 .bind(2, type)
                 .run());
  SiteIds sites{site};
  DRAY_TRY(const std::vector<OpenJob> open, open_jobs_of(id));
  for (const OpenJob& job : open) {
    const auto done = match_anew(job, type, planner, now, sites);
    if (!done && concerns_rows(done.error()))
      return Error{ErrorCode::kConflict, "its job in rollout " + rollout_id(job.rollout_id) + " can't be moved: " + done.error().message()};
    DRAY_CHECK(done);
  }
  DRAY_TRY(server::SiteChanges changed, bump_each(sites));
  DRAY_CHECK(transaction.commit());
  return changed;
}

}  // namespace dray::adapters
