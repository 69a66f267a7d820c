// The rates of links in the server's tables: rows of reports in, estimates out (core/schedule/rate.h).
// Internal to the adapter; on whichever connection the statements are of.
#pragma once

#include "adapters/sqlite/server_store.h"
#include "core/schedule/rate.h"

namespace dray::adapters::link_rates {

// A `rate` report. What no link of this site is, and what a gateway only assumes, is dropped. True: it was
// kept, and summarize() is due for its link.
Result<bool> save(StatementCache& sql, std::int64_t site_id, const wire::Report& report,
                  const wire::RateReport& rate, WallTime now);
Result<> summarize(StatementCache& sql, std::int64_t site_id, const std::string& link,
                   const std::string& device, WallTime now);

// As expected at `at`. kNotFound: no such site, no such device.
Result<core::LinkRate> wan(StatementCache& sql, const std::string& site, WallTime at, WallTime now);
Result<core::LinkRate> lan(StatementCache& sql, const std::string& device, WallTime at, WallTime now);
Result<core::SiteRates> site(StatementCache& sql, const std::string& site, WallTime at, WallTime now);

}  // namespace dray::adapters::link_rates
