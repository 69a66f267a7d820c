#include "sim/fleet/damage/rows.h"

#include <array>
#include <vector>

#include "adapters/sqlite/db.h"
#include "wire/json.h"

namespace dray::sim::fleet {
namespace {

// How a column is stored, and so how it is said in JSON.
enum class Form { kDocument, kWord, kFlag, kNumber, kTime };

// Rows by their key, the rollout and the sites that they are about.
struct RowTable {
  std::string_view name, key, rollout, from, sites;
};
constexpr std::string_view kEverySite = "SELECT name FROM site ORDER BY id";
constexpr std::string_view kGoesOn = "r.state NOT IN ('finished', 'aborted')";

constexpr RowTable kSites{"site", "t.name", "''", "site t", "SELECT ?1"};
constexpr RowTable kTypes{"device_type", "t.name", "''", "device_type t",
                          "SELECT DISTINCT s.name FROM device d JOIN site s ON s.id=d.site_id WHERE d.type=?1"};
constexpr RowTable kDevices{"device", "t.name", "''", "device t",
                            "SELECT s.name FROM device d JOIN site s ON s.id=d.site_id WHERE d.name=?1"};
constexpr RowTable kArtifacts{"artifact", "t.sha256", "''", "artifact t", kEverySite};
constexpr RowTable kBlobs{"blob", "t.sha256", "''", "blob t", kEverySite};
constexpr RowTable kRollouts{"rollout", "'r'||t.id", "'r'||t.id", "rollout t JOIN rollout r ON r.id=t.id", kEverySite};
constexpr RowTable kRolloutTypes{"rollout_type", "'r'||t.rollout_id||'/'||t.type", "'r'||t.rollout_id",
                                 "rollout_type t JOIN rollout r ON r.id=t.rollout_id", kEverySite};
constexpr RowTable kPhases{"rollout_phase", "'r'||t.rollout_id||'/'||(t.number+1)", "'r'||t.rollout_id",
                           "rollout_phase t JOIN rollout r ON r.id=t.rollout_id", kEverySite};
constexpr RowTable kAssignments{"assignment", "'r'||t.rollout_id||'-'||(SELECT name FROM site WHERE id=t.site_id)",
                                "'r'||t.rollout_id", "assignment t JOIN rollout r ON r.id=t.rollout_id AND t.in_plan=1",
                                "SELECT substr(?1, instr(?1, '-')+1)"};
constexpr RowTable kJobs{"job", "'r'||t.rollout_id||'-'||(SELECT name FROM device WHERE id=t.device_id)", "'r'||t.rollout_id",
                         "job t JOIN rollout r ON r.id=t.rollout_id JOIN assignment a ON a.id=t.assignment_id AND a.in_plan=1 "
                         "AND t.generation=1",
                         "SELECT s.name FROM device d JOIN site s ON s.id=d.site_id WHERE d.name=substr(?1, instr(?1, '-')+1)"};

struct RowColumn {
  const RowTable& table;
  std::string_view name;
  Form form;
  RowHolds holds;
};
constexpr std::array kColumns{
    RowColumn{kSites, "time_zone", Form::kWord, RowHolds::kSite},
    RowColumn{kSites, "limits", Form::kDocument, RowHolds::kSite},
    RowColumn{kSites, "transfer_windows", Form::kDocument, RowHolds::kSite},
    RowColumn{kSites, "update_windows", Form::kDocument, RowHolds::kSite},
    RowColumn{kSites, "black_outs", Form::kDocument, RowHolds::kSite},
    RowColumn{kTypes, "client", Form::kWord, RowHolds::kNewPlans},
    RowColumn{kTypes, "components", Form::kDocument, RowHolds::kNewPlans},
    RowColumn{kTypes, "steps", Form::kDocument, RowHolds::kNewPlans},
    RowColumn{kTypes, "ask", Form::kWord, RowHolds::kNewPlans},
    RowColumn{kTypes, "ends_on", Form::kWord, RowHolds::kNewPlans},
    RowColumn{kTypes, "power_on_within", Form::kNumber, RowHolds::kNewPlans},
    RowColumn{kDevices, "attributes", Form::kDocument, RowHolds::kNothing},
    RowColumn{kArtifacts, "device_types", Form::kDocument, RowHolds::kNothing},
    RowColumn{kBlobs, "size", Form::kNumber, RowHolds::kNothing},
    RowColumn{kRollouts, "delivery", Form::kWord, RowHolds::kRollout},
    RowColumn{kRollouts, "state", Form::kWord, RowHolds::kRollout},
    RowColumn{kRollouts, "transfer", Form::kDocument, RowHolds::kRollout},
    RowColumn{kRollouts, "update_windows", Form::kDocument, RowHolds::kRollout},
    RowColumn{kRollouts, "transmit_at", Form::kTime, RowHolds::kRollout},
    RowColumn{kRollouts, "update_at", Form::kTime, RowHolds::kRollout},
    RowColumn{kRollouts, "expires_at", Form::kTime, RowHolds::kRollout},
    RowColumn{kRollouts, "retry_limit", Form::kNumber, RowHolds::kRollout},
    RowColumn{kRollouts, "priority", Form::kNumber, RowHolds::kRollout},
    RowColumn{kRollouts, "status_deferral", Form::kNumber, RowHolds::kRollout},
    RowColumn{kRollouts, "computed", Form::kFlag, RowHolds::kRollout},
    RowColumn{kRollouts, "released", Form::kNumber, RowHolds::kRollout},
    RowColumn{kRolloutTypes, "steps", Form::kDocument, RowHolds::kNothing},
    RowColumn{kPhases, "terms", Form::kDocument, RowHolds::kNothing},
    RowColumn{kPhases, "released_at", Form::kTime, RowHolds::kNothing},
    RowColumn{kAssignments, "held", Form::kFlag, RowHolds::kNothing},
    RowColumn{kAssignments, "in_plan", Form::kFlag, RowHolds::kNewPlans},
    RowColumn{kAssignments, "planned_at", Form::kTime, RowHolds::kNothing},
    RowColumn{kJobs, "phase", Form::kNumber, RowHolds::kNewPlans},
    RowColumn{kJobs, "withheld", Form::kFlag, RowHolds::kNewPlans},
    RowColumn{kJobs, "generation", Form::kNumber, RowHolds::kNewPlans},
    RowColumn{kJobs, "cancel_at", Form::kTime, RowHolds::kNewPlans},
    RowColumn{kJobs, "final", Form::kFlag, RowHolds::kNewPlans},
};

struct StoredRow {
  std::string key, rollout, text;
  std::optional<std::int64_t> number;  // where it is one
  bool is_null = false;
};

Result<std::vector<StoredRow>> rows_of(adapters::Db& db, const RowColumn& column) {
  const RowTable& table = column.table;
  const bool rollouts = table.from.find(" r ON ") != std::string_view::npos;
  adapters::Statement find{db, "SELECT " + std::string{table.key} + ", " + std::string{table.rollout} + ", t." + std::string{column.name} +
                                   " FROM " + std::string{table.from} + (rollouts ? " WHERE " + std::string{kGoesOn} : "") + " ORDER BY 1"};
  std::vector<StoredRow> out;
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    StoredRow one{find.text(0), find.text(1), find.text(2), {}, find.is_null(2)};
    if (find.is_integer(2)) one.number = find.integer(2);
    out.push_back(std::move(one));
  }
}

Result<std::set<std::string>> sites_of(adapters::Db& db, const RowTable& table, const std::string& key) {
  adapters::Statement find{db, table.sites};
  if (table.sites.find("?1") != std::string_view::npos) find.bind(1, key);
  std::set<std::string> out;
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    out.insert(find.text(0));
  }
}

