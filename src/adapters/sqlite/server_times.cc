#include "adapters/sqlite/server_times.h"

#include <limits>
#include <set>
#include <utility>

#include "adapters/sqlite/server_rows.h"

namespace dray::adapters::times {

using namespace rows;

namespace {

BytesPerSecond rate_at(const Statement& row, int column) {
  return BytesPerSecond{static_cast<std::uint64_t>(bounded(row, column, wire::kMostRate))};
}

}  // namespace

Result<std::optional<server::PlannedSite>> planned_at(const Statement& row, int first) {
  DRAY_TRY(const auto at, maybe_time(row, first));
  if (!at) return std::optional<server::PlannedSite>{};
  server::PlannedSite out;
  out.at = *at;
  DRAY_TRY(out.times.transmit_at, maybe_time(row, first + 1));
  DRAY_TRY(out.times.update_at, maybe_time(row, first + 2));
  DRAY_TRY(out.times.fetched_at, maybe_time(row, first + 3));
  DRAY_TRY(out.times.finish_at, maybe_time(row, first + 4));
  DRAY_TRY(out.transfer, intervals(row.text(first + 5)));
  DRAY_TRY(out.update, intervals(row.text(first + 6)));
  DRAY_TRY(out.times.wan, shares(row.text(first + 7)));
  out.misfit = row.text(first + 8);
  out.sentence = row.text(first + 9);
  out.basis.wan = rate_at(row, first + 10);
  out.basis.lan = rate_at(row, first + 11);
  out.basis.missing = Bytes{static_cast<std::uint64_t>(bounded(row, first + 12, wire::kMostInteger))};
  out.basis.devices = static_cast<std::size_t>(bounded(row, first + 13, std::numeric_limits<std::int32_t>::max()));
  out.basis.deferred_until = time_at(row, first + 14);
  out.basis.terms = row.text(first + 15);
  return std::optional{std::move(out)};
}

Result<> save(StatementCache& sql, const server::SiteResult& result) {
  auto& seen = sql("UPDATE assignment SET plan_seen=max(plan_seen, ?2), look_at=?3 WHERE id=?1");
  seen.bind(1, result.assignment).bind(2, result.asked);
  bind_time(seen, 3, result.look_at);
  DRAY_CHECK(seen.run());
  if (!result.planned) return {};
  const server::PlannedSite& p = *result.planned;
  auto& save =
      sql("UPDATE assignment SET planned_at=?2, transmit_at=?3, update_at=?4, fetched_at=?5, finish_at=?6, "
          "transfer=?7, update_windows=?8, shares=?9, misfit=?10, misfit_sentence=?11, wan_rate=?12, "
          "lan_rate=?13, missing=?14, devices=?15, deferred_until=?16, terms=?17 WHERE id=?1");
  save.bind(1, result.assignment).bind(2, ms(p.at));
  bind_time(save, 3, p.times.transmit_at);
  bind_time(save, 4, p.times.update_at);
  bind_time(save, 5, p.times.fetched_at);
  bind_time(save, 6, p.times.finish_at);
  save.bind(7, doc(p.transfer)).bind(8, doc(p.update)).bind(9, doc(p.times.wan));
  save.bind(10, p.misfit).bind(11, p.sentence);
  save.bind(12, static_cast<std::int64_t>(p.basis.wan.count))
      .bind(13, static_cast<std::int64_t>(p.basis.lan.count))
      .bind(14, static_cast<std::int64_t>(p.basis.missing.count))
      .bind(15, static_cast<std::int64_t>(p.basis.devices));
  bind_time(save, 16, p.basis.deferred_until);
  return save.bind(17, p.basis.terms).run();
}

Result<> ask(StatementCache& sql, std::int64_t assignment) {
  return sql("UPDATE assignment SET plan_asked=plan_asked+1 WHERE id=?1").bind(1, assignment).run();
}
Result<> ask_rollout(StatementCache& sql, std::int64_t rollout) {
  return sql("UPDATE assignment SET plan_asked=plan_asked+1 WHERE rollout_id=?1 AND in_plan=1")
      .bind(1, rollout)
      .run();
}
Result<> ask_site(StatementCache& sql, std::int64_t site) {
  return sql("UPDATE assignment SET plan_asked=plan_asked+1 WHERE site_id=?1 AND in_plan=1")
      .bind(1, site)
      .run();
}

Result<> ask_anew(StatementCache& sql, std::optional<std::int64_t> site) {
  return sql(
             "UPDATE assignment SET plan_asked=plan_asked+1, planned_at=CASE WHEN held=1 THEN NULL ELSE "
             "planned_at END, shares=CASE WHEN held=1 THEN '[]' ELSE shares END WHERE (?1=0 OR site_id=?1) AND "
             "in_plan=1")
      .bind(1, site.value_or(0))
      .run();
}

Result<> ask_computed(StatementCache& sql, std::int64_t site) {
  return sql("UPDATE assignment SET plan_asked=plan_asked+1 WHERE site_id=?1 AND in_plan=1 AND EXISTS(SELECT "
             "1 "
             "FROM rollout r WHERE r.id=assignment.rollout_id AND r.computed=1)")
      .bind(1, site)
      .run();
}

}  // namespace dray::adapters::times

