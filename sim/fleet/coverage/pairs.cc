#include "sim/fleet/coverage/pairs.h"

#include <algorithm>
#include <tuple>

#include "core/rollout/rollout.h"
#include "core/update/attempt.h"
#include "core/update/job.h"
#include "sim/fleet/coverage/reach.h"

namespace dray::sim::fleet {
namespace {

template <class Rows>
void add(std::vector<TableRow>& out, std::string_view machine, const Rows& rows) {
  for (const auto& row : rows) out.push_back({machine, row.from, row.event, row.to});
}

using Key = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>;

const std::map<Key, std::size_t>& places() {
  static const std::map<Key, std::size_t> all = [] {
    std::map<Key, std::size_t> out;
    const auto& rows = table_rows();
    for (std::size_t i = 0; i < rows.size(); ++i) out[{rows[i].machine, rows[i].from, rows[i].event, rows[i].to}] = i;
    return out;
  }();
  return all;
}

// `all`: those that can be.
std::size_t reached(const Covered& covered, std::string_view machine, std::size_t& all) {
  std::size_t out = 0;
  const auto& rows = table_rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!machine.empty() && rows[i].machine != machine) continue;
    for (std::size_t kind = 0; kind < kFaultKinds.size(); ++kind) {
      const bool is_reached = (covered[i] >> kind & 1) != 0;
      all += is_reached || reach_of(rows[i], static_cast<FaultKind>(kind)) == Reach::kMay;
      out += is_reached;
    }
  }
  return out;
}

std::string of_all(const Covered& covered, std::string_view machine) {
  std::size_t all = 0;
  const std::size_t some = reached(covered, machine, all);
  return std::to_string(some) + " of " + std::to_string(all);
}

char sign_of(Reach reach) { return reach == Reach::kMay ? '.' : reach == Reach::kNever ? '-' : '?'; }

std::string row_line(const TableRow& row, std::uint64_t kinds) {
  std::string out = "| `" + std::string{row.from} + " " + std::string{row.event} + " " + std::string{row.to} + "` | `";
  for (std::size_t kind = 0; kind < kFaultKinds.size(); ++kind) 
    out += (kinds >> kind & 1) != 0 ? '#' : sign_of(reach_of(row, static_cast<FaultKind>(kind)));
  return out + "` |\n";
}

}  // namespace

const std::vector<TableRow>& table_rows() {
  static const std::vector<TableRow> all = [] {
    std::vector<TableRow> out;
    add(out, "job", core::job_transitions());
    add(out, "attempt", core::attempt::transitions());
    add(out, "rollout", core::rollout_transitions());
    return out;
  }();
  return all;
}

void FaultLog::begins(FaultKind kind, const std::string& subject, SteadyTime now, Duration lasts) {
  SteadyTime& until = until_[subject][static_cast<std::size_t>(kind)];
  until = std::max(until, now + lasts + kLinger);
}

std::uint64_t FaultLog::active(const std::string& subject, SteadyTime now) const {
  std::uint64_t out = 0;
  const auto found = until_.find(subject);
  if (found == until_.end()) return out;
  for (std::size_t kind = 0; kind < kFaultKinds.size(); ++kind)
    if (now < found->second[kind]) out |= std::uint64_t{1} << kind;
  return out;
}

Pairs::Pairs() : covered_(table_rows().size()) {}

void Pairs::crossed(const Crossing& crossing, std::uint64_t faults) {
  if (crossing.point != Crossing::Point::kBeforeSave) return;
  const auto found = places().find({crossing.machine, crossing.from, crossing.event, crossing.to});
  if (found != places().end()) covered_[found->second] |= faults;
}

std::string summary(const Covered& covered) {
  return "covered " + of_all(covered, "") + " pairs of (row of a table) x (kind of fault) that can be: job " + of_all(covered, "job") +
         ", attempt " + of_all(covered, "attempt") + ", rollout " + of_all(covered, "rollout");
}

std::string page(const Covered& covered, const std::string& seeds) {
  std::string out = "# Pairs of rows and faults that seeds " + seeds + " reached\n\nMade by `dray-sim --pairs`; ";
  out += "[the fault model](fault-model.md) says what is counted and why what is missing is missing.\n\n" + summary(covered);
  out += ".\n\nColumns, from the left:";
  for (std::size_t kind = 0; kind < kFaultKinds.size(); ++kind) {
    std::size_t rows = 0;
    for (const std::uint64_t kinds : covered) rows += kinds >> kind & 1;
    out += (kind == 0 ? " " : ", ") + std::to_string(kind + 1) + " `" + std::string{kFaultKinds[kind]} + "` (" +
           std::to_string(rows) + ")";
  }
  out += ". In parentheses: rows that it was seen at.\n\n`#`: seen. `.`: not seen.";
  for (const Reach reach : {Reach::kNever, Reach::kUnasked}) {
    out += " `";
    out += sign_of(reach);
    out.append("`: can't be, and is not counted: ").append(reason_of(reach)).append(".");
  }
  out += "\n";
  std::string_view machine;
  const auto& rows = table_rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].machine != machine) {
      machine = rows[i].machine;
      out += "\n## " + std::string{machine} + ": " + of_all(covered, machine) + "\n\n| row | faults |\n|---|---|\n";
    }
    out += row_line(rows[i], covered[i]);
  }
  return out;
}

}  // namespace dray::sim::fleet
