// The times that were computed for a rollout at a site, as columns of `assignment`. Internal to the adapter.
#pragma once

#include <optional>
#include <string>

#include "adapters/columns/columns.h"
#include "adapters/sqlite/server_store.h"

namespace dray::adapters::times {

// Columns in this order, from `first` on; of `assignment a`.
inline constexpr std::string_view kColumns =
    "a.planned_at, a.transmit_at, a.update_at, a.fetched_at, a.finish_at, a.transfer, a.update_windows, "
    "a.shares, a.misfit, a.misfit_sentence, a.wan_rate, a.lan_rate, a.missing, a.devices, a.deferred_until, "
    "a.terms";
// Nothing: it was never planned. kInvalid: it was, and can't be read.
Result<std::optional<server::PlannedSite>> planned_at(const Statement& row, int first);

Result<> save(StatementCache& sql, const server::SiteResult& result);
// Something has happened that may change the times.
Result<> ask(StatementCache& sql, std::int64_t assignment);
Result<> ask_rollout(StatementCache& sql, std::int64_t rollout);
Result<> ask_site(StatementCache& sql, std::int64_t site);
// What people set has changed. A paused rollout is not planned, so what it has is forgotten: resumed, it waits
// for times by what holds then.
Result<> ask_anew(StatementCache& sql, std::optional<std::int64_t> site);
// What is measured and stored moves computed times only; given ones are looked at by the hour.
Result<> ask_computed(StatementCache& sql, std::int64_t site);

}  // namespace dray::adapters::times
