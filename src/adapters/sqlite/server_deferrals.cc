// Deferrals that are asked for at the server: into the plan of their site, until they are withdrawn.
#include <algorithm>
#include <charconv>
#include <map>

#include "adapters/sqlite/server_references.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_times.h"
#include "core/schedule/deferral.h"

namespace dray::adapters {

using namespace rows;
using server::SiteChange;
using server::SiteChanges;

namespace {

// "d5" -> 5
std::optional<std::int64_t> deferral_number(std::string_view id) {
  std::int64_t out = 0;
  if (!id.starts_with('d')) return {};
  const char* end = id.data() + id.size();
  const auto [at, error] = std::from_chars(id.data() + 1, end, out);
  if (error != std::errc{} || at != end || out <= 0) return {};
  return out;
}

std::uint64_t size_of(StatementCache& sql, const Sha256& sha) {
  auto& find = sql("SELECT size FROM blob WHERE sha256=?1");
  find.bind(1, sha.hex());
  const auto row = find.step();
  const std::uint64_t size = row && *row ? or_empty(size_at(find, 0)) : 0;
  find.reset();
  return size;
}

// One rollout's share of what is deferred. `missing` holds all of its artifacts before those are left out that are there.
using Shares = std::map<std::int64_t, core::DeferredShare>;

}  // namespace

// The open jobs that it means, by rollout: what is left of each is what time is needed for.
Result<SqliteServerStore::Deferrable> SqliteServerStore::deferrable(std::int64_t site_id,
                                                                    const std::string& device,
                                                                    std::optional<std::int64_t> rollout) {
  Shares shares;
  Deferrable out;
  auto& find = sql_(
      "SELECT r.id, r.expires_at, CASE WHEN a.planned_at IS NULL THEN '' ELSE a.update_windows END, t.steps, "
      "r.update_windows FROM job j JOIN rollout r ON r.id=j.rollout_id JOIN assignment a ON "
      "a.id=j.assignment_id JOIN device d ON "
      "d.id=j.device_id JOIN rollout_type t ON t.id=j.rollout_type_id WHERE d.site_id=?1 AND j.final=0 AND "
      "(?2='' OR d.name=?2) AND "
      "(?3=0 OR r.id=?3)");
  find.bind(1, site_id).bind(2, device).bind(3, rollout.value_or(0));
  std::vector<std::pair<std::int64_t, std::vector<core::Step>>> jobs;
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) break;
    core::DeferredShare& share = shares[find.integer(0)];
    share.expires_at = wall(find.integer(1));
    // A deferral permits nothing: what can't be read stands in no operator's way here.
    share.update = or_empty(find.text(2).empty() ? intervals(find.text(4)) : times::intervals(find.text(2)));
    jobs.emplace_back(find.integer(0), or_empty(steps(find.text(3))));
    ++out.jobs;
  }
  for (const auto& [id, all_steps] : jobs) {
    core::DeferredShare& share = shares[id];
    std::uint64_t sum = 0;
    for (const auto& step : all_steps)
      for (const Sha256& sha : step) {
        const auto [known, added] = share.missing.try_emplace(sha, 0);
        if (added) known->second = size_of(sql_, sha);
        sum += known->second;
      }
    share.widest = std::max(share.widest, sum);
    ++share.devices;
  }
  auto& about = sql_(
      "SELECT limits, storage, (SELECT min(low) FROM rate WHERE rate.site_id=site.id AND link='wan' AND low "
      "> 0), "
      "(SELECT min(low) FROM rate WHERE rate.site_id=site.id AND link='lan' AND low > 0) FROM site WHERE "
      "id=?1");
  about.bind(1, site_id);
  DRAY_TRY([[maybe_unused]] const bool there, about.step());
  core::SitePace pace{.concurrency = or_empty(limits(about.text(0))).concurrency};
  const auto stored = or_empty(storage(about.text(1)));
  if (!about.is_null(2)) pace.wan = static_cast<std::uint64_t>(bounded(about, 2, wire::kMostRate));
  if (!about.is_null(3)) pace.lan = static_cast<std::uint64_t>(bounded(about, 3, wire::kMostRate));
  about.reset();
  const auto is_held = [&](const auto& artifact) {
    return stored && std::any_of(stored->artifacts.begin(), stored->artifacts.end(),
                                 [&](const auto& a) { return a.sha256 == artifact.first && a.verified; });
  };
  std::vector<core::DeferredShare> all;
  for (auto& [id, share] : shares) {
    std::erase_if(share.missing, is_held);
    all.push_back(std::move(share));
  }
  out.latest = core::latest_possible(all, pace);
  return out;
}

