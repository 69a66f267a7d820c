// Releases, rollouts and the plans that come out of them.
#include <map>
#include <set>
#include <utility>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"

namespace dray::adapters {

using namespace rows;
using server::Made;
using server::Once;
using server::SiteChange;
using server::SiteChanges;

namespace {

constexpr std::string_view kSitesInPlan = "SELECT site_id FROM assignment WHERE rollout_id=?1 AND in_plan=1";

Result<std::vector<core::ReleaseArtifact>> release_artifacts(StatementCache& sql, std::int64_t release_id) {
  std::vector<core::ReleaseArtifact> out;
  auto& find = sql(
      "SELECT a.sha256, b.size, b.sha1, b.md5, a.name, a.file, a.component, a.version, a.id, a.device_types "
      "FROM release_artifact r JOIN artifact a ON a.id=r.artifact_id JOIN blob b ON b.sha256=a.sha256 "
      "WHERE r.release_id=?1 ORDER BY r.position");
  find.bind(1, release_id);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    core::ReleaseArtifact entry;
    core::Artifact& a = entry.artifact;
    DRAY_TRY(a.sha256, Sha256::parse(find.text(0)));
    a.size = static_cast<std::uint64_t>(find.integer(1));
    a.sha1 = find.text(2);
    a.md5 = find.text(3);
    a.name = find.text(4);
    a.file = find.text(5);
    a.component = find.text(6);
    a.version = find.text(7);
    a.module_id = find.integer(8);
    entry.device_types = strings(find.text(9));
    out.push_back(std::move(entry));
  }
}

// Artifacts of a release may be for types that can't take it: said when the release is made.
Result<> check_types(StatementCache& sql, const std::vector<core::ReleaseArtifact>& release) {
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
  DRAY_CHECK(check_types(sql_, entries));
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
  auto& find = sql_("SELECT id FROM release WHERE name=?1 AND version=?2");
  find.bind(1, rollout.release_name).bind(2, rollout.release_version);
  DRAY_TRY(const bool there, find.step());
  if (!there)
    return Error{ErrorCode::kInvalid,
                 "release: no such release: '" + rollout.release_name + "/" + rollout.release_version + "'"};
  const std::int64_t release_id = find.integer(0);
  find.reset();

  const auto& terms = rollout.terms;
  const bool push = terms.delivery == core::Delivery::kPush;
  RolloutRow row{0, core::make_rollout(terms)};
  auto& insert = sql_(
      "INSERT INTO rollout(release_id, filter, delivery, transmit_at, update_at, expires_at, transfer, "
      "update_windows, retry_limit, "
      "priority, status_deferral, phase, phase_at, wake_at, created_at) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?13)");
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
  insert.bind(12, core::phase_name(row.rollout.phase)).bind(13, ms(now));
  bind_time(insert, 14, core::wake_at(row.rollout));
  DRAY_CHECK(insert.run());
  row.id = db_.last_rowid();

  DRAY_CHECK(make_jobs(row.id, rollout, release_id, filter, planner));
  DRAY_TRY(SiteChanges changed, bump_all(kSitesInPlan, row.id));
  DRAY_CHECK(jobs_changed(row.id, false, now));
  const std::string id = rollout_id(row.id);
  DRAY_CHECK(remember(once, id, now));
  DRAY_CHECK(transaction.commit());
  return Made{id, false, std::move(changed)};
}

// One assignment a site, one job a device that passes the filter; the devices of a type share their steps. A
// device that nothing fits gets a job that has ended as incompatible and is in nobody's plan.
Result<> SqliteServerStore::make_jobs(std::int64_t rollout_id, const wire::NewRollout& rollout,
                                      std::int64_t release_id, const core::Filter& filter,
                                      const server::TypePlanner& planner) {
  DRAY_TRY(const auto release, release_artifacts(sql_, release_id));
  struct OfType {
    std::int64_t id = 0;
    bool fits = false;
    std::string why_not;
  };
  struct OfSite {
    std::int64_t id = 0;
    bool in_plan = false;
  };
  std::map<std::string, OfType> types;
  std::map<std::int64_t, OfSite> sites;
  static const std::string kType = "SELECT " + std::string{kTypeColumns} + " FROM device_type WHERE name=?1";

  const auto type_of = [&](const std::string& name) -> Result<OfType*> {
    auto [found, added] = types.try_emplace(name);
    if (!added) return &found->second;
    auto& find = sql_(kType);
    find.bind(1, name);
    DRAY_TRY(const bool row, find.step());
    const wire::NewDeviceType type = row ? type_at(find, 0) : wire::NewDeviceType{};
    find.reset();
    const server::TypePlan plan = planner(type, release);
    DRAY_CHECK(sql_("INSERT INTO rollout_type(rollout_id, type, steps) VALUES(?1, ?2, ?3)")
                   .bind(1, rollout_id)
                   .bind(2, name)
                   .bind(3, doc_steps(plan.steps))
                   .run());
    found->second = {db_.last_rowid(), !plan.steps.empty(), plan.why_not};
    return &found->second;
  };
  const auto site_of = [&](std::int64_t id) -> Result<OfSite*> {
    auto [found, added] = sites.try_emplace(id);
    if (!added) return &found->second;
    const bool push = rollout.terms.delivery == core::Delivery::kPush;
    DRAY_CHECK(sql_("INSERT INTO assignment(rollout_id, site_id, fetch, in_plan) VALUES(?1, ?2, ?3, 0)")
                   .bind(1, rollout_id)
                   .bind(2, id)
                   .bind(3, push ? "hold" : "at_update_time")
                   .run());
    found->second.id = db_.last_rowid();
    return &found->second;
  };

  std::int64_t made = 0;
  auto& devices = sql_(
      "SELECT d.id, d.name, d.type, d.site_id, s.name, d.attributes, d.reported, d.running, j.state "
      "FROM device d JOIN site s ON s.id=d.site_id LEFT JOIN job j ON j.id=d.job_id");
  for (;;) {
    DRAY_TRY(const bool more, devices.step());
    if (!more) break;
    const std::string type_name = devices.text(2);
    core::Attributes attributes = string_map(devices.text(5));
    attributes.merge(string_map(devices.text(6)));  // the operator's word goes first
    const auto run = running(devices.text(7));
    const std::string name = devices.text(1), site_name = devices.text(4), state = devices.text(8);
    if (!core::passes(filter, [&](std::string_view field) {
          return device_field(field, name, site_name, type_name, state, attributes, run);
        }))
      continue;
    DRAY_TRY(OfType * type, type_of(type_name));
    DRAY_TRY(OfSite * site, site_of(devices.integer(3)));
    site->in_plan = site->in_plan || type->fits;
    DRAY_CHECK(sql_("INSERT INTO job(rollout_id, assignment_id, device_id, rollout_type_id, state, final, "
                    "reason, sentence) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
                   .bind(1, rollout_id)
                   .bind(2, site->id)
                   .bind(3, devices.integer(0))
                   .bind(4, type->id)
                   .bind(5, type->fits ? "scheduled" : "incompatible")
                   .bind(6, type->fits ? 0 : 1)
                   .bind(7, type->fits ? "" : "nothing_fits")
                   .bind(8, type->why_not)
                   .run());
    ++made;
  }
  if (made == 0) return Error{ErrorCode::kInvalid, "filter: no device passes it"};
  for (const auto& [id, site] : sites)
    if (site.in_plan) DRAY_CHECK(sql_("UPDATE assignment SET in_plan=1 WHERE id=?1").bind(1, site.id).run());
  return sql_(
             "UPDATE device SET job_id=(SELECT j.id FROM job j WHERE j.rollout_id=?1 AND "
             "j.device_id=device.id) "
             "WHERE id IN (SELECT device_id FROM job WHERE rollout_id=?1)")
      .bind(1, rollout_id)
      .run();
}

Result<SqliteServerStore::RolloutRow> SqliteServerStore::rollout_row(std::int64_t id) {
  static const std::string kFind = "SELECT " + std::string{kTermsColumns} + " FROM rollout WHERE id=?1";
  auto& find = sql_(kFind);
  find.bind(1, id);
  DRAY_TRY(const bool row, find.step());
  if (!row) return Error{ErrorCode::kNotFound, "no such rollout: '" + rollout_id(id) + "'"};
  RolloutRow out{id, rollout_at(find, 0)};
  find.reset();
  return out;
}

Result<> SqliteServerStore::save_phase(const RolloutRow& row, WallTime now) {
  auto& save =
      sql_("UPDATE rollout SET phase=?2, phase_at=?3, wake_at=?4, aborted_by=?5, aborted_why=?6 WHERE id=?1");
  save.bind(1, row.id).bind(2, core::phase_name(row.rollout.phase)).bind(3, ms(now));
  bind_time(save, 4, core::wake_at(row.rollout));
  const auto* aborted = std::get_if<core::RolloutAborted>(&row.rollout.phase);
  save.bind(5, aborted != nullptr ? aborted->by : "").bind(6, aborted != nullptr ? aborted->why : "");
  return save.run();
}

Result<> SqliteServerStore::jobs_changed(std::int64_t id, bool started, WallTime now) {
  DRAY_TRY(RolloutRow row, rollout_row(id));
  auto& open = sql_("SELECT EXISTS(SELECT 1 FROM job WHERE rollout_id=?1 AND final=0)");
  open.bind(1, id);
  DRAY_TRY([[maybe_unused]] const bool there, open.step());
  const std::int64_t some_open = open.integer(0);
  open.reset();
  const auto before = row.rollout.phase.index();
  row.rollout = core::advance(row.rollout, core::JobsChanged{some_open, started}, now).next;
  if (row.rollout.phase.index() == before) return {};
  return save_phase(row, now);
}

Result<SiteChanges> SqliteServerStore::abort_rollout(RolloutId rollout, const wire::Why& why, WallTime now) {
  const auto number = rollout_number(rollout.value());
  if (!number) return Error{ErrorCode::kNotFound, "no such rollout: '" + rollout.value() + "'"};
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(RolloutRow row, rollout_row(*number));
  if (core::is_over(row.rollout))
    return Error{ErrorCode::kConflict,
                 "the rollout is over: " + std::string{core::phase_name(row.rollout.phase)}};
  auto step = core::advance(row.rollout, core::AbortAsked{why.by, why.why}, now);
  row.rollout = step.next;
  DRAY_CHECK(save_phase(row, now));
  SiteChanges changed;
  for (const auto& action : step.actions) {
    if (!std::holds_alternative<core::CancelJobs>(action)) continue;
    DRAY_TRY(changed,
             bump_all("SELECT DISTINCT a.site_id FROM job j JOIN assignment a ON a.id=j.assignment_id "
                      "WHERE j.rollout_id=?1 AND j.final=0 AND j.cancel_at IS NULL",
                      *number));
    DRAY_CHECK(sql_("UPDATE job SET cancel_at=?2, cancel_by=?3, cancel_why=?4 WHERE rollout_id=?1 AND "
                    "final=0 AND cancel_at IS NULL")
                   .bind(1, *number)
                   .bind(2, ms(now))
                   .bind(3, why.by)
                   .bind(4, why.why)
                   .run());
  }
  DRAY_CHECK(transaction.commit());
  return changed;
}

Result<SiteChanges> SqliteServerStore::cancel_job(const JobId& job, const wire::Why& why, WallTime now) {
  const auto key = job_key(job.value());
  if (!key) return Error{ErrorCode::kNotFound, "no such job: '" + job.value() + "'"};
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  auto& find = sql_(
      "SELECT j.id, j.state, j.final, j.cancel_at IS NOT NULL, a.site_id FROM job j JOIN device d ON "
      "d.id=j.device_id "
      "JOIN assignment a ON a.id=j.assignment_id WHERE j.rollout_id=?1 AND d.name=?2");
  find.bind(1, key->first).bind(2, key->second);
  DRAY_TRY(const bool row, find.step());
  if (!row) return Error{ErrorCode::kNotFound, "no such job: '" + job.value() + "'"};
  const std::int64_t id = find.integer(0), site = find.integer(4);
  const std::string state = find.text(1);
  const bool ended = find.integer(2) != 0, asked = find.integer(3) != 0;
  find.reset();
  if (ended) return Error{ErrorCode::kConflict, "the job has ended: " + state};
  if (asked) return SiteChanges{};
  DRAY_CHECK(sql_("UPDATE job SET cancel_at=?2, cancel_by=?3, cancel_why=?4 WHERE id=?1")
                 .bind(1, id)
                 .bind(2, ms(now))
                 .bind(3, why.by)
                 .bind(4, why.why)
                 .run());
  DRAY_TRY(SiteChange change, bump(site));
  DRAY_CHECK(transaction.commit());
  return SiteChanges{std::move(change)};
}

Result<server::Store::Advanced> SqliteServerStore::pass_time(WallTime now) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  std::vector<std::int64_t> due;
  auto& find = sql_("SELECT id FROM rollout WHERE wake_at <= ?1");
  find.bind(1, ms(now));
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) break;
    due.push_back(find.integer(0));
  }
  Advanced out;
  for (const std::int64_t id : due) {
    DRAY_TRY(RolloutRow row, rollout_row(id));
    auto step = core::advance(row.rollout, core::TimePassed{}, now);
    row.rollout = step.next;
    DRAY_CHECK(save_phase(row, now));
    for (const auto& action : step.actions) {
      if (!std::holds_alternative<core::Transmit>(action)) continue;
      DRAY_CHECK(sql_("UPDATE assignment SET fetch='now' WHERE rollout_id=?1").bind(1, id).run());
      DRAY_TRY(SiteChanges changed, bump_all(kSitesInPlan, id));
      out.changed.insert(out.changed.end(), std::make_move_iterator(changed.begin()),
                         std::make_move_iterator(changed.end()));
    }
  }
  auto& next = sql_("SELECT min(wake_at) FROM rollout WHERE wake_at IS NOT NULL");
  DRAY_TRY([[maybe_unused]] const bool row, next.step());
  out.next = time_at(next, 0);
  next.reset();
  DRAY_CHECK(transaction.commit());
  return out;
}

}  // namespace dray::adapters
