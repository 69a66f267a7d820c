// The site's smaller documents (docs/formats.md): deferrals, action histories, counters, the clock's floor,
// link bytes. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "core/model/plan.h"
#include "gateway/history.h"

namespace dray::gateway::documents {

std::string write_deferral(const core::Deferral& deferral);
Result<core::Deferral> read_deferral(const std::string& id, std::string_view text);

std::string write_history(const ActionHistory& history);
Result<ActionHistory> read_history(std::string_view text);
Result<ActionId> action_of(std::string_view id);  // under which a history is kept

// A number of a report above this was never given by counting: it counts as damaged, and a new epoch begins long before the
// numbers end that others can read (2^53-1).
inline constexpr std::int64_t kMostSeq = std::int64_t{1} << 52;

// Of reports and action ids: what must never be used twice.
struct Counters {
  core::ReportsSeen last, acknowledged;
  std::int64_t last_action = 0, action_floor = 0;
  // The ones before could not be read: with the next plan a new epoch begins, as in a gateway that was
  // restored.
  bool lost = false;
  friend bool operator==(const Counters&, const Counters&) = default;
};
std::string write_counters(const Counters& counters);
Result<Counters> read_counters(std::string_view text);

std::string write_clock(WallTime floor);
Result<WallTime> read_clock(std::string_view text);

std::string write_link(const LinkBytes& bytes);
Result<LinkBytes> read_link(std::string_view text);

}  // namespace dray::gateway::documents