// As the API takes it; a rollout whose state can't be read is paused, and nothing else.
std::string as_json(const RowColumn& column, const StoredRow& row) {
  if (column.table.name == "rollout" && column.name == "state") return "\"paused\"";
  if (row.is_null) return "null";
  switch (column.form) {
    case Form::kDocument:
      return row.text;
    case Form::kWord:
      return wire::to_text(wire::json::value(row.text));
    case Form::kFlag:
      return row.number == 1 ? "true" : "false";
    case Form::kTime:
      return "\"" + to_rfc3339(WallTime{Duration{row.number.value_or(0)}}) + "\"";
    case Form::kNumber:
      break;
  }
  const bool counts_from_one = column.table.name == "job" && column.name == "phase";
  return std::to_string(row.number.value_or(0) + (counts_from_one ? 1 : 0));
}

// What was damaged before and has not been put back is left alone.
bool is_whole(const RowColumn& column, const StoredRow& row) {
  if (row.is_null) return column.form == Form::kTime || column.form == Form::kNumber;
  if (column.form == Form::kDocument) return wire::parse_json(row.text).has_value();
  return column.form == Form::kWord ? row.text.find_first_of("[{\xff]") == std::string::npos : row.number.has_value();
}

// Of no column of ours: cut, other bytes, or what nothing of ours ever wrote.
std::string garbage(SimRandom& random) {
  static constexpr std::string_view kShapes[] = {"[[\"oops", "{\"", "\xff\xfe\x80\xc3", "7]]"};
  return std::string{kShapes[random.uniform(std::size(kShapes))]};
}

}  // namespace

std::optional<DamagedRow> damage_row(Node& server, SimRandom& random) {
  if (server.up() || !server.disk().exists("server.db")) return {};
  auto db = adapters::Db::open({.path = "server.db", .vfs = server.vfs()});
  if (!db) return {};
  for (int tries = 0; tries < 8; ++tries) {
    const RowColumn& column = kColumns[random.uniform(kColumns.size())];
    const std::string bad = garbage(random);
    const auto rows = rows_of(*db, column);
    if (!rows || rows->empty()) continue;
    const StoredRow& row = (*rows)[random.uniform(rows->size())];
    if (!is_whole(column, row)) continue;
    const auto sites = sites_of(*db, column.table, row.key);
    adapters::Statement write{*db, "UPDATE " + std::string{column.table.name} + " AS t SET " + std::string{column.name} + "=?1 WHERE " +
                                      std::string{column.table.key} + "=?2"};
    write.bind(1, bad).bind(2, row.key);
    if (!sites || !write.run()) return {};
    return DamagedRow{std::string{column.table.name}, row.key,          std::string{column.name},
                      column.holds,                   row.rollout,      *sites,
                      as_json(column, row)};
  }
  return {};
}

}  // namespace dray::sim::fleet