Result<server::Store::Deferred> SqliteServerStore::add_deferral(const wire::NewDeferral& wanted, WallTime now,
                                                                const std::optional<server::Once>& once) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(auto before, done_before(once));
  if (before) return Deferred{*before, {}, 0};
  if (wanted.until <= now) return Error{ErrorCode::kInvalid, "until: is over already"};
  const bool for_site = wanted.device.empty();
  DRAY_TRY(const auto site, for_site ? id_of("SELECT id FROM site WHERE name=?1", wanted.site)
                                     : id_of("SELECT site_id FROM device WHERE name=?1", wanted.device));
  if (!site && for_site) return Error{ErrorCode::kNotFound, "no such site: '" + wanted.site + "'"};
  if (!site) return Error{ErrorCode::kNotFound, "no such device: '" + wanted.device + "'"};
  std::optional<std::int64_t> rollout;
  if (!wanted.rollout.empty()) {
    rollout = rollout_number(wanted.rollout);
    DRAY_TRY(const auto known,
             id_of("SELECT id FROM rollout WHERE id=?1", std::to_string(rollout.value_or(0))));
    if (!known) return Error{ErrorCode::kInvalid, "rollout: no such rollout: '" + wanted.rollout + "'"};
  }
  DRAY_TRY(const Deferrable means, deferrable(*site, wanted.device, rollout));
  if (means.latest && wanted.until > *means.latest && !wanted.accept_expiry)
    return Deferred{{}, means.latest, means.jobs};

  DRAY_CHECK(
      sql_("UPDATE deferral SET withdrawn_at=?2 WHERE site_id=?1 AND withdrawn_at IS NULL AND until BETWEEN 0 AND ?2")
          .bind(1, *site)
          .bind(2, ms(now))
          .run());
  auto& insert = sql_(
      "INSERT INTO deferral(site_id, device, rollout_id, until, by, why, created_at) VALUES(?1, ?2, "
      "nullif(?3, 0), ?4, ?5, ?6, ?7)");
  DRAY_CHECK(insert.bind(1, *site)
                 .bind(2, wanted.device)
                 .bind(3, rollout.value_or(0))
                 .bind(4, ms(wanted.until))
                 .bind(5, wanted.by)
                 .bind(6, wanted.why)
                 .bind(7, ms(now))
                 .run());
  DRAY_CHECK(times::ask_site(sql_, *site));
  server::Made made{"d" + std::to_string(db_.last_rowid()), false, {}};
  DRAY_TRY(SiteChange change, bump(*site));
  DRAY_CHECK(remember(once, made.id, now));
  DRAY_CHECK(transaction.commit());
  made.changed.push_back(std::move(change));
  return Deferred{std::move(made), {}, means.jobs};
}

Result<SiteChanges> SqliteServerStore::withdraw_deferral(const std::string& id, WallTime now) {
  const auto number = deferral_number(id);
  if (!number) return Error{ErrorCode::kNotFound, "no such deferral of the server: '" + id + "'"};
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  static const std::string kFind = "SELECT " + std::string{kStands} + " FROM deferral WHERE id=?1";
  auto& find = sql_(kFind);
  find.bind(1, *number);
  DRAY_TRY(const bool there, find.step());
  if (!there) return Error{ErrorCode::kNotFound, "no such deferral of the server: '" + id + "'"};
  const bool gone = find.integer(0) == 0;
  find.reset();
  if (gone) return SiteChanges{};  // withdrawing twice is once
  SiteIds held;  // all of them where its own can't be known
  DRAY_CHECK(sites_of("SELECT s.id FROM site s WHERE s.id=(SELECT site_id FROM deferral WHERE id=?1) OR NOT EXISTS(SELECT 1 "
                      "FROM site t WHERE t.id=(SELECT site_id FROM deferral WHERE id=?1))", *number, held));
  DRAY_CHECK(sql_("UPDATE deferral SET withdrawn_at=?2 WHERE id=?1").bind(1, *number).bind(2, ms(now)).run());
  for (const std::int64_t site : held) DRAY_CHECK(times::ask_site(sql_, site));
  DRAY_TRY(SiteChanges changed, bump_each(held));
  DRAY_CHECK(transaction.commit());
  return changed;
}

