// Jobs that are made anew: those that are retried, and those of a device that was moved to another type.
#include <utility>

#include "adapters/sqlite/server_job_maker.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "base/text.h"
#include "wire/limits.h"

namespace dray::adapters {

using namespace rows;

namespace {

// Of job j: what "retry" means.
const std::string& failed_or_drifted() {
  static const std::string kThese = "(j.state IN " + states_that(core::is_failure) + " OR (j.state='" +
                                    std::string{core::to_string(core::JobState::kSucceeded)} + "' AND j.drifted_at IS NOT NULL))";
  return kThese;
}

// How these jobs stand, under the number of their try.
std::string keep_those(std::string_view which) {
  return "INSERT INTO job_past(job_id, generation, state, reason, sentence, attempt, late, cause_reason, cause) SELECT j.id, " +
         std::string{kGenerationOfJ} + ", j.state, j.reason, j.sentence, j.attempt, j.late, j.cause_reason, j.cause FROM job j WHERE " +
         std::string{which};
}

// The next try of jobs whose last one was kept, which nobody has heard of yet.
std::string make_anew(std::string_view which, std::string_view besides = "") {
  return "UPDATE job AS j SET generation=1+" + std::string{kPastOfJ} + ", state='" +
         std::string{core::to_string(core::JobState::kScheduled)} + "', final=0, reason='', sentence='', until=NULL, update_at=NULL, step=0, attempt=0, bytes=0, "
         "running='{}', late=0, cancel_id='', cancel_answer='', reported_at=NULL, withheld=0, cause_reason='', cause='', drifted_at=NULL, drifted='{}', installing_at=NULL" +
         std::string{besides} + " WHERE " + std::string{which};
}

// Of a try that its plan no longer holds, in its gateway's word.
constexpr std::string_view kSupersededReason = "superseded";

}  // namespace

// What has failed, or drifted, gets a new job under a new id: to its gateway the old one has ended, and stays so.
Result<> SqliteServerStore::retry_jobs(const RolloutRow& row, SiteIds& sites) {
  std::vector<std::int64_t> assignments;
  static const std::string kWhere = "SELECT DISTINCT a.id, a.site_id FROM job j JOIN assignment a ON a.id=j.assignment_id WHERE j.rollout_id=?1 AND "
                                    "j.phase < ?2 AND " + failed_or_drifted();
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
  static const std::string kKeep = keep_those("j.rollout_id=?1 AND " + failed_or_drifted());
  DRAY_CHECK(sql_(kKeep).bind(1, row.id).run());
  static const std::string kAnew =
      make_anew("j.rollout_id=?1 AND " + failed_or_drifted(), ", cancel_at=NULL, cancel_by='', cancel_why=''");
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
  std::string state, steps;
  bool again = false, waits = false, ended = false;  // waits: it is in no plan yet; ended: nothing fitted it
};

// Those that go on; and those that nothing fitted, of rollouts that do.
Result<std::vector<SqliteServerStore::OpenJob>> SqliteServerStore::open_jobs_of(std::int64_t device_id) {
  std::vector<OpenJob> out;
  static const std::string kFind =
      "SELECT j.id, j.rollout_id, " + std::string{kPhaseOfJ} + ", j.assignment_id, j.state, "
      "coalesce((SELECT t.steps FROM rollout_type t WHERE t.id=j.rollout_type_id), ''), j.attempt > 1, " + std::string{kPhaseOfJ} + " >= r.released, j.final<>0 FROM rollout r "
      "CROSS JOIN job j ON j.rollout_id=r.id AND j.device_id=?1 WHERE j.final=0 OR (j.state='" +
      std::string{core::to_string(core::JobState::kIncompatible)} + "' AND r.state NOT IN ('finished', 'aborted'))";
  auto& find = sql_(kFind);
  find.bind(1, device_id);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) return out;
    out.push_back({find.integer(0), find.integer(1), find.integer(2), find.integer(3), find.text(4), find.text(5), find.integer(6) != 0,
                   find.integer(7) != 0, find.integer(8) != 0});
  }
}

