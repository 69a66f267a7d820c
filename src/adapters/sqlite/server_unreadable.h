// Rows beside a site's own that hold something at it because they can't be read. Internal to the adapter.
#pragma once

#include "adapters/sqlite/server_rows.h"

namespace dray::adapters::rows {

// Adds to what can't be read of the site: the rollouts in its plan, their times there, and the types of its
// devices.
Result<> find_what_holds(StatementCache& sql, wire::SiteView& site);

// What says which jobs of the site are in its plan. Where that can't be read, it gets no new one.
Result<> check_membership(StatementCache& sql, const std::string& site, std::vector<wire::Unreadable>& notes);

}  // namespace dray::adapters::rows
