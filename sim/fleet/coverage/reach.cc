#include "sim/fleet/coverage/reach.h"

namespace dray::sim::fleet {
namespace {

// Soak times, approvals, pauses and retries.
bool is_unasked(const TableRow& row) {
  if (row.machine != "rollout") return false;
  for (const std::string_view state : {row.from, row.to})
    if (state == "soaking" || state == "waiting_approval") return true;
  return row.event == "pause_asked" || row.event == "approve_asked" || row.event == "retry_asked";
}

}  // namespace

Reach reach_of(const TableRow& row, FaultKind kind) {
  if (is_unasked(row)) return Reach::kUnasked;
  // The row of a machine counts with what is at work at it and at those that it talks to (FleetWorld::watch_tables).
  return row.machine == "attempt" && kind == FaultKind::kRowDamaged ? Reach::kNever : Reach::kMay;
}

std::string_view reason_of(Reach reach) {
  switch (reach) {
    case Reach::kMay:
      break;
    case Reach::kNever:
      return "an attempt is a device's, which talks to its gateway alone: a row of the server is neither's";
    case Reach::kUnasked:
      return "the operators' script has no soak times, approvals, pauses and retries; acts in `sim/fleet/script.cc` would lead there";
  }
  return {};
}

}  // namespace dray::sim::fleet
