#include "adapters/sqlite/server_unreadable.h"

#include <array>

#include "adapters/sqlite/server_times.h"

namespace dray::adapters {

using namespace rows;

namespace {

Result<> check_rollouts(StatementCache& sql, wire::SiteView& site) {
  static const std::string kFind = "SELECT r.id, r.transfer, r.update_windows, " +
                                   std::string{times::kColumns} +
                                   " FROM assignment a JOIN rollout r ON r.id=a.rollout_id JOIN site s ON "
                                   "s.id=a.site_id WHERE s.name=?1 AND a.in_plan=1 ORDER BY a.id";
  auto& find = sql(kFind);
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const std::string id = rollout_id(find.integer(0));
    const RowReader rollout{"rollout", id, site.unreadable};
    rollout("transfer", intervals(find.text(1)));
    rollout("update_windows", intervals(find.text(2)));
    RowReader{"assignment", id + "-" + site.name, site.unreadable}("transfer, update_windows or shares",
                                                                   times::planned_at(find, 3));
  }
}

Result<> check_steps(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT DISTINCT t.rollout_id, t.type, t.steps FROM job j JOIN rollout_type t ON "
      "t.id=j.rollout_type_id JOIN "
      "assignment a ON a.id=j.assignment_id JOIN site s ON s.id=a.site_id WHERE s.name=?1 AND a.in_plan=1");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    RowReader{"rollout_type", rollout_id(find.integer(0)) + "/" + find.text(1), site.unreadable}(
        "steps", steps(find.text(2)));
  }
}

Result<> check_types(StatementCache& sql, wire::SiteView& site) {
  static const std::string kFind =
      "SELECT " + std::string{kTypeColumns} +
      " FROM device_type WHERE name IN (SELECT d.type FROM device d JOIN site s ON "
      "s.id=d.site_id WHERE s.name=?1)";
  auto& find = sql(kFind);
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const wire::NewDeviceType type = type_at(find, 0);
    site.unreadable.insert(site.unreadable.end(), type.unreadable.begin(), type.unreadable.end());
  }
}

// One column that can be replaced.
struct Column {
  std::string_view table, name;
  std::string_view find;   // the column by the key, or by both parts of a key "r1/2"
  std::string_view write;  // ?1, ?2: the key; ?3: what it becomes
  Result<> (*check)(const std::string& text);
};

template <auto read>
Result<> check(const std::string& text) {
  auto out = read(text);
  return out ? Result<>{} : Result<>{out.error()};
}

#define DRAY_BY_NAME(table, column, key, read)                                \
  Column {                                                                    \
    #table, #column, "SELECT " #column " FROM " #table " WHERE " #key "=?1",  \
        "UPDATE " #table " SET " #column "=?3 WHERE " #key "=?1", check<read> \
  }

constexpr std::array kColumns{
    DRAY_BY_NAME(site, limits, name, limits),
    DRAY_BY_NAME(site, transfer_windows, name, windows),
    DRAY_BY_NAME(site, update_windows, name, windows),
    DRAY_BY_NAME(site, black_outs, name, black_outs),
    DRAY_BY_NAME(device_type, components, name, strings),
    DRAY_BY_NAME(device_type, steps, name, string_lists),
    DRAY_BY_NAME(device_type, parts, name, string_map),
    DRAY_BY_NAME(device, attributes, name, string_map),
    DRAY_BY_NAME(artifact, device_types, sha256, strings),
    Column{"rollout", "transfer", "SELECT transfer FROM rollout WHERE 'r'||id=?1",
           "UPDATE rollout SET transfer=?3 WHERE 'r'||id=?1", check<intervals>},
    Column{"rollout", "update_windows", "SELECT update_windows FROM rollout WHERE 'r'||id=?1",
           "UPDATE rollout SET update_windows=?3 WHERE 'r'||id=?1", check<intervals>},
    Column{"rollout_phase", "terms",
           "SELECT terms FROM rollout_phase WHERE 'r'||rollout_id=?1 AND number+1=CAST(?2 AS INTEGER)",
           "UPDATE rollout_phase SET terms=?3 WHERE 'r'||rollout_id=?1 AND number+1=CAST(?2 AS INTEGER)",
           check<phase_terms>},
    Column{"rollout_type", "steps", "SELECT steps FROM rollout_type WHERE 'r'||rollout_id=?1 AND type=?2",
           "UPDATE rollout_type SET steps=?3 WHERE 'r'||rollout_id=?1 AND type=?2", check<steps>},
};
#undef DRAY_BY_NAME

Result<const Column*> column_of(const wire::Replacement& what) {
  std::string known;
  for (const Column& one : kColumns) {
    if (one.table == what.table && one.name == what.column) return &one;
    known += (known.empty() ? "" : ", ") + std::string{one.table} + "." + std::string{one.name};
  }
  return Error{ErrorCode::kInvalid, "column: '" + what.table + "." + what.column + "' is none of " + known};
}

void bind_key(Statement& statement, const std::string& key, bool both) {
  const auto slash = key.find('/');
  statement.bind(1, key.substr(0, both ? slash : std::string::npos));
  if (both) statement.bind(2, slash == std::string::npos ? "" : key.substr(slash + 1));
}

}  // namespace

Result<> rows::find_what_holds(StatementCache& sql, wire::SiteView& site) {
  DRAY_CHECK(check_rollouts(sql, site));
  DRAY_CHECK(check_steps(sql, site));
  return check_types(sql, site);
}

Result<server::SiteChanges> SqliteServerStore::replace_unreadable(const wire::Replacement& what) {
  DRAY_TRY(const Column* column, column_of(what));
  if (auto fits = column->check(what.text); !fits)
    return fits.error().with_context(what.table + "." + what.column);
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  const bool both = column->find.find("?2") != std::string_view::npos;
  auto& find = sql_(column->find);
  bind_key(find, what.key, both);
  DRAY_TRY(const bool there, find.step());
  if (!there) return Error{ErrorCode::kNotFound, "no such row: '" + what.table + " " + what.key + "'"};
  const bool readable = column->check(find.text(0)).has_value();
  find.reset();
  if (readable)
    return Error{ErrorCode::kConflict, what.table + " " + what.key + ", " + what.column +
                                           ": can be read, so it changes in the usual ways only"};
  auto& write = sql_(column->write);
  bind_key(write, what.key, both);
  DRAY_CHECK(write.bind(3, what.text).run());
  // What was held goes on: plans are made anew, and devices that could not join may.
  DRAY_CHECK(times::ask_anew(sql_, {}));
  DRAY_CHECK(sql_("UPDATE device SET fresh=1").run());
  SiteIds sites;
  auto& all = sql_(
      "SELECT DISTINCT site_id FROM assignment WHERE in_plan=1 UNION SELECT id FROM site WHERE ?1='site' "
      "AND name=?2");
  all.bind(1, what.table).bind(2, what.key);
  for (;;) {
    DRAY_TRY(const bool row, all.step());
    if (!row) break;
    sites.insert(all.integer(0));
  }
  DRAY_TRY(server::SiteChanges changed, bump_each(sites));
  DRAY_CHECK(transaction.commit());
  return changed;
}

}  // namespace dray::adapters
