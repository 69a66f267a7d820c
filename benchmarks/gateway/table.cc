#include "table.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <fstream>

namespace dray::bench {
namespace {

bool is_watched() { return ::isatty(STDERR_FILENO) == 1; }

const char* verdict(double ratio, Target target) {
  return ratio > target.limit ? "OVER" : ratio > target.goal ? "ok" : "ok, goal reached";
}

}  // namespace

Table::Table() {
  std::printf("%-22s %-18s %5s  %-12s  %5s %5s  %s\n", "gateway", "nginx", "ratio", "interval", "limit",
              "goal", "medians");
}

void Table::add(const std::string& what, const std::string& peer, const Ratio& r, Target target,
                const std::string& unit) {
  progress("", 0, 0);
  std::printf("%-22s %-18s %5.2f  [%.2f, %.2f]  %5.2f %5.2f  %.4g / %.4g %s: %s\n", what.c_str(),
              peer.c_str(), r.median, r.low, r.high, target.limit, target.goal, r.ours, r.peers, unit.c_str(),
              verdict(r.median, target));
  std::fflush(stdout);
  rows_.push_back({what, peer, unit, r, target});
}

void Table::progress(const std::string& what, std::size_t done, std::size_t of) const {
  if (!is_watched()) return;
  std::fprintf(stderr, "\r\033[K");
  if (of > 0) std::fprintf(stderr, "%s: round %zu of %zu", what.c_str(), done, of);
}

bool Table::end() const {
  bool good = true;
  for (const Row& row : rows_) {
    const Ratio& r = row.ratio;
    if (r.median <= row.target.goal) continue;
    const bool over = r.median > row.target.limit;
    good = good && !over;
    std::printf("%s: %s against %s is %.2f, the %s is %.2f%s\n", over ? "LIMIT MISSED" : "goal missed",
                row.what.c_str(), row.peer.c_str(), r.median, over ? "limit" : "goal",
                over ? row.target.limit : row.target.goal,
                over && r.low <= row.target.limit ? " (the interval allows for it: measure again)" : "");
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began_);
  std::printf("%s; took %lld s\n", good ? "every limit holds" : "A LIMIT IS MISSED",
              static_cast<long long>(seconds.count()));
  return good;
}

void Table::write_json(const std::string& file) const {
  boost::json::array out;
  for (const Row& row : rows_)
    out.push_back({{"name", row.what},
                   {"peer", row.peer},
                   {"ratio", row.ratio.median},
                   {"low", row.ratio.low},
                   {"high", row.ratio.high},
                   {"limit", row.target.limit},
                   {"goal", row.target.goal},
                   {"ours", row.ratio.ours},
                   {"theirs", row.ratio.peers},
                   {"unit", row.unit}});
  std::ofstream{file} << boost::json::serialize(out) << '\n';
}

}  // namespace dray::bench
