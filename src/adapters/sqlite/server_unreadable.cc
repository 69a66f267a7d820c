#include "adapters/sqlite/server_unreadable.h"

#include <array>
#include <limits>
#include <variant>

#include "adapters/sqlite/server_times.h"
#include "core/rollout/match.h"
#include "core/rollout/split.h"

namespace dray::adapters {

using namespace rows;

namespace {

Result<> check_rollouts(StatementCache& sql, wire::SiteView& site) {
  static const std::string kFind = "SELECT r.id, r.transfer, r.update_windows, a.held, a.fetch, r.priority, r.retry_limit, "
                                   "r.status_deferral, r.filter, r.late_joiners, " +
                                   std::string{kTermsColumnsOfR} + ", " + std::string{times::kColumns} +
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
    check_numbers(rollout, find, 5);
    rollout("filter", filter_of(find.text(8)));
    rollout("late_joiners", flag(find, 9));
    check_terms(rollout, find, 10);
    const RowReader assignment{"assignment", id + "-" + site.name, site.unreadable};
    assignment("held", whole(find, 3));
    assignment("fetch", fetch_of(find.text(4)));
    assignment("computed times", times::planned_at(find, 10 + kTermsCount));
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

Result<> check_types_of_site(StatementCache& sql, wire::SiteView& site) {
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

Result<> check_phases(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT n.rollout_id, n.number, n.terms, n.accepted, n.released_at, n.reached_at, n.approved_at FROM assignment a JOIN "
      "rollout_phase n ON n.rollout_id=a.rollout_id JOIN site s ON s.id=a.site_id WHERE s.name=?1 AND a.in_plan=1");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const std::string key = rollout_id(find.integer(0)) + "/" + std::to_string(find.integer(1) + 1);
    check_phase(RowReader{"rollout_phase", key, site.unreadable}, find, 2);
  }
}

// Of the releases of its rollouts: who joins late is not matched with them.
Result<> check_artifacts(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT DISTINCT f.sha256, f.device_types, b.size FROM assignment a JOIN rollout r ON r.id=a.rollout_id JOIN "
      "release_artifact l ON l.release_id=r.release_id JOIN artifact f ON f.id=l.artifact_id JOIN blob b ON "
      "b.sha256=f.sha256 JOIN site s ON s.id=a.site_id WHERE s.name=?1 AND a.in_plan=1");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    RowReader{"artifact", find.text(0), site.unreadable}("device_types", strings(find.text(1)));
    RowReader{"blob", find.text(0), site.unreadable}("size", whole(find, 2));
  }
}

// They pass no filter.
Result<> check_devices(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT d.name, d.attributes, d.reported, d.running FROM device d JOIN site s ON s.id=d.site_id WHERE s.name=?1 "
      "ORDER BY d.id");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const RowReader device{"device", find.text(0), site.unreadable};
    device("attributes", string_map(find.text(1)));
    device("reported", string_map(find.text(2)));
    device("running", running(find.text(3)));
  }
}

Result<> check_deferrals(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT f.id, f.until, f.withdrawn_at, f.device, f.rollout_id FROM deferral f JOIN site s ON s.id=f.site_id WHERE s.name=?1 AND "
      "typeof(f.withdrawn_at)<>'integer'");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const RowReader deferral{"deferral", "d" + std::to_string(find.integer(0)), site.unreadable};
    deferral("until", sure_time(find, 1));
    deferral("withdrawn_at", maybe_time(find, 2));
    deferral("device", name_or_none(find.text(3)));
    deferral("rollout_id", maybe_whole(find, 4));
  }
}

// Those of the site itself hold at its gateway, whatever is kept here.
Result<> check_site_deferrals(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT f.id, f.until, f.withdrawn FROM site_deferral f JOIN site s ON s.id=f.site_id WHERE s.name=?1 AND "
      "(typeof(f.until)<>'integer' OR f.withdrawn NOT IN (0, 1))");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const RowReader deferral{"site_deferral", site.name + "/" + find.text(0), site.unreadable};
    deferral("until", sure_time(find, 1));
    deferral("withdrawn", flag(find, 2));
  }
}

