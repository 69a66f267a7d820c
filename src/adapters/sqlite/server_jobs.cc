// The jobs of a rollout: made with it, and later for devices that join while it runs.
#include <algorithm>
#include <map>
#include <utility>

#include "adapters/sqlite/server_job_maker.h"
#include "adapters/sqlite/server_references.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_seen.h"
#include "adapters/sqlite/server_store.h"
#include "core/rollout/split.h"

namespace dray::adapters {

using namespace rows;

namespace {

constexpr std::int64_t kDevicesAtOnce = 5'000;  // of late joiners, a transaction

}  // namespace

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
    DRAY_CHECK(add_to_count(id, static_cast<std::int64_t>(last),
                            core::to_string(type->fits ? core::JobState::kScheduled : core::JobState::kIncompatible), false, 1));
    if (!type->fits || !released) continue;
    DRAY_CHECK(sql_("UPDATE assignment SET in_plan=1, plan_asked=plan_asked+1 WHERE rollout_id=?1 AND "
                    "site_id=?2")
                   .bind(1, id)
                   .bind(2, device.site_id)
                   .run());
    sites.insert(device.site_id);
  }
  DRAY_TRY([[maybe_unused]] const bool overtaken, end_overtaken(id));
  DRAY_CHECK(load_counts(row));
  return take(row, core::JobsChanged{}, now, sites);
}

}  // namespace dray::adapters