namespace dray::adapters {

using namespace rows;

Result<> SqliteServerStore::note_egress(const std::string& text, bool limited) {
  plan_first_ = limited;
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  auto& find = sql_("SELECT value FROM meta WHERE key='egress'");
  DRAY_TRY(const bool there, find.step());
  const bool same = there && find.text(0) == text;
  find.reset();
  if (same) return {};
  DRAY_CHECK(sql_("INSERT OR REPLACE INTO meta(key, value) VALUES('egress', ?1)").bind(1, text).run());
  DRAY_CHECK(times::ask_anew(sql_, {}));
  return transaction.commit();
}

namespace times {
namespace {

// Whether they were asked for, and when they are looked at, can't be read. No statement for one site and for all: no
// index would be used.
constexpr std::string_view kBadOf =
    "SELECT id FROM assignment WHERE site_id=(SELECT id FROM site WHERE name=?1) AND in_plan=1 AND "
    "(typeof(plan_asked)<>'integer' OR typeof(plan_seen)<>'integer' OR typeof(look_at) NOT IN ('integer', 'null') OR plan_asked NOT BETWEEN 0 AND "
    "1000000000000 OR plan_seen NOT BETWEEN 0 AND 1000000000000)";
constexpr std::string_view kBadAnywhere =
    "SELECT id FROM assignment WHERE typeof(plan_asked)<>'integer' OR typeof(plan_seen)<>'integer' OR "
    "typeof(look_at) NOT IN ('integer', 'null') OR plan_asked NOT BETWEEN 0 AND 1000000000000 OR plan_seen NOT BETWEEN 0 AND 1000000000000";

// What was asked for is asked once: where planning can't do it, because of another row, it is not woken again.
const std::string kKnown =
    "SELECT a.id, " + std::string{kColumns} + " FROM assignment a WHERE a.in_plan=1 AND a.plan_asked <= a.plan_seen";
const std::string kKnownOf = kKnown + " AND a.site_id=(SELECT id FROM site WHERE name=?1)";

Result<std::vector<std::int64_t>> find_bad_asking(StatementCache& sql, const std::string& site) {
  std::vector<std::int64_t> out;
  auto& find = sql(site.empty() ? kBadAnywhere : kBadOf);
  if (!site.empty()) find.bind(1, site);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    out.push_back(find.integer(0));
  }
}

Result<std::vector<std::int64_t>> find_bad_times(StatementCache& sql, const std::string& site) {
  std::vector<std::int64_t> out;
  auto& find = sql(site.empty() ? kKnown : kKnownOf);
  if (!site.empty()) find.bind(1, site);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    if (!planned_at(find, 1)) out.push_back(find.integer(0));
  }
}

}  // namespace
}  // namespace times

Result<bool> SqliteServerStore::ask_unreadable_times(const std::string& site) {
  DRAY_TRY(const auto asking, times::find_bad_asking(sql_, site));
  DRAY_TRY(const auto bad, times::find_bad_times(sql_, site));
  if (asking.empty() && bad.empty()) return false;  // nothing is written, as nearly always
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  for (const std::int64_t id : asking)
    DRAY_CHECK(sql_("UPDATE assignment SET plan_asked=1 + max(iif(typeof(plan_asked)='integer' AND plan_asked BETWEEN 0 AND 1000000000000, plan_asked, 0), "
                    "iif(typeof(plan_seen)='integer' AND plan_seen BETWEEN 0 AND 1000000000000, plan_seen, 0)), plan_seen=iif(typeof(plan_seen)='integer', "
                    "plan_seen, 0), look_at=NULL WHERE id=?1")
                   .bind(1, id)
                   .run());
  for (const std::int64_t id : bad) DRAY_CHECK(times::ask(sql_, id));
  DRAY_CHECK(transaction.commit());
  return true;
}

