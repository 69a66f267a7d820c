// The site's smaller documents (docs/formats.md): deferrals, action histories, counters, the clock's floor,
// link bytes, reports that were set aside, which gateway this is. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/identity/place.h"
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

// Artifacts of which a gateway before this one may have sent bytes to devices.
std::string write_sent_before(const std::set<Sha256>& artifacts);
Result<std::set<Sha256>> read_sent_before(std::string_view text);

// Deferrals of the site that were withdrawn here, and until when each would have stood: none of them comes back.
using Withdrawn = std::map<std::string, WallTime>;
std::string write_withdrawn(const Withdrawn& withdrawn);
Result<Withdrawn> read_withdrawn(std::string_view text);

// A report that a server could not take.
struct Aside {
  std::string report, why;  // as it was sent; what the server said
  WallTime at;
};
std::string write_aside(const Aside& aside);
Result<Aside> read_aside(std::string_view text);

// Which gateway this is, and where its data lay.
struct InstanceRecord {
  std::string name;
  core::Place place;
  bool fresh_epoch = false;               // a copy whose own epoch is still to begin
  std::optional<WallTime> refused_since;  // the server lets another gateway answer
};
std::string write_instance(const InstanceRecord& instance);
Result<InstanceRecord> read_instance(std::string_view text);

}  // namespace dray::gateway::documents