// Of rollouts that go on: those that have ended are not asked about.
Result<> check_assignments(StatementCache& sql, const std::string& site, std::vector<wire::Unreadable>& notes) {
  auto& find = sql(
      "SELECT a.rollout_id, a.in_plan FROM rollout r CROSS JOIN assignment a ON a.rollout_id=r.id JOIN site s ON "
      "s.id=a.site_id WHERE s.name=?1 AND r.state NOT IN ('finished', 'aborted') AND a.in_plan NOT IN (0, 1)");
  find.bind(1, site);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    RowReader{"assignment", rollout_id(find.integer(0)) + "-" + site, notes}("in_plan", flag(find, 1));
  }
}

Result<> check_jobs(StatementCache& sql, const std::string& site, std::vector<wire::Unreadable>& notes) {
  auto& find = sql(
      "SELECT j.rollout_id, d.name, j.phase, j.withheld, j.generation, j.cancel_at, j.final FROM assignment a JOIN job j ON "
      "j.assignment_id=a.id JOIN device d ON d.id=j.device_id JOIN site s ON s.id=a.site_id WHERE s.name=?1 AND "
      "a.in_plan=1 AND (typeof(j.phase)<>'integer' OR j.withheld NOT IN (0, 1) OR typeof(j.generation)<>'integer' OR "
      "typeof(j.cancel_at) NOT IN ('integer', 'null') OR j.final NOT IN (0, 1)) ORDER BY j.id");
  find.bind(1, site);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const RowReader job{"job", rollout_id(find.integer(0)) + "-" + find.text(1), notes};
    job("phase", whole(find, 2));
    job("withheld", flag(find, 3));
    job("generation", whole(find, 4));
    job("cancel_at", maybe_time(find, 5));
    job("final", flag(find, 6));
  }
}

// What a table holds: nothing, a number, or text.
using Stored = std::variant<std::monostate, std::int64_t, std::string>;

// One column that can be replaced.
struct Column {
  std::string_view table, name;
  std::string_view find;   // the column by the key, or by both parts of a key "r1/2"
  std::string_view write;  // ?1, ?2: the key; ?3: what it becomes
  Result<> (*check)(const Statement& row);             // whether it can be read, from the first column
  Result<Stored> (*stored)(const std::string& given);  // JSON as the table has it
};

template <class T>
Result<> as_check(const Result<T>& read) {
  return read ? Result<>{} : Result<>{read.error()};
}

template <auto read>
Result<> check(const Statement& row) {
  return as_check(read(row.text(0)));
}
template <auto read>
Result<> check_number(const Statement& row) {
  return as_check(read(row, 0));
}

// A document is stored as it is given.
template <auto read>
Result<Stored> as_given(const std::string& given) {
  DRAY_CHECK(as_check(read(given)));
  return Stored{given};
}
Result<Stored> time_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) { return Stored{ms(n.time())}; });
}
Result<Stored> time_or_null(const std::string& given) {
  if (given == "null") return Stored{};
  return time_given(given);
}
Result<Stored> number_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) {
    return Stored{n.integer(0, std::numeric_limits<std::int32_t>::max())};
  });
}
Result<Stored> number_or_null(const std::string& given) {
  if (given == "null") return Stored{};
  return number_given(given);
}
Result<Stored> priority_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) { return Stored{n.integer(-1000, 1000)}; });
}
Result<Stored> size_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) { return Stored{n.integer(0)}; });
}
// A word, or another short text, as the table has it.
template <auto read>
Result<Stored> text_given(const std::string& given) {
  DRAY_TRY(std::string text, wire::decode<std::string>(wire::parse_json(given), [](const wire::Node& n) { return n.text(); }));
  DRAY_CHECK(as_check(read(text)));
  return Stored{std::move(text)};
}
// In what state it is, is for its machine to say: from here on an operator resumes or aborts it.
Result<Stored> paused_given(const std::string& given) {
  if (given == "\"paused\"") return Stored{std::string{"paused"}};
  return Error{ErrorCode::kInvalid, "must be \"paused\"; then resume or abort it"};
}
// Phases are counted from 1 for people.
Result<Stored> phase_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) {
    return Stored{n.integer(1, static_cast<std::int64_t>(core::kMostPhases)) - 1};
  });
}
// "r12", or null for all of them.
Result<Stored> rollout_or_null(const std::string& given) {
  if (given == "null") return Stored{};
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) {
    const auto number = rollout_number(n.text());
    if (!number) n.refuse("is no rollout");
    return Stored{*number};
  });
}
Result<Stored> flag_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given),
                              [](const wire::Node& n) { return Stored{std::int64_t{n.boolean() ? 1 : 0}}; });
}
Result<Stored> phases_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) { return Stored{n.integer(1, static_cast<std::int64_t>(core::kMostPhases))}; });
}