// The earliest times of any site are those that the rollout's own machine goes by.
Result<> SqliteServerStore::take_earliest(std::int64_t rollout_id, WallTime now, SiteIds& sites) {
  auto& earliest = sql_(
      "SELECT min(a.transmit_at), min(a.update_at) FROM assignment a WHERE a.rollout_id=?1 AND a.in_plan=1 "
      "AND "
      "a.planned_at IS NOT NULL AND a.update_at IS NOT NULL");
  earliest.bind(1, rollout_id);
  DRAY_TRY([[maybe_unused]] const bool there, earliest.step());
  const auto transmit_at = time_at(earliest, 0), update_at = time_at(earliest, 1);
  earliest.reset();
  DRAY_TRY(RolloutRow row, rollout_row(rollout_id, sites));
  core::RolloutTerms& terms = row.rollout.terms;
  if (!row.unreadable.empty() || !terms.computed || core::is_over(row.rollout)) return {};
  terms.update_at = std::min(update_at.value_or(terms.expires_at), terms.expires_at);
  if (terms.delivery == core::Delivery::kPush)
    terms.transmit_at = std::min(transmit_at.value_or(terms.expires_at), terms.expires_at);
  auto& save = sql_("UPDATE rollout SET update_at=?2, transmit_at=?3 WHERE id=?1");
  save.bind(1, rollout_id).bind(2, ms(terms.update_at));
  bind_time(save, 3, terms.transmit_at);
  DRAY_CHECK(save.run());
  DRAY_CHECK(save_rollout(row, false, now));
  return take(row, core::TimePassed{}, now, sites);
}

Result<server::SiteChanges> SqliteServerStore::save_times(RolloutId rollout,
                                                          const std::vector<server::SiteResult>& results,
                                                          WallTime now) {
  const auto number = rollout_number(rollout.value());
  if (!number) return Error{ErrorCode::kNotFound, "no such rollout: '" + rollout.value() + "'"};
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  SiteIds sites;
  static const std::string kFind =
      "SELECT a.site_id, r.computed OR s.transfer_windows<>'[]' OR s.update_windows<>'[]' OR "
      "s.black_outs<>'[]', r.transfer, r.update_windows, " +
      std::string{times::kColumns} +
      " FROM assignment a JOIN rollout r ON r.id=a.rollout_id JOIN site s ON s.id=a.site_id WHERE a.id=?1 "
      "AND "
      "a.in_plan=1";
  bool planned = false;
  for (const server::SiteResult& result : results) {
    auto& find = sql_(kFind);
    find.bind(1, result.assignment);
    DRAY_TRY(const bool there, find.step());
    if (!there) continue;  // it has ended meanwhile
    const std::int64_t site = find.integer(0);
    const auto stored = times::planned_at(find, 4);
    const bool damaged = !stored;  // what is written now takes its place
    auto before = or_empty(stored);
    if (!before && !damaged && find.integer(1) == 0 && !plan_first_) {  // it was in the plan as its rollout says it
      before.emplace();
      before->transfer = or_empty(intervals(find.text(2)));
      before->update = or_empty(intervals(find.text(3)));
      if (result.planned) before->times.update_at = result.planned->times.update_at;
    }
    find.reset();
    DRAY_CHECK(times::save(sql_, result));
    if (!result.planned) continue;
    planned = true;
    const server::PlannedSite& p = *result.planned;
    if (!before || before->times.update_at != p.times.update_at || before->transfer != p.transfer ||
        before->update != p.update || before->times.wan != p.times.wan)
      sites.insert(site);
  }
  if (planned) DRAY_CHECK(take_earliest(*number, now, sites));
  DRAY_TRY(server::SiteChanges changed, bump_each(sites));
  DRAY_CHECK(transaction.commit());
  return changed;
}

Result<> SqliteServerStore::transmit_due(WallTime now, SiteIds& sites) {
  std::vector<std::int64_t> due;
  auto& find = sql_(
      "SELECT a.id, a.site_id FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.fetch='hold' AND "
      "a.transmit_at <= ?1 AND a.in_plan=1 AND r.computed=1 AND r.state IN ('running', 'soaking', "
      "'waiting_approval')");
  find.bind(1, ms(now));
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) break;
    due.push_back(find.integer(0));
    sites.insert(find.integer(1));
  }
  for (const std::int64_t id : due)
    DRAY_CHECK(sql_("UPDATE assignment SET fetch='now' WHERE id=?1").bind(1, id).run());
  return {};
}

Result<std::optional<WallTime>> SqliteServerStore::next_transmission() {
  auto& find = sql_(
      "SELECT min(a.transmit_at) FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.fetch='hold' "
      "AND "
      "typeof(a.transmit_at)='integer' AND a.in_plan=1 AND r.computed=1 AND r.state IN ('running', 'soaking', "
      "'waiting_approval')");
  DRAY_TRY([[maybe_unused]] const bool row, find.step());
  const auto out = time_at(find, 0);
  find.reset();
  return out;
}

}  // namespace dray::adapters
