// Releases, rollouts and the plans that come out of them.
#include <map>
#include <set>
#include <utility>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "base/mutant.h"

namespace dray::adapters {

using namespace rows;
using server::Made;
using server::Once;
using server::SiteChange;
using server::SiteChanges;

namespace {

// Artifacts of a release may be for types that can't take it: said when the release is made.
Result<> check_types_of_release(StatementCache& sql, const std::vector<core::ReleaseArtifact>& release) {
  std::set<std::string> names;
  for (const auto& entry : release) names.insert(entry.device_types.begin(), entry.device_types.end());
  static const std::string kFind = "SELECT " + std::string{kTypeColumns} + " FROM device_type WHERE name=?1";
  for (const std::string& name : names) {
    auto& find = sql(kFind);
    find.bind(1, name);
    DRAY_TRY(const bool row, find.step());
    if (!row) continue;
    const wire::NewDeviceType type = type_at(find, 0);
    find.reset();
    DRAY_CHECK(readable(type.unreadable));
    if (const auto why = core::refuses(type.type, type.client, release))
      return Error{ErrorCode::kInvalid, "artifacts: " + *why};
  }
  return {};
}

}  // namespace

Result<Made> SqliteServerStore::add_release(const wire::NewRelease& release, WallTime now,
                                            const std::optional<Once>& once) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(auto before, done_before(once));
  if (before) return *before;
  const std::string name = release.name + "/" + release.version;
  auto& same = sql_("SELECT 1 FROM release WHERE name=?1 AND version=?2");
  same.bind(1, release.name).bind(2, release.version);
  DRAY_TRY(const bool there, same.step());
  same.reset();
  if (there) return Error{ErrorCode::kConflict, "there is a release '" + name + "' already"};
  DRAY_CHECK(sql_("INSERT INTO release(name, version, created_at) VALUES(?1, ?2, ?3)")
                 .bind(1, release.name)
                 .bind(2, release.version)
                 .bind(3, ms(now))
                 .run());
  const std::int64_t id = db_.last_rowid();
  for (std::size_t i = 0; i < release.artifacts.size(); ++i) {
    DRAY_TRY(const auto artifact,
             id_of("SELECT id FROM artifact WHERE sha256=?1", release.artifacts[i].hex()));
    if (!artifact)
      return Error{ErrorCode::kInvalid, "artifacts[" + std::to_string(i) + "]: no such artifact: '" +
                                            release.artifacts[i].hex() + "'"};
    DRAY_CHECK(sql_("INSERT INTO release_artifact(release_id, position, artifact_id) VALUES(?1, ?2, ?3)")
                   .bind(1, id)
                   .bind(2, static_cast<std::int64_t>(i))
                   .bind(3, *artifact)
                   .run());
  }
  DRAY_TRY(const auto entries, release_artifacts(sql_, id));
  DRAY_CHECK(check_types_of_release(sql_, entries));
  DRAY_CHECK(remember(once, name, now));
  DRAY_CHECK(transaction.commit());
  return Made{name, false, {}};
}

Result<Made> SqliteServerStore::add_rollout(const wire::NewRollout& rollout, const core::Filter& filter,
                                            const server::TypePlanner& planner, WallTime now,
                                            const std::optional<Once>& once) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(auto before, done_before(once));
  if (before) return *before;
  DRAY_TRY(const std::int64_t release_id, release_of(sql_, rollout));

  const auto& terms = rollout.terms;
  const bool push = terms.delivery == core::Delivery::kPush;
  core::RolloutStep made = core::make_rollout(terms, rollout.phases, now);
  auto& insert = sql_(
      "INSERT INTO rollout(release_id, filter, delivery, transmit_at, update_at, expires_at, transfer, "
      "update_windows, retry_limit, priority, status_deferral, state, state_at, created_at, released, "
      "phases, "
      "late_joiners, computed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, 0, ?14, "
      "?15, ?16)");
  insert.bind(1, release_id).bind(2, rollout.filter).bind(3, push ? "push" : "pull");
  bind_time(insert, 4, terms.transmit_at);
  insert.bind(5, ms(terms.update_at))
      .bind(6, ms(terms.expires_at))
      .bind(7, doc(rollout.transfer))
      .bind(8, doc(rollout.update));
  if (rollout.retry.limit)
    insert.bind(9, *rollout.retry.limit);
  else
    insert.bind_null(9);
  insert.bind(10, rollout.priority).bind(11, rollout.status_deferral.count());
  insert.bind(12, core::state_name(made.next.state)).bind(13, ms(now));
  insert.bind(14, static_cast<std::int64_t>(rollout.phases.size())).bind(15, rollout.late_joiners ? 1 : 0);
  insert.bind(16, terms.computed ? 1 : 0);
  DRAY_CHECK(insert.run());
  RolloutRow row{db_.last_rowid(), made.next, {}, {}};
  DRAY_CHECK(add_phases(row.id, rollout.phases));
  row.rollout.released = 0;  // nothing is in a plan before save_and_act() brings it there

  SiteIds sites;
  DRAY_CHECK(make_jobs(row, rollout, filter, planner));
  DRAY_CHECK(save_and_act(row, std::move(made), now, sites));
  DRAY_CHECK(take(row, core::JobsChanged{}, now, sites));
  DRAY_TRY(SiteChanges changed, bump_each(sites));
  const std::string id = rollout_id(row.id);
  DRAY_CHECK(remember(once, id, now));
  DRAY_CHECK(transaction.commit());
  return Made{id, false, std::move(changed)};
}

