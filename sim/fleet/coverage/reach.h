// Pairs of (row of a table) x (kind of fault) that no seed can reach, whatever it draws, with the reason: so that a page
// tells what is missing from what can't be there.
#pragma once

#include <string_view>

#include "sim/fleet/coverage/pairs.h"

namespace dray::sim::fleet {

enum class Reach {
  kMay,
  kNever,  // by construction
  kUnasked  // nobody in the simulated world ever does what leads there
};
Reach reach_of(const TableRow& row, FaultKind kind);
// A sentence for people; empty for kMay.
std::string_view reason_of(Reach reach);

}  // namespace dray::sim::fleet
