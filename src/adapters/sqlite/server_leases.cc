#include "adapters/sqlite/server_leases.h"

#include <algorithm>

#include "adapters/sqlite/server_rows.h"

namespace dray::adapters::leases {

using namespace rows;
using core::Paced;

namespace {

constexpr std::chrono::seconds kLeaseTravels{60};      // before that, a gateway may not have it yet
constexpr std::int64_t kMostAttempts = 1'000'000'000;  // as counted: more means no more

Paced paced_at(const Statement& row, int first) {
  return {wall(row.integer(first)), row.integer(first + 1), wall(row.integer(first + 2))};
}
void bind_paced(Statement& statement, int first, const Paced& paced) {
  statement.bind(first, ms(paced.from)).bind(first + 1, paced.count).bind(first + 2, ms(paced.last));
}

}  // namespace

Result<Site> load(StatementCache& sql, std::int64_t site_id) {
  auto& find = sql(
      "SELECT action_epoch, attempts, epochs_from, epochs, epochs_last, leases_from, leases, leases_last, "
      "wide_ids, ids_ended FROM site WHERE id=?1");
  find.bind(1, site_id);
  DRAY_TRY(const bool there, find.step());
  if (!there) return Error{ErrorCode::kInternal, "a site is gone"};
  Site out{.id = site_id,
           .epoch = find.integer(0),
           .attempts = find.integer(1),
           .epochs = paced_at(find, 2),
           .leases = paced_at(find, 5),
           .wide = find.integer(8) != 0,
           .ended = find.integer(9) != 0};
  find.reset();
  return out;
}

Result<> save(StatementCache& sql, const Site& site) {
  auto& up =
      sql("UPDATE site SET action_epoch=?2, attempts=?3, epochs_from=?4, epochs=?5, epochs_last=?6, "
          "leases_from=?7, "
          "leases=?8, leases_last=?9, wide_ids=?10, ids_ended=?11 WHERE id=?1");
  up.bind(1, site.id).bind(2, site.epoch).bind(3, std::min(site.attempts, kMostAttempts));
  bind_paced(up, 4, site.epochs);
  bind_paced(up, 7, site.leases);
  return up.bind(10, site.wide ? 1 : 0).bind(11, site.ended ? 1 : 0).run();
}

// Where a lost later state may have leased blocks, it was one or two: they are passed over.
Result<bool> lease(StatementCache& sql, Site& site, std::int64_t wanted, WallTime now) {
  DRAY_CHECK(sql("UPDATE site SET next_action = next_action + 2 * ?2, unsure = 0 WHERE id=?1 AND unsure=1")
                 .bind(1, site.id)
                 .bind(2, core::kIdsOfFirst)
                 .run());
  // Blocks are never deleted: behind all of them, also where the number itself can't be read.
  auto& find = sql(
      "SELECT max(CASE typeof(next_action) WHEN 'integer' THEN next_action ELSE 1 END, coalesce((SELECT max(last) + 1 FROM "
      "action_block WHERE site_id=?1 AND typeof(last)='integer'), 1)) FROM site WHERE id=?1");
  find.bind(1, site.id);
  DRAY_TRY([[maybe_unused]] const bool there, find.step());
  const std::int64_t next = find.integer(0);
  find.reset();
  const auto ids = core::lease_of(next, wanted, site.wide ? core::kMostWideActionId : core::kMostActionId);
  site.ended = ids.from > ids.to;
  if (site.ended) return false;
  DRAY_CHECK(sql("INSERT INTO action_block(site_id, epoch, first, last, leased_at, delivered) "
                 "VALUES(?1, ?2, ?3, ?4, ?5, 0)")
                 .bind(1, site.id)
                 .bind(2, site.epoch)
                 .bind(3, ids.from)
                 .bind(4, ids.to)
                 .bind(5, ms(now))
                 .run());
  DRAY_CHECK(sql("UPDATE site SET next_action=?2 WHERE id=?1").bind(1, site.id).bind(2, ids.to + 1).run());
  return true;
}

WallTime may_begin_at(const Site& site, WallTime now) {
  return site.epoch == 0 ? now : core::next_at(site.epochs, now);
}

Result<bool> begin_epoch(StatementCache& sql, Site& site, std::int64_t epoch, WallTime now) {
  const bool first = site.epoch == 0;
  const std::int64_t wanted = first ? core::kIdsOfFirst : core::ids_of_next(site.epochs, now);
  DRAY_CHECK(sql("UPDATE action_block SET epoch=?3 WHERE site_id=?1 AND epoch=?2 AND (delivered=0 OR ?2=0)")
                 .bind(1, site.id)
                 .bind(2, site.epoch)
                 .bind(3, epoch)
                 .run());
  const bool taken_over = sql.db().changes() > 0;
  site.epoch = epoch;
  site.attempts = 0;
  if (!first) site.epochs = core::done(site.epochs, now);
  if (taken_over) return !first;
  DRAY_CHECK(lease(sql, site, wanted, now));
  return true;  // also without new ids: those of the epoch before are no longer in the plan
}

Result<bool> extend(StatementCache& sql, Site& site, bool waits, WallTime now) {
  auto& have =
      sql("SELECT sum(last - first + 1), max(leased_at) FROM action_block WHERE site_id=?1 AND epoch=?2");
  have.bind(1, site.id).bind(2, site.epoch);
  DRAY_TRY([[maybe_unused]] const bool row, have.step());
  const std::int64_t ids = have.integer(0);
  const WallTime leased_at = wall(have.integer(1));
  have.reset();
  const bool lacks = waits && now - leased_at > kLeaseTravels;
  if (site.attempts <= ids / 2 && !lacks) return false;
  if (now < core::next_at(site.leases, now)) return false;
  DRAY_TRY(const bool got, lease(sql, site, core::ids_of_next(site.leases, now), now));
  if (got) site.leases = core::done(site.leases, now);
  return got;
}

Result<std::vector<core::ActionIdRange>> deliver(StatementCache& sql, std::int64_t site_id,
                                                 std::int64_t epoch) {
  std::vector<core::ActionIdRange> out;
  bool news = false;
  auto& blocks =
      sql("SELECT first, last, delivered FROM action_block WHERE site_id=?1 AND epoch=?2 ORDER BY first");
  blocks.bind(1, site_id).bind(2, epoch);
  for (;;) {
    DRAY_TRY(const bool row, blocks.step());
    if (!row) break;
    out.push_back({blocks.integer(0), blocks.integer(1)});
    news = news || blocks.integer(2) == 0;
  }
  if (news)
    DRAY_CHECK(sql("UPDATE action_block SET delivered=1 WHERE site_id=?1 AND epoch=?2 AND delivered=0")
                   .bind(1, site_id)
                   .bind(2, epoch)
                   .run());
  return out;
}

}  // namespace dray::adapters::leases

namespace dray::adapters {

using server::SiteChange;
using server::SiteChanges;

Result<SiteChanges> SqliteServerStore::renew_action_ids(const std::string& site, bool wide, WallTime now) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(const auto id, id_of("SELECT id FROM site WHERE name=?1", site));
  if (!id) return Error{ErrorCode::kNotFound, "no such site: '" + site + "'"};
  DRAY_TRY(leases::Site leases, leases::load(sql_, *id));
  leases.wide = leases.wide || wide;
  leases.epochs = {};
  leases.leases = core::done({}, now);
  DRAY_TRY(const bool got, leases::lease(sql_, leases, core::kIdsOfFirst, now));
  if (!got)
    return Error{
        ErrorCode::kConflict,
        "no action ids of 32 bits are left for this site; beyond_32_bits allows longer ones, for sites "
        "whose devices all take them"};
  DRAY_CHECK(leases::save(sql_, leases));
  DRAY_CHECK(sql_("UPDATE site SET epoch_waits=NULL WHERE id=?1").bind(1, *id).run());
  DRAY_TRY(SiteChange changed, bump(*id));
  DRAY_CHECK(transaction.commit());
  return SiteChanges{std::move(changed)};
}

}  // namespace dray::adapters
