// What a run covered, as pairs of (row of the job, attempt and rollout tables) x (kind of fault that was at work, or just
// over, where the row was taken). A row without any fault counts as none.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "drive/driver.h"
#include "sim/fleet/coverage/fault_kind.h"

namespace dray::sim::fleet {

// Rows of all three tables, in their order: "job", "Ready Feedback Backoff".
struct TableRow {
  std::string_view machine, from, event, to;
};
const std::vector<TableRow>& table_rows();
// Kinds of faults by row, a bit each (FaultKind).
using Covered = std::vector<std::uint64_t>;

// Which faults are at work, by the machine that they are about. "": everywhere.
class FaultLog {
 public:
  // A fault is counted for so long after its end: its consequences come then.
  static constexpr Duration kLinger{30 * 60'000};

  void begins(FaultKind kind, const std::string& subject, SteadyTime now, Duration lasts = Duration{0});
  std::uint64_t active(const std::string& subject, SteadyTime now) const;  // a bit each

 private:
  std::map<std::string, std::array<SteadyTime, kFaultKinds.size()>, std::less<>> until_;
};

class Pairs {
 public:
  Pairs();
  // A machine of this kind took this row while these faults were at work.
  void crossed(const Crossing& crossing, std::uint64_t faults);
  const Covered& covered() const { return covered_; }

 private:
  Covered covered_;
};

// For people: how many of all, by table.
std::string summary(const Covered& covered);
// A page: one line a row, a column a kind, and what no seed reached. docs/coverage-pairs.md.
std::string page(const Covered& covered, const std::string& seeds);

}  // namespace dray::sim::fleet
