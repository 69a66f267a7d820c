// References between tables. A row that refers to one that there is not was damaged: nothing ever writes it, because
// rows that are referred to stay. Found here before a join leaves out what they hold. Internal to the adapter.
#pragma once

#include "adapters/sqlite/server_rows.h"

namespace dray::adapters::rows {

// Rows without which something of the site's plan would be missing. Cheap where none is damaged: what has no known site
// is found by the order of an index, because no id lies beyond those of the sites.
Result<> check_references(StatementCache& sql, std::int64_t site_id, std::vector<wire::Unreadable>& notes);

// The same of the releases of its rollouts: without them nobody joins, and the plan is as it was.
Result<> check_releases(StatementCache& sql, std::int64_t site_id, std::vector<wire::Unreadable>& notes);

// kCorrupt: a job may be of this rollout, and of any device, so nobody can be said to have none of it.
Result<> check_owners(StatementCache& sql, std::int64_t rollout_id);

// All of them, a bounded number of each kind. Reads whole tables.
Result<std::vector<wire::Unreadable>> find_dangling(StatementCache& sql);

// A deferral that stands: one whose end can't be read does. Its columns need no name of the table before them.
inline constexpr std::string_view kStands = "(typeof(withdrawn_at)<>'integer' OR withdrawn_at NOT BETWEEN 0 AND 253402300799999)";
// A row of `deferral` (by this name) that is about the site ?1, or may be: where its site can't be known, its device's,
// and without one every site.
inline constexpr std::string_view kMayBeAboutSite =
    "(deferral.site_id=?1 OR (NOT EXISTS(SELECT 1 FROM site WHERE site.id=deferral.site_id) AND "
    "coalesce((SELECT d.site_id=?1 FROM device d JOIN site ON site.id=d.site_id WHERE d.name=deferral.device), 1)))";
// Of it, in this order: id, device, rollout_id, until, withdrawn_at, by, why; whether there is its site, its device, its
// rollout, where it names them.
inline constexpr std::string_view kDeferralColumns =
    "id, device, rollout_id, until, withdrawn_at, by, why, EXISTS(SELECT 1 FROM site WHERE site.id=deferral.site_id), "
    "device='' OR EXISTS(SELECT 1 FROM device d WHERE d.name=deferral.device), rollout_id IS NULL OR "
    "EXISTS(SELECT 1 FROM rollout r WHERE r.id=deferral.rollout_id)";
// What of these can't be read.
void check_deferral(const Statement& row, std::vector<wire::Unreadable>& notes);
// As the plan of a site has it: whatever can't be read means more devices, longer.
core::Deferral deferral_of(const Statement& row, const SiteId& site);
// Until when it holds: without end where that can't be read.
inline constexpr std::string_view kUntil =
    "(CASE WHEN typeof(until)='integer' AND until BETWEEN 0 AND 253402300799999 THEN until ELSE 253402300799999 END)";

}  // namespace dray::adapters::rows
