// Replacing a column that can't be read: which can be, and by what.
#include <array>
#include <limits>
#include <variant>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_times.h"
#include "base/text.h"
#include "core/rollout/match.h"
#include "core/rollout/split.h"

namespace dray::adapters {

using namespace rows;

namespace {

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

// Not fewer phases than are stored: those that are left out would be neither counted nor ever begun.
Result<> check_phase_count(const Statement& row) {
  DRAY_TRY(const std::int64_t phases, phase_count_at(row, 0));
  if (row.is_null(1) || !row.is_integer(1) || row.integer(1) < phases) return {};
  return Error{ErrorCode::kInvalid, std::to_string(phases) + ": phase " + std::to_string(row.integer(1) + 1) + " is stored"};
}
// Whether it is sound, then what is stored.
Result<> check_reference(const Statement& row) {
  if (row.integer(0) != 0) return {};
  return Error{ErrorCode::kInvalid, "'" + clean_text(row.text(1), 60) + "' refers to none that it can be"};
}
Result<> check_job_phase(const Statement& row) { return as_check(job_phase(row, 0, 1)); }
Result<> check_job_generation(const Statement& row) { return as_check(job_generation(row, 0, 1)); }
Result<> check_released(const Statement& row) { return as_check(released_of(row, 0)); }

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
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) { return Stored{n.integer(0, wire::kMostSize)}; });
}
// A word, or another short text, as the table has it.
template <auto read>
Result<Stored> text_given(const std::string& given) {
  DRAY_TRY(std::string text, wire::decode<std::string>(wire::parse_json(given), [](const wire::Node& n) { return n.text(); }));
  DRAY_CHECK(as_check(read(text)));
  return Stored{std::move(text)};
}
// The name of what a reference is to lead to.
Result<Stored> reference_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) { return Stored{n.text(wire::kLongestId)}; });
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
Result<Stored> released_given(const std::string& given) {
  return wire::decode<Stored>(wire::parse_json(given), [](const wire::Node& n) { return Stored{n.integer(0, static_cast<std::int64_t>(core::kMostPhases))}; });
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

#define DRAY_NUMBER "id=CAST(?1 AS INTEGER) AND CAST(id AS TEXT)=?1"

// is_sound: of the row as it is; found: the number of what is named ?3. Where nothing is, nothing changes, and it stays
// unreadable.
#define DRAY_REFERENCE(table, column, key, is_sound, found)                                                          \
  Column {                                                                                                           \
    #table, #column, "SELECT " is_sound ", " #column " FROM " #table " WHERE " key,                                  \
        "UPDATE " #table " SET " #column "=" found " WHERE " key " AND " found " IS NOT NULL", check_reference,      \
        reference_given                                                                                              \
  }
#define DRAY_IS_SITE "site_id IN (SELECT id FROM site)"
#define DRAY_SITE_NAMED "(SELECT id FROM site WHERE name=?3)"
#define DRAY_ROLLOUT_NAMED "(SELECT id FROM rollout WHERE 'r'||id=?3)"

#define DRAY_SITE_DEFERRAL(column, check, stored)                                                                       \
  Column {                                                                                                            \
    "site_deferral", #column,                                                                                         \
        "SELECT " #column " FROM site_deferral WHERE site_id=(SELECT id FROM site WHERE name=?1) AND id=?2",          \
        "UPDATE site_deferral SET " #column "=?3 WHERE site_id=(SELECT id FROM site WHERE name=?1) AND id=?2", check, \
        stored                                                                                                        \
  }

constexpr std::string_view kFindReleased =
    "SELECT delivery, transmit_at, update_at, expires_at, state, state_by, state_why, pause_cause, before_pause, "
    "soak_until, released, phases, computed FROM rollout WHERE 'r'||id=?1";
static_assert(kFindReleased.find(kTermsColumns) != std::string_view::npos);

const std::string kJobFound = " FROM job j WHERE 'r'||j.rollout_id||'-'||(SELECT name FROM device WHERE id=j.device_id)=?1";
const std::string kFindJobPhase = "SELECT j.phase, " + std::string{kPhasesOfJ} + kJobFound;
const std::string kFindJobGeneration = "SELECT j.generation, " + std::string{kPastOfJ} + kJobFound;

const std::array kEveryColumn{
    DRAY_WORD(site, time_zone, "name", zone_of),
    DRAY_DOCUMENT(site, limits, "name", limits),
    DRAY_DOCUMENT(site, transfer_windows, "name", windows),
    DRAY_DOCUMENT(site, update_windows, "name", windows),
    DRAY_DOCUMENT(site, black_outs, "name", black_outs),
    DRAY_WORD(device_type, client, "name", client_of),
    DRAY_WORD(device_type, ask, "name", ask_of),
    DRAY_WORD(device_type, ends_on, "name", ends_on_of),
    DRAY_WORD(device_type, bytes_from, "name", bytes_from_of),
    DRAY_ROW(device_type, power_on_within, "name", check_number<small>, number_given),
    DRAY_DOCUMENT(device_type, components, "name", strings),
    DRAY_DOCUMENT(device_type, steps, "name", string_lists),
    DRAY_DOCUMENT(device_type, parts, "name", string_map),
    DRAY_DOCUMENT(device_type, also_called, "name", other_names),
    DRAY_WORD(device_type, probe, "name", probe_of),
    Column{"device", "type", "SELECT type IN (SELECT name FROM device_type), type FROM device WHERE name=?1",
           "UPDATE device SET type=?3 WHERE name=?1 AND ?3 IN (SELECT name FROM device_type)", check_reference, reference_given},
    DRAY_DOCUMENT(device, attributes, "name", string_map),
    DRAY_WORD(device, token_sha256, "name", token_hash_of),
    DRAY_WORD(device, name, "CAST(id AS TEXT)", device_name_of),
    DRAY_WORD(site, token_sha256, "name", token_hash_of),
    DRAY_DOCUMENT(artifact, device_types, "sha256", strings),
    DRAY_WORD(artifact, name, "sha256", name_of),
    DRAY_WORD(artifact, file, "sha256", file_name_of),
    DRAY_WORD(artifact, component, "sha256", name_of),
    DRAY_WORD(artifact, version, "sha256", version_of),
    DRAY_ROW(blob, size, "sha256", check_number<size_at>, size_given),
    DRAY_WORD(blob, sha1, "sha256", sha1_of),
    DRAY_WORD(blob, md5, "sha256", md5_of),
    DRAY_WORD(rollout, filter, "'r'||id", filter_of),
    DRAY_WORD(rollout, delivery, "'r'||id", delivery_of),
    DRAY_ROW(rollout, state, "'r'||id", check<state_of>, paused_given),
    DRAY_WORD(rollout, before_pause, "'r'||id", before_pause_of),
    DRAY_ROW(rollout, retry_limit, "'r'||id", check_number<maybe_small>, number_or_null),
    DRAY_ROW(rollout, priority, "'r'||id", check_number<priority_at>, priority_given),
    DRAY_ROW(rollout, status_deferral, "'r'||id", check_number<small>, number_given),
    Column{"rollout", "phases",
           "SELECT phases, (SELECT max(number) FROM rollout_phase WHERE rollout_id=rollout.id) FROM rollout WHERE 'r'||id=?1",
           "UPDATE rollout SET phases=?3 WHERE 'r'||id=?1", check_phase_count, phases_given},
    DRAY_ROW(rollout, computed, "'r'||id", check_number<flag>, flag_given),
    DRAY_ROW(rollout, late_joiners, "'r'||id", check_number<flag>, flag_given),
    DRAY_DOCUMENT(rollout, transfer, "'r'||id", intervals),
    DRAY_DOCUMENT(rollout, update_windows, "'r'||id", intervals),
    DRAY_ROW(rollout, transmit_at, "'r'||id", check_number<maybe_time>, time_or_null),
    DRAY_ROW(rollout, update_at, "'r'||id", check_number<sure_time>, time_given),
    DRAY_ROW(rollout, expires_at, "'r'||id", check_number<sure_time>, time_given),
    DRAY_ROW(rollout, soak_until, "'r'||id", check_number<maybe_time>, time_or_null),
    Column{"rollout", "released", kFindReleased, "UPDATE rollout SET released=?3 WHERE 'r'||id=?1", check_released,
           released_given},
    DRAY_ROW(deferral, until, "'d'||id", check_number<stamp>, time_given),
    DRAY_ROW(deferral, withdrawn_at, "'d'||id", check_number<maybe_stamp>, time_or_null),
    Column{"deferral", "device", "SELECT device='' OR device IN (SELECT name FROM device), device FROM deferral WHERE 'd'||id=?1",
           "UPDATE deferral SET device=?3 WHERE 'd'||id=?1", check_reference, text_given<name_or_none>},
    Column{"deferral", "rollout_id",
           "SELECT rollout_id IS NULL OR rollout_id IN (SELECT id FROM rollout), rollout_id FROM deferral WHERE 'd'||id=?1",
           "UPDATE deferral SET rollout_id=?3 WHERE 'd'||id=?1", check_reference, rollout_or_null},
    DRAY_REFERENCE(deferral, site_id, "'d'||id=?1", DRAY_IS_SITE, DRAY_SITE_NAMED),
    DRAY_REFERENCE(device, site_id, "name=?1", DRAY_IS_SITE, DRAY_SITE_NAMED),
    DRAY_REFERENCE(rollout, release_id, "'r'||id=?1", "release_id IN (SELECT id FROM release)",
                   "(SELECT id FROM release WHERE name||'/'||version=?3)"),
    DRAY_REFERENCE(release_artifact, artifact_id, "release_id=CAST(?1 AS INTEGER) AND position=CAST(?2 AS INTEGER)",
                   "artifact_id IN (SELECT id FROM artifact)", "(SELECT id FROM artifact WHERE sha256=?3)"),
    DRAY_REFERENCE(assignment, rollout_id, DRAY_NUMBER, "rollout_id IN (SELECT id FROM rollout)", DRAY_ROLLOUT_NAMED),
    DRAY_REFERENCE(assignment, site_id, DRAY_NUMBER, DRAY_IS_SITE, DRAY_SITE_NAMED),
    DRAY_REFERENCE(job, rollout_id, DRAY_NUMBER,
                   "EXISTS(SELECT 1 FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.id=assignment_id AND "
                   "a.rollout_id=job.rollout_id)",
                   DRAY_ROLLOUT_NAMED),
    DRAY_REFERENCE(job, device_id, DRAY_NUMBER,
                   "EXISTS(SELECT 1 FROM device d JOIN assignment a ON a.id=assignment_id WHERE d.id=device_id AND "
                   "(d.site_id=a.site_id OR d.site_id NOT IN (SELECT id FROM site)))",
                   "(SELECT id FROM device WHERE name=?3)"),
    DRAY_REFERENCE(job, rollout_type_id, DRAY_NUMBER,
                   "EXISTS(SELECT 1 FROM rollout_type t WHERE t.id=rollout_type_id AND (t.rollout_id=job.rollout_id OR "
                   "t.rollout_id NOT IN (SELECT id FROM rollout)))",
                   "(SELECT id FROM rollout_type WHERE 'r'||rollout_id||'/'||type=?3)"),
    DRAY_REFERENCE(job, assignment_id, DRAY_NUMBER,
                   "EXISTS(SELECT 1 FROM assignment a JOIN device d ON d.id=device_id WHERE a.id=assignment_id AND "
                   "a.rollout_id=job.rollout_id AND a.site_id=d.site_id)",
                   "(SELECT a.id FROM assignment a JOIN site s ON s.id=a.site_id WHERE 'r'||a.rollout_id||'-'||s.name=?3)"),
    DRAY_SITE_DEFERRAL(until, check_number<sure_time>, time_given),
    DRAY_SITE_DEFERRAL(withdrawn, check_number<flag>, flag_given),
    DRAY_ROW(assignment, held, DRAY_ASSIGNMENT, check_number<flag>, flag_given),
    DRAY_ROW(assignment, in_plan, DRAY_ASSIGNMENT, check_number<flag>, flag_given),
    DRAY_WORD(assignment, fetch, DRAY_ASSIGNMENT, fetch_of),
    Column{"job", "phase", kFindJobPhase, "UPDATE job SET phase=?3 WHERE " DRAY_JOB "=?1", check_job_phase, phase_given},
    DRAY_ROW(job, withheld, DRAY_JOB, check_number<flag>, flag_given),
    Column{"job", "generation", kFindJobGeneration, "UPDATE job SET generation=?3 WHERE " DRAY_JOB "=?1", check_job_generation,
           number_given},
    DRAY_ROW(job, cancel_at, DRAY_JOB, check_number<maybe_time>, time_or_null),
    DRAY_ROW(job, final, DRAY_JOB, check_number<flag>, flag_given),
    DRAY_DOCUMENT(job, drifted, DRAY_JOB, string_map),
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
#undef DRAY_SITE_DEFERRAL
#undef DRAY_ASSIGNMENT
#undef DRAY_JOB
#undef DRAY_ROW
#undef DRAY_REFERENCE
#undef DRAY_NUMBER
#undef DRAY_IS_SITE
#undef DRAY_SITE_NAMED
#undef DRAY_ROLLOUT_NAMED

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

bool has_two_parts(const Column& column) { return column.find.find("?2") != std::string_view::npos; }

// Why the column can't be read as it is stored now; nothing where it can.
Result<std::optional<std::string>> why_unreadable(StatementCache& sql, const Column& column, const wire::Replacement& what) {
  auto& find = sql(column.find);
  bind_key(find, what.key, has_two_parts(column));
  DRAY_TRY(const bool there, find.step());
  if (!there) return Error{ErrorCode::kNotFound, "no such row: '" + what.table + " " + what.key + "'"};
  const Result<> read = column.check(find);
  find.reset();
  return read ? std::optional<std::string>{} : std::optional{read.error().message()};
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

Result<server::SiteChanges> SqliteServerStore::replace_unreadable(const wire::Replacement& what) {
  DRAY_TRY(const Column* column, column_of(what));
  const auto stored = column->stored(what.text);
  if (!stored) return stored.error().with_context(what.table + "." + what.column);
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(const auto before, why_unreadable(sql_, *column, what));
  if (!before)
    return Error{ErrorCode::kConflict, what.table + " " + what.key + ", " + what.column +
                                           ": can be read, so it changes in the usual ways only"};
  auto& write = sql_(column->write);
  bind_key(write, what.key, has_two_parts(*column));
  bind_stored(write, *stored);
  DRAY_CHECK(write.run());
  DRAY_TRY(const auto now, why_unreadable(sql_, *column, what));  // beside what else is stored
  if (now) return Error{ErrorCode::kInvalid, what.table + "." + what.column + ": " + *now};
  if (const auto job = job_key(what.key); job && what.table == "job") DRAY_CHECK(recount(job->rollout));
  if (what.table == "job" && !job_key(what.key)) {
    auto& find = sql_("SELECT rollout_id FROM job WHERE id=CAST(?1 AS INTEGER)");
    find.bind(1, what.key);
    DRAY_TRY([[maybe_unused]] const bool there, find.step());
    const std::int64_t rollout = find.integer(0);
    find.reset();
    DRAY_CHECK(recount(rollout));
  }
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
      "AND name=?2 UNION SELECT id FROM site WHERE ?1='deferral'");
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