#define DRAY_ROW(table, column, key, check, stored)                           \
  Column {                                                                    \
    #table, #column, "SELECT " #column " FROM " #table " WHERE " key "=?1",   \
        "UPDATE " #table " SET " #column "=?3 WHERE " key "=?1", check, stored \
  }
#define DRAY_DOCUMENT(table, column, key, read) DRAY_ROW(table, column, key, check<read>, as_given<read>)
#define DRAY_WORD(table, column, key, read) DRAY_ROW(table, column, key, check<read>, text_given<read>)
#define DRAY_PHASE(column, check, stored)                                                                            \
  Column {                                                                                                           \
    "rollout_phase", #column, "SELECT " #column " FROM rollout_phase WHERE 'r'||rollout_id=?1 AND number+1=CAST(?2 AS INTEGER)", \
        "UPDATE rollout_phase SET " #column "=?3 WHERE 'r'||rollout_id=?1 AND number+1=CAST(?2 AS INTEGER)", check, stored \
  }
#define DRAY_ASSIGNMENT "'r'||rollout_id||'-'||(SELECT name FROM site WHERE id=site_id)"
#define DRAY_JOB "'r'||rollout_id||'-'||(SELECT name FROM device WHERE id=device_id)"

constexpr std::array kEveryColumn{
    DRAY_WORD(site, time_zone, "name", zone_of),
    DRAY_DOCUMENT(site, limits, "name", limits),
    DRAY_DOCUMENT(site, transfer_windows, "name", windows),
    DRAY_DOCUMENT(site, update_windows, "name", windows),
    DRAY_DOCUMENT(site, black_outs, "name", black_outs),
    DRAY_WORD(device_type, client, "name", client_of),
    DRAY_WORD(device_type, ask, "name", ask_of),
    DRAY_WORD(device_type, ends_on, "name", ends_on_of),
    DRAY_ROW(device_type, power_on_within, "name", check_number<small>, number_given),
    DRAY_DOCUMENT(device_type, components, "name", strings),
    DRAY_DOCUMENT(device_type, steps, "name", string_lists),
    DRAY_DOCUMENT(device_type, parts, "name", string_map),
    DRAY_DOCUMENT(device, attributes, "name", string_map),
    DRAY_DOCUMENT(artifact, device_types, "sha256", strings),
    DRAY_ROW(blob, size, "sha256", check_number<whole>, size_given),
    DRAY_WORD(rollout, filter, "'r'||id", filter_of),
    DRAY_WORD(rollout, delivery, "'r'||id", delivery_of),
    DRAY_ROW(rollout, state, "'r'||id", check<state_of>, paused_given),
    DRAY_WORD(rollout, before_pause, "'r'||id", before_pause_of),
    DRAY_ROW(rollout, retry_limit, "'r'||id", check_number<maybe_small>, number_or_null),
    DRAY_ROW(rollout, priority, "'r'||id", check_number<priority_at>, priority_given),
    DRAY_ROW(rollout, status_deferral, "'r'||id", check_number<small>, number_given),
    DRAY_ROW(rollout, phases, "'r'||id", check_number<phase_count_at>, phases_given),
    DRAY_ROW(rollout, computed, "'r'||id", check_number<flag>, flag_given),
    DRAY_ROW(rollout, late_joiners, "'r'||id", check_number<flag>, flag_given),
    DRAY_DOCUMENT(rollout, transfer, "'r'||id", intervals),
    DRAY_DOCUMENT(rollout, update_windows, "'r'||id", intervals),
    DRAY_ROW(rollout, transmit_at, "'r'||id", check_number<maybe_time>, time_or_null),
    DRAY_ROW(rollout, update_at, "'r'||id", check_number<sure_time>, time_given),
    DRAY_ROW(rollout, expires_at, "'r'||id", check_number<sure_time>, time_given),
    DRAY_ROW(rollout, soak_until, "'r'||id", check_number<maybe_time>, time_or_null),
    DRAY_ROW(rollout, released, "'r'||id", check_number<whole>, phases_given),
    DRAY_ROW(deferral, until, "'d'||id", check_number<sure_time>, time_given),
    DRAY_ROW(deferral, withdrawn_at, "'d'||id", check_number<maybe_time>, time_or_null),
    DRAY_WORD(deferral, device, "'d'||id", name_or_none),
    DRAY_ROW(deferral, rollout_id, "'d'||id", check_number<maybe_whole>, rollout_or_null),
    DRAY_ROW(assignment, held, DRAY_ASSIGNMENT, check_number<whole>, flag_given),
    DRAY_ROW(assignment, in_plan, DRAY_ASSIGNMENT, check_number<flag>, flag_given),
    DRAY_WORD(assignment, fetch, DRAY_ASSIGNMENT, fetch_of),
    DRAY_ROW(job, phase, DRAY_JOB, check_number<whole>, phase_given),
    DRAY_ROW(job, withheld, DRAY_JOB, check_number<flag>, flag_given),
    DRAY_ROW(job, generation, DRAY_JOB, check_number<whole>, number_given),
    DRAY_ROW(job, cancel_at, DRAY_JOB, check_number<maybe_time>, time_or_null),
    DRAY_ROW(job, final, DRAY_JOB, check_number<flag>, flag_given),
    DRAY_PHASE(accepted, check_number<small>, number_given),
    DRAY_PHASE(released_at, check_number<maybe_time>, time_or_null),
    DRAY_PHASE(reached_at, check_number<maybe_time>, time_or_null),
    DRAY_PHASE(approved_at, check_number<maybe_time>, time_or_null),
    // A row that is lost is made anew.
    Column{"rollout_phase", "terms",
           "SELECT (SELECT terms FROM rollout_phase WHERE rollout_id=r.id AND number+1=CAST(?2 AS INTEGER)) FROM rollout "
           "r WHERE 'r'||r.id=?1 AND CAST(?2 AS INTEGER) BETWEEN 1 AND r.phases",
           "INSERT INTO rollout_phase(rollout_id, number, terms) SELECT id, CAST(?2 AS INTEGER)-1, ?3 FROM rollout WHERE "
           "'r'||id=?1 ON CONFLICT(rollout_id, number) DO UPDATE SET terms=?3",
           check<phase_terms>, as_given<phase_terms>},
    Column{"rollout_type", "steps", "SELECT steps FROM rollout_type WHERE 'r'||rollout_id=?1 AND type=?2",
           "UPDATE rollout_type SET steps=?3 WHERE 'r'||rollout_id=?1 AND type=?2", check<steps>, as_given<steps>},
};
#undef DRAY_DOCUMENT
#undef DRAY_WORD
#undef DRAY_PHASE
#undef DRAY_ASSIGNMENT
#undef DRAY_JOB
#undef DRAY_ROW