Result<> SqliteServerStore::load_deferrals(std::int64_t site_id, core::Plan& plan) {
  static const std::string kFind = "SELECT " + std::string{kDeferralColumns} + " FROM deferral WHERE " +
                                   std::string{kMayBeAboutSite} + " AND " + std::string{kStands} + " ORDER BY id";
  auto& find = sql_(kFind);
  find.bind(1, site_id);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    plan.deferrals.push_back(deferral_of(find, plan.site));
  }
}

// What the site's own gateway has told: one that takes its place with an empty data folder knows them from here.
Result<> SqliteServerStore::load_site_deferrals(std::int64_t site_id, core::Plan& plan) {
  auto& find = sql_(
      "SELECT id, device, assignment, until, by, why FROM site_deferral WHERE site_id=?1 AND withdrawn=0 ORDER BY id");
  find.bind(1, site_id);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    plan.site_deferrals.push_back({find.text(0), DeviceId{find.text(1)}, AssignmentId{find.text(2)},
                                   time_or_never(find, 3), find.text(4), find.text(5)});
  }
}

namespace {

// The open jobs that deferral x means.
const std::string kMeant =
    "(SELECT count(*) FROM job j JOIN device d ON d.id=j.device_id WHERE d.site_id=x.site_id AND j.final=0 AND (x.device='' OR d.name=x.device) "
    "AND (x.rollout_id IS NULL OR j.rollout_id=x.rollout_id)";

// Both kinds in one list; a row number is the cursor. The sites' come first, so that a new one of ours is at
// the end.
const std::string kDeferrals =
    "SELECT n, id, site, device, rollout, until, by, why, origin, stands, jobs, too_late FROM (SELECT row_number() "
    "OVER (ORDER BY origin "
    "DESC, sorting, id) AS n, * FROM ("
    "SELECT x.id AS id, s.name AS site, x.device AS device, CASE instr(x.assignment, '-') WHEN 0 THEN '' "
    "ELSE substr(x.assignment, "
    "1, instr(x.assignment, '-') - 1) END AS rollout, x.until AS until, x.by AS by, x.why AS why, 'site' AS "
    "origin, 1 - x.withdrawn "
    "AS stands, s.id AS sorting, 0 AS jobs, 0 AS too_late FROM site_deferral x JOIN site s ON s.id=x.site_id "
    "UNION ALL SELECT 'd' || x.id, coalesce(s.name, ''), x.device, CASE WHEN x.rollout_id IS NULL THEN '' ELSE 'r' || "
    "x.rollout_id END, x.until, "
    "x.by, x.why, 'server', " + std::string{kStands} + ", x.id, " + kMeant + "), " + kMeant + " AND j.state IN " +
    states_that([](core::JobState state) { return !core::is_waiting(state) && !core::is_final(state); }) + ") "
    "FROM deferral x LEFT JOIN site s ON s.id=x.site_id)) ";

wire::DeferralView deferral_at(const Statement& row) {
  return {row.text(1), row.text(2), row.text(3), row.text(4),         time_or_never(row, 5),
          row.text(6), row.text(7), row.text(8), row.integer(9) != 0, row.integer(10), row.integer(11)};
}

}  // namespace

Result<wire::Page<wire::DeferralView>> SqliteServerLists::deferrals(const server::PageQuery& query) {
  std::int64_t after = 0;
  const char* end = query.cursor.data() + query.cursor.size();
  if (!query.cursor.empty() && std::from_chars(query.cursor.data(), end, after).ptr != end)
    return Error{ErrorCode::kInvalid, "cursor: is none of ours; take `next` of the page before"};
  static const std::string kPage = kDeferrals + "WHERE n > ?1 ORDER BY n LIMIT ?2";
  auto& rows = sql_(kPage);
  rows.bind(1, after).bind(2, static_cast<std::int64_t>(query.limit) + 1);
  wire::Page<wire::DeferralView> out;
  for (;;) {
    DRAY_TRY(const bool row, rows.step());
    if (!row) return out;
    if (out.items.size() == query.limit)
      out.next = std::to_string(rows.integer(0) - 1);
    else
      out.items.push_back(deferral_at(rows));
  }
}

Result<wire::DeferralView> SqliteServerLists::deferral(const std::string& id) {
  static const std::string kOne = kDeferrals + "WHERE id = ?1 AND origin = 'server'";
  auto& find = sql_(kOne);
  find.bind(1, id);
  DRAY_TRY(const bool row, find.step());
  if (!row) return Error{ErrorCode::kNotFound, "no such deferral of the server: '" + id + "'"};
  wire::DeferralView out = deferral_at(find);
  find.reset();
  return out;
}

}  // namespace dray::adapters
