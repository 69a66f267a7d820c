// Columns of the server's database damaged at rest: what is stored of one row can't be read any more, while the database
// around it is whole. What is known of each column, and what follows, is docs/formats-server.md.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "sim/world.h"

namespace dray::sim::fleet {

// What becomes of the plans of the sites that it is about, until it is replaced.
enum class RowHolds {
  kSite,      // nothing new starts there
  kRollout,   // nothing new of this rollout does, at any site
  kNewPlans,  // they get no new one
  kNothing    // that could be told from a plan
};

struct DamagedRow {
  std::string table, key, column;
  RowHolds holds{};
  std::string rollout;          // whose row it is; empty: no rollout's
  std::set<std::string> sites;  // that may notice
  std::string replacement;      // JSON, as an operator who has kept records puts it back
};
// Damages one column of a row of the server on this machine, which has no power: of its sites, types, devices and
// artifacts, or of a rollout that goes on. Nothing: there is no database yet, or no such row.
std::optional<DamagedRow> damage_row(Node& server, SimRandom& random);

}  // namespace dray::sim::fleet