Result<const Column*> column_of(const wire::Replacement& what) {
  std::string known;
  for (const Column& one : kEveryColumn) {
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

void bind_stored(Statement& statement, const Stored& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value))
    statement.bind(3, *number);
  else if (const auto* text = std::get_if<std::string>(&value))
    statement.bind(3, *text);
  else
    statement.bind_null(3);
}

// A type is checked as a whole, as when it is made; as long as something else of it can't be read, that can't be done.
Result<> check_type(StatementCache& sql, const std::string& name) {
  static const std::string kFind = "SELECT " + std::string{kTypeColumns} + " FROM device_type WHERE name=?1";
  auto& find = sql(kFind);
  find.bind(1, name);
  DRAY_TRY([[maybe_unused]] const bool there, find.step());
  const wire::NewDeviceType type = type_at(find, 0);
  find.reset();
  for (const std::string& component : type.type.components)
    if (!wire::is_name(component)) return Error{ErrorCode::kInvalid, "components: '" + component + "' is no name"};
  for (const auto& [component, part] : type.type.parts)
    if (!wire::is_name(part)) return Error{ErrorCode::kInvalid, "parts: '" + part + "' is no name"};
  if (!type.unreadable.empty()) return {};
  const auto flaw = core::flaw_of(type.type);
  return flaw ? Result<>{Error{ErrorCode::kInvalid, *flaw}} : Result<>{};
}

}  // namespace

