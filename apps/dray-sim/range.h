// A range of seeds, on several processes: a seed that ends its process is a failed seed and not the end of the
// range.
#pragma once

#include <cstdint>
#include <vector>

#include "seed.h"

namespace dray::apps {

struct Range {
  std::uint64_t first = 1, last = 1;
  int jobs = 1;
  bool stop_at_first = false;  // failure
  std::string pairs;           // where the page of what was covered is written; empty: nowhere
};

// Prints a line a failure, with what replays it, and a sum. The seeds that failed.
std::vector<std::uint64_t> run_range(const SeedCommand& command, const Range& range);

}  // namespace dray::apps