namespace {

// An update that was begun anew has another number: whoever asks may not have seen that yet, so nothing is cancelled.
Error no_such_try(StatementCache& sql, const JobId& job, const JobKey& key) {
  static const std::string kFind = "SELECT " + std::string{kGenerationOfJ} +
                                   " FROM job j JOIN device d ON d.id=j.device_id WHERE j.rollout_id=?1 AND d.name=?2";
  auto& find = sql(kFind);
  find.bind(1, key.rollout).bind(2, key.device);
  const auto there = find.step();
  const std::int64_t now = there && *there ? find.integer(0) : 0;
  find.reset();
  if (!there) return there.error();
  if (now <= key.generation) return Error{ErrorCode::kNotFound, "no such job: '" + job.value() + "'"};
  return Error{ErrorCode::kConflict, "'" + job.value() + "' has ended; the update of this device was begun anew as '" +
                                         job_id(key.rollout, now, key.device).value() + "'"};
}

}  // namespace

Result<SiteChanges> SqliteServerStore::cancel_job(const JobId& job, const wire::Why& why, WallTime now) {
  const auto key = job_key(job.value());
  if (!key) return Error{ErrorCode::kNotFound, "no such job: '" + job.value() + "'"};
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  static const std::string kFind =
      "SELECT j.id, j.state, j.final, " + is_time("j.cancel_at") + ", a.site_id, " + std::string{kPhaseOfJ} + ", "
      + std::string{kPhaseOfJ} + " >= r.released FROM job j JOIN device d ON d.id=j.device_id JOIN assignment a ON a.id=j.assignment_id JOIN rollout r ON "
      "r.id=j.rollout_id WHERE j.rollout_id=?1 AND d.name=?2 AND " + std::string{kGenerationOfJ} + "=?3";
  auto& find = sql_(kFind);
  find.bind(1, key->rollout).bind(2, key->device).bind(3, key->generation);
  DRAY_TRY(const bool there, find.step());
  if (!there) return no_such_try(sql_, job, *key);
  const std::int64_t id = find.integer(0), site = find.integer(4), phase = find.integer(5);
  const std::string state = find.text(1);
  const bool ended = find.integer(2) != 0, asked = find.integer(3) != 0, waits = find.integer(6) != 0;
  find.reset();
  if (ended) return Error{ErrorCode::kConflict, "the job has ended: " + state};
  if (asked) return SiteChanges{};
  DRAY_CHECK(sql_("UPDATE job SET cancel_at=?2, cancel_by=?3, cancel_why=?4 WHERE id=?1")
                 .bind(1, id)
                 .bind(2, ms(now))
                 .bind(3, why.by)
                 .bind(4, why.why)
                 .run());
  SiteIds sites;
  if (waits) {  // in no plan yet: it ends by the server's word
    DRAY_CHECK(sql_("UPDATE job SET state='cancelled', final=1, reason='cancelled', sentence=?2, withheld=1 "
                    "WHERE id=?1")
                   .bind(1, id)
                   .bind(2, "Cancelled before the phase of this device began.")
                   .run());
    DRAY_CHECK(add_to_count(key->rollout, phase, state, false, -1));
    DRAY_CHECK(add_to_count(key->rollout, phase, core::to_string(core::JobState::kCancelled), false, 1));
    DRAY_CHECK(jobs_changed(key->rollout, false, now, sites));
  } else {
    sites.insert(site);
  }
  DRAY_TRY(SiteChanges changed, bump_each(sites));
  if (DRAY_MUTANT("cancel_not_saved")) return SiteChanges{};
  DRAY_CHECK(transaction.commit());
  return changed;
}

}  // namespace dray::adapters