Result<> SqliteServerStore::match_anew(const OpenJob& job, const std::string& type, const server::TypePlanner& planner, WallTime now,
                                       SiteIds& sites) {
  DRAY_TRY(RolloutRow row, rollout_row(job.rollout_id, sites));
  DRAY_TRY(JobMaker maker, JobMaker::of(*this, row, planner));
  DRAY_TRY(const JobMaker::OfType* to, maker.type(type));
  if (job.ended && !to->fits) return {};
  DRAY_CHECK(sql_("UPDATE job SET rollout_type_id=?2 WHERE id=?1").bind(1, job.id).bind(2, to->id).run());
  DRAY_CHECK(sql_("UPDATE assignment SET plan_asked=plan_asked+1 WHERE id=?1").bind(1, job.assignment_id).run());
  if (job.ended && !job.waits)  // its site may have nothing else to do for it
    DRAY_CHECK(sql_("UPDATE assignment SET in_plan=1, held=?2 WHERE id=?1")
                   .bind(1, job.assignment_id)
                   .bind(2, core::is_paused(row.rollout) ? 1 : 0)
                   .run());
  // What nothing fits any more and is in a plan ends by its gateway's word.
  if (!job.ended && (to->fits ? job.waits || to->steps == job.steps : !job.waits)) return {};
  core::JobState state = core::JobState::kIncompatible;
  if (to->fits) {
    state = core::JobState::kScheduled;
    if (!job.ended) DRAY_CHECK(note_moved(job.id, type));
    DRAY_CHECK(begin_anew(job.id));
  } else {
    DRAY_CHECK(end_unfit(job.id, to->why_not));
  }
  DRAY_CHECK(add_to_count(job.rollout_id, job.phase, job.state, job.again, -1));
  DRAY_CHECK(add_to_count(job.rollout_id, job.phase, core::to_string(state), false, 1));
  DRAY_TRY([[maybe_unused]] const bool sooner, jobs_changed(job.rollout_id, false, now, sites));
  return {};
}

// Its gateway may know the job, and may even have ended it without having told yet: that one keeps its number, and how it
// ended. Without it in the plan it is dropped, or stopped where it has begun. A cancel that was asked for holds for the next.
Result<> SqliteServerStore::note_moved(std::int64_t job, const std::string& type) {
  return sql_("UPDATE job SET reason=?2, sentence=?3 WHERE id=?1")
      .bind(1, job)
      .bind(2, kSupersededReason)
      .bind(3, "The device was moved to type " + type + ".")
      .run();
}

Result<> SqliteServerStore::begin_anew(std::int64_t job) {
  static const std::string kKeep = keep_those("j.id=?1");
  DRAY_CHECK(sql_(kKeep).bind(1, job).run());
  static const std::string kAnew = make_anew("j.id=?1");
  return sql_(kAnew).bind(1, job).run();
}

// What the gateway says last of a try that was made anew before it had ended. Somebody at the site who cancelled it meant
// the update, not its number.
Result<bool> SqliteServerStore::apply_past(std::int64_t site_id, const wire::Report& report, const wire::JobReport& job) {
  const auto key = job_key(job.job.value());
  if (!key || !core::is_final(job.state)) return false;
  static const std::string kEnd =
      "UPDATE job_past SET state=?5, reason=?6, sentence=?7, attempt=?8, late=?9, cause_reason=?10, cause=?11 WHERE generation=?4 AND state IN " +
      states_that([](core::JobState state) { return !core::is_final(state); }) +
      " AND job_id=(SELECT j.id FROM job j JOIN device d ON d.id=j.device_id WHERE j.rollout_id=?1 AND d.name=?2 AND d.site_id=?3) "
      "RETURNING job_id";
  auto& end = sql_(kEnd);
  end.bind(1, key->rollout).bind(2, key->device).bind(3, site_id).bind(4, key->generation);
  end.bind(5, core::to_string(job.state)).bind(6, job.reason).bind(7, job.sentence).bind(8, job.attempt).bind(9, job.late ? 1 : 0);
  end.bind(10, job.cause ? job.cause->reason : "").bind(11, job.cause ? job.cause->sentence : "");
  DRAY_TRY(const bool there, end.step());
  if (!there) return false;
  const std::int64_t id = end.integer(0);
  DRAY_TRY([[maybe_unused]] const bool more, end.step());
  if (job.state != core::JobState::kCancelled || job.reason == kSupersededReason) return false;
  auto& cancel = sql_(
      "UPDATE job SET cancel_at=?2, cancel_why=?3 WHERE id=?1 AND final=0 AND cancel_at IS NULL AND generation=?4");
  cancel.bind(1, id).bind(2, ms(report.at)).bind(3, cut_text(job.sentence, wire::kLongestWhy)).bind(4, key->generation + 1);
  DRAY_CHECK(cancel.run());
  return db_.changes() > 0;
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
