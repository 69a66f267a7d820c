// How long devices took, in the server's tables: what sites report in, what the planner counts on out
// (core/schedule/install_times.h). Internal to the adapter; on whichever connection the statements are of.
//
// Rows of older programs name no site (0) and count as one of their own.
#pragma once

#include "adapters/sqlite/server_store.h"
#include "core/schedule/install_times.h"

namespace dray::adapters::installs {

// Of each site the newest ones, and of a type as many as make a good estimate.
Result<> save(StatementCache& sql, std::int64_t site_id, const std::string& type, Duration took);

// By the site's id as text.
Result<core::InstallTimes> of_type(StatementCache& sql, const std::string& type);

// Of the types of the site's devices, those of which it says what others do not.
Result<> find_far_off(StatementCache& sql, wire::SiteView& site);

}  // namespace dray::adapters::installs
