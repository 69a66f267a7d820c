// The jobs of a rollout: made with it, and later for devices that join while it runs.
#include <algorithm>
#include <map>
#include <utility>

#include "adapters/sqlite/server_references.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_seen.h"
#include "adapters/sqlite/server_store.h"
#include "core/rollout/split.h"

namespace dray::adapters {

using namespace rows;

namespace {

constexpr std::int64_t kDevicesAtOnce = 5'000;  // of late joiners, a transaction

Result<std::vector<core::ReleaseArtifact>> artifacts_of_rollout(StatementCache& sql,
                                                                std::int64_t rollout_id) {
  auto& find = sql("SELECT l.id FROM rollout r LEFT JOIN release l ON l.id=r.release_id WHERE r.id=?1");
  find.bind(1, rollout_id);
  DRAY_TRY([[maybe_unused]] const bool there, find.step());
  std::vector<wire::Unreadable> notes;
  // Of no release nothing would fit anybody.
  const std::int64_t release_id = RowReader{"rollout", rows::rollout_id(rollout_id), notes}("release_id", whole(find, 0));
  find.reset();
  DRAY_CHECK(readable(notes));
  return release_artifacts(sql, release_id);
}

}  // namespace

// One assignment a site, one job a device; the devices of a type share their steps. A device that nothing
// fits gets a job that has ended as incompatible and is in nobody's plan.
class SqliteServerStore::JobMaker {
 public:
  struct OfType {
    std::int64_t id = 0;
    bool fits = false;
    std::string why_not;
  };

  static Result<JobMaker> of(SqliteServerStore& store, const RolloutRow& row,
                             const server::TypePlanner& planner) {
    DRAY_TRY(auto release, artifacts_of_rollout(store.sql_, row.id));
    const bool push = row.rollout.terms.delivery == core::Delivery::kPush;
    // Where the times are computed, each site has its own: transmit_due().
    const bool now = core::may_transmit(row.rollout) && !row.rollout.terms.computed;
    const char* fetch = !push ? "at_update_time" : now ? "now" : "hold";
    return JobMaker{store.sql_, planner, row.id, std::move(release), fetch, core::is_paused(row.rollout)};
  }

  // kCorrupt: the type can't be read. What a device takes is not known then: it gets no job.
  Result<const OfType*> type(const std::string& name) {
    auto [found, added] = types_.try_emplace(name);
    if (!added) return &found->second;
    static const std::string kType =
        "SELECT " + std::string{kTypeColumns} + " FROM device_type WHERE name=?1";
    auto& find = sql_(kType);
    find.bind(1, name);
    DRAY_TRY(const bool row, find.step());
    const wire::NewDeviceType type = row ? type_at(find, 0) : wire::NewDeviceType{};
    find.reset();
    if (auto known = readable(type.unreadable); !known) {
      types_.erase(found);
      return known.error();
    }
    server::TypePlan plan = planner_(type, release_);
    DRAY_CHECK(sql_("INSERT OR IGNORE INTO rollout_type(rollout_id, type, steps) VALUES(?1, ?2, ?3)")
                   .bind(1, rollout_id_)
                   .bind(2, name)
                   .bind(3, doc_steps(plan.steps))
                   .run());
    auto& id = sql_("SELECT id FROM rollout_type WHERE rollout_id=?1 AND type=?2");
    id.bind(1, rollout_id_).bind(2, name);
    DRAY_TRY([[maybe_unused]] const bool there, id.step());
    found->second = {id.integer(0), !plan.steps.empty(), std::move(plan.why_not)};
    id.reset();
    return &found->second;
  }