Result<> rows::find_what_holds(StatementCache& sql, wire::SiteView& site) {
  DRAY_CHECK(check_rollouts(sql, site));
  DRAY_CHECK(check_steps(sql, site));
  DRAY_CHECK(check_types_of_site(sql, site));
  DRAY_CHECK(check_phases(sql, site));
  DRAY_CHECK(check_artifacts(sql, site));
  DRAY_CHECK(check_devices(sql, site));
  DRAY_CHECK(check_deferrals(sql, site));
  DRAY_CHECK(check_site_deferrals(sql, site));
  return check_membership(sql, site.name, site.unreadable);
}

Result<> rows::check_membership(StatementCache& sql, const std::string& site, std::vector<wire::Unreadable>& notes) {
  DRAY_CHECK(check_assignments(sql, site, notes));
  return check_jobs(sql, site, notes);
}

Result<server::SiteChanges> SqliteServerStore::replace_unreadable(const wire::Replacement& what) {
  DRAY_TRY(const Column* column, column_of(what));
  const auto stored = column->stored(what.text);
  if (!stored) return stored.error().with_context(what.table + "." + what.column);
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  const bool both = column->find.find("?2") != std::string_view::npos;
  auto& find = sql_(column->find);
  bind_key(find, what.key, both);
  DRAY_TRY(const bool there, find.step());
  if (!there) return Error{ErrorCode::kNotFound, "no such row: '" + what.table + " " + what.key + "'"};
  const bool readable = column->check(find).has_value();
  find.reset();
  if (readable)
    return Error{ErrorCode::kConflict, what.table + " " + what.key + ", " + what.column +
                                           ": can be read, so it changes in the usual ways only"};
  auto& write = sql_(column->write);
  bind_key(write, what.key, both);
  bind_stored(write, *stored);
  DRAY_CHECK(write.run());
  if (what.table == "device_type") DRAY_CHECK(check_type(sql_, what.key));
  if (what.table == "rollout" && what.column == "state")  // paused, as its machine does it
    DRAY_CHECK(sql_("UPDATE assignment SET held=1 WHERE 'r'||rollout_id=?1").bind(1, what.key).run());
  if (what.table == "rollout")  // when it has to be looked at was computed without it
    DRAY_CHECK(sql_("UPDATE rollout SET wake_at=0 WHERE 'r'||id=?1 AND state NOT IN ('finished', 'aborted')")
                   .bind(1, what.key)
                   .run());
  // What was held goes on: plans are made anew, and devices that could not join may.
  DRAY_CHECK(times::ask_anew(sql_, {}));
  DRAY_CHECK(sql_("UPDATE device SET fresh=1").run());
  SiteIds sites;
  auto& all = sql_(
      "SELECT DISTINCT site_id FROM assignment WHERE in_plan=1 UNION SELECT id FROM site WHERE ?1='site' "
      "AND name=?2 UNION SELECT site_id FROM deferral WHERE ?1='deferral' AND 'd'||id=?2");
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
