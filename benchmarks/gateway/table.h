// What was measured, line by line as it becomes known, and what of it misses its target.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "compare.h"

namespace dray::bench {

struct Target {
  double limit = 0;  // must hold
  double goal = 0;   // where we want to be
};

class Table {
 public:
  Table();
  // One line. unit: of both costs, "us a poll".
  void add(const std::string& what, const std::string& peer, const Ratio& ratio, Target target,
           const std::string& unit);
  // Overwritten by the next one, and only where somebody watches.
  void progress(const std::string& what, std::size_t done, std::size_t of) const;
  // What is missed, and how long it took. False: a limit is.
  bool end() const;
  void write_json(const std::string& file) const;

 private:
  struct Row {
    std::string what, peer, unit;
    Ratio ratio;
    Target target;
  };
  std::vector<Row> rows_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace dray::bench