  Result<> add(std::int64_t device, std::int64_t site, const OfType& type, std::size_t phase) {
    DRAY_TRY(const std::int64_t assignment, assignment_of(site));
    return sql_(
               "INSERT INTO job(rollout_id, assignment_id, device_id, rollout_type_id, state, final, reason, "
               "sentence, phase) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
        .bind(1, rollout_id_)
        .bind(2, assignment)
        .bind(3, device)
        .bind(4, type.id)
        .bind(5, type.fits ? "scheduled" : "incompatible")
        .bind(6, type.fits ? 0 : 1)
        .bind(7, type.fits ? "" : "nothing_fits")
        .bind(8, type.why_not)
        .bind(9, static_cast<std::int64_t>(phase))
        .run();
  }

 private:
  JobMaker(StatementCache& sql, const server::TypePlanner& planner, std::int64_t rollout_id,
           std::vector<core::ReleaseArtifact> release, std::string fetch, bool held)
      : sql_{sql},
        planner_{planner},
        rollout_id_{rollout_id},
        release_{std::move(release)},
        fetch_{std::move(fetch)},
        held_{held} {}

  Result<std::int64_t> assignment_of(std::int64_t site) {
    auto [found, added] = assignments_.try_emplace(site);
    if (!added) return found->second;
    DRAY_CHECK(sql_("INSERT OR IGNORE INTO assignment(rollout_id, site_id, fetch, in_plan, held) "
                    "VALUES(?1, ?2, ?3, 0, ?4)")
                   .bind(1, rollout_id_)
                   .bind(2, site)
                   .bind(3, fetch_)
                   .bind(4, held_ ? 1 : 0)
                   .run());
    auto& id = sql_("SELECT id FROM assignment WHERE rollout_id=?1 AND site_id=?2");
    id.bind(1, rollout_id_).bind(2, site);
    DRAY_TRY([[maybe_unused]] const bool there, id.step());
    found->second = id.integer(0);
    id.reset();
    return found->second;
  }

  StatementCache& sql_;
  const server::TypePlanner& planner_;
  std::int64_t rollout_id_;
  std::vector<core::ReleaseArtifact> release_;
  std::string fetch_;
  bool held_;
  std::map<std::string, OfType> types_;
  std::map<std::int64_t, std::int64_t> assignments_;
};

Result<> SqliteServerStore::make_jobs(const RolloutRow& row, const wire::NewRollout& rollout,
                                      const core::Filter& filter, const server::TypePlanner& planner) {
  DRAY_TRY(JobMaker maker, JobMaker::of(*this, row, planner));
  const Phasing phasing{rollout};

  struct Member {
    std::int64_t device, site;
    const JobMaker::OfType* type;
  };
  std::vector<Member> members;
  std::vector<core::Candidate> candidates;
  static const std::string kAll = "SELECT " + std::string{kSeenColumns};
  auto& devices = sql_(kAll);
  for (;;) {
    DRAY_TRY(const bool more, devices.step());
    if (!more) break;
    const Seen device = seen_at(devices);
    if (!device.passes(filter)) continue;
    auto known = maker.type(device.type);
    if (!known && known.error().code() == ErrorCode::kCorrupt) continue;
    DRAY_TRY(const JobMaker::OfType* type, std::move(known));
    members.push_back({device.id, device.site_id, type});
    candidates.push_back(phasing.candidate(device, type->fits));
  }
  if (members.empty()) return Error{ErrorCode::kInvalid, "filter: no device passes it"};
  DRAY_TRY(const std::vector<std::size_t> phases, core::split(rollout.phases, candidates));
  std::map<std::pair<std::size_t, bool>, std::int64_t> counts;  // phase, fits -> devices
  for (std::size_t i = 0; i < members.size(); ++i) {
    DRAY_CHECK(maker.add(members[i].device, members[i].site, *members[i].type, phases[i]));
    ++counts[{phases[i], members[i].type->fits}];
  }
  for (const auto& [of, n] : counts)
    DRAY_CHECK(add_to_count(row.id, static_cast<std::int64_t>(of.first),
                            core::to_string(of.second ? core::JobState::kScheduled : core::JobState::kIncompatible), false, n));
  return sql_(
             "UPDATE device SET job_id=(SELECT j.id FROM job j WHERE j.rollout_id=?1 AND "
             "j.device_id=device.id) "
             "WHERE id IN (SELECT device_id FROM job WHERE rollout_id=?1)")
      .bind(1, row.id)
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
  DRAY_CHECK(sql_("UPDATE job SET state='incompatible', final=1, reason='nothing_fits', sentence=?2 WHERE id=?1")
                 .bind(1, job.id)
                 .bind(2, to->why_not)
                 .run());
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

Result<bool> SqliteServerStore::pick_up(const server::TypePlanner& planner, WallTime now, SiteIds& sites,
                                        std::vector<std::string>& failed) {
  auto& any = sql_("SELECT count(*) FROM (SELECT 1 FROM device WHERE fresh=1 LIMIT ?1)");
  any.bind(1, kDevicesAtOnce);
  DRAY_TRY([[maybe_unused]] const bool row, any.step());
  const std::int64_t devices = any.integer(0);
  any.reset();
  if (devices == 0) return false;
  std::vector<std::int64_t> rollouts;
  auto& find = sql_(
      "SELECT id FROM rollout WHERE late_joiners=1 AND state NOT IN ('finished', 'aborted') ORDER BY id");
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) break;
    rollouts.push_back(find.integer(0));
  }
  for (const std::int64_t id : rollouts) {
    // Where an artifact of its release can't be read, nobody joins it, and others go on.
    DRAY_TRY(const auto why, alone([&] { return pick_up_for(id, planner, now, sites); }));
    if (why) failed.push_back(rollout_id(id) + ": " + *why);
  }
  DRAY_CHECK(
      sql_("UPDATE device SET fresh=0 WHERE id IN (SELECT id FROM device WHERE fresh=1 ORDER BY id LIMIT "
           "?1)")
          .bind(1, kDevicesAtOnce)
          .run());
  return devices == kDevicesAtOnce;
}

// Late joiners go to the last phase: core/rollout/split.h says why.
Result<> SqliteServerStore::pick_up_for(std::int64_t id, const server::TypePlanner& planner, WallTime now,
                                        SiteIds& sites) {
  DRAY_TRY(RolloutRow row, rollout_row(id, sites));
  auto& text = sql_("SELECT filter FROM rollout WHERE id=?1");
  text.bind(1, id);
  DRAY_TRY([[maybe_unused]] const bool there, text.step());
  const core::Filter filter = filter_or_nobody(text.text(0));
  text.reset();
  static const std::string kFresh = "SELECT " + std::string{kSeenColumns} +
                                    "WHERE d.id IN (SELECT id FROM device WHERE fresh=1 ORDER BY id LIMIT "
                                    "?2) AND NOT EXISTS(SELECT 1 FROM job "
                                    "o WHERE o.rollout_id=?1 AND o.device_id=d.id)";
  std::vector<Seen> joining;
  auto& find = sql_(kFresh);
  find.bind(1, id).bind(2, kDevicesAtOnce);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) break;
    Seen device = seen_at(find);
    if (device.passes(filter)) joining.push_back(std::move(device));
  }
  if (joining.empty()) return {};
  DRAY_CHECK(readable(row.unreadable));  // which phase is the last, and whether it has begun
  DRAY_CHECK(check_owners(sql_, id));
  DRAY_TRY(JobMaker maker, JobMaker::of(*this, row, planner));
  const std::size_t last = row.rollout.phases.size() - 1;
  const bool released = row.rollout.released > last;
  for (const Seen& device : joining) {
    auto known = maker.type(device.type);
    if (!known && known.error().code() == ErrorCode::kCorrupt) continue;
    DRAY_TRY(const JobMaker::OfType* type, std::move(known));
    DRAY_CHECK(maker.add(device.id, device.site_id, *type, last));
    const std::int64_t job = db_.last_rowid();
    DRAY_CHECK(sql_("UPDATE device SET job_id=?2 WHERE id=?1").bind(1, device.id).bind(2, job).run());
    DRAY_CHECK(add_to_count(id, static_cast<std::int64_t>(last), type->fits ? "scheduled" : "incompatible",
                            false, 1));
    if (!type->fits || !released) continue;
    DRAY_CHECK(sql_("UPDATE assignment SET in_plan=1, plan_asked=plan_asked+1 WHERE rollout_id=?1 AND "
                    "site_id=?2")
                   .bind(1, id)
                   .bind(2, device.site_id)
                   .run());
    sites.insert(device.site_id);
  }
  DRAY_CHECK(load_counts(row));
  return take(row, core::JobsChanged{}, now, sites);
}

}  // namespace dray::adapters
