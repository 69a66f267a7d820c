// Rows beside a site's own that hold something at it because they can't be read. Internal to the adapter.
#pragma once

#include "adapters/sqlite/server_rows.h"

namespace dray::adapters::rows {

// Adds to what can't be read of the site: the rollouts in its plan, their times there, and the types of its
// devices.
Result<> find_what_holds(StatementCache& sql, wire::SiteView& site);

}  // namespace dray::adapters::rows
