#include "adapters/sqlite/server_job_maker.h"

#include <utility>

#include "adapters/sqlite/server_rows.h"

namespace dray::adapters {

using namespace rows;

namespace {

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

Result<SqliteServerStore::JobMaker> SqliteServerStore::JobMaker::of(SqliteServerStore& store, const RolloutRow& row,
                                                                    const server::TypePlanner& planner) {
  DRAY_TRY(auto release, artifacts_of_rollout(store.sql_, row.id));
  const bool push = row.rollout.terms.delivery == core::Delivery::kPush;
  // Where the times are computed, each site has its own: transmit_due().
  const bool now = core::may_transmit(row.rollout) && !row.rollout.terms.computed;
  const char* fetch = !push ? "at_update_time" : now ? "now" : "hold";
  return JobMaker{store.sql_, planner, row.id, std::move(release), fetch, core::is_paused(row.rollout)};
}

Result<const SqliteServerStore::JobMaker::OfType*> SqliteServerStore::JobMaker::type(const std::string& name) {
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
  auto& id = sql_("SELECT id, steps FROM rollout_type WHERE rollout_id=?1 AND type=?2");
  id.bind(1, rollout_id_).bind(2, name);
  DRAY_TRY([[maybe_unused]] const bool there, id.step());
  found->second = {id.integer(0), !plan.steps.empty(), std::move(plan.why_not), id.text(1)};
  id.reset();
  return &found->second;
}

Result<> SqliteServerStore::JobMaker::add(std::int64_t device, std::int64_t site, const OfType& type, std::size_t phase) {
  DRAY_TRY(const std::int64_t assignment, assignment_of(site));
  return sql_(
             "INSERT INTO job(rollout_id, assignment_id, device_id, rollout_type_id, state, final, reason, "
             "sentence, phase) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
      .bind(1, rollout_id_)
      .bind(2, assignment)
      .bind(3, device)
      .bind(4, type.id)
      .bind(5, core::to_string(type.fits ? core::JobState::kScheduled : core::JobState::kIncompatible))
      .bind(6, type.fits ? 0 : 1)
      .bind(7, type.fits ? "" : "nothing_fits")
      .bind(8, type.why_not)
      .bind(9, static_cast<std::int64_t>(phase))
      .run();
}

Result<std::int64_t> SqliteServerStore::JobMaker::assignment_of(std::int64_t site) {
  auto [found, added] = assignments_.try_emplace(site);
  if (!added) return found->second;
  DRAY_CHECK(sql_("INSERT OR IGNORE INTO assignment(rollout_id, site_id, fetch, in_plan, held) "
                  "VALUES(?1, ?2, ?3, 0, ?4)")
                 .bind(1, rollout_id_)
                 .bind(2, site)
                 .bind(3, fetch_)
                 .bind(4, paused_ ? 1 : 0)
                 .run());
  auto& id = sql_("SELECT id FROM assignment WHERE rollout_id=?1 AND site_id=?2");
  id.bind(1, rollout_id_).bind(2, site);
  DRAY_TRY([[maybe_unused]] const bool there, id.step());
  found->second = id.integer(0);
  id.reset();
  return found->second;
}

}  // namespace dray::adapters
