// A range of seeds, on several processes: a seed that ends its process is a failed seed and not the end of the
// range.
#pragma once

#include <cstdint>
#include <vector>

#include "seed.h"

namespace dray::apps {

struct Range {
  struct Span {
    std::uint64_t first = 1, last = 1;
  };
  std::vector<Span> spans;  // run one after the other
  int jobs = 1;
  bool stop_at_first = false;  // failure
  std::string pairs;           // where the page of what was covered is written; empty: nowhere
};

// "1-700" or "1-700,1000001-1000500". False: it is neither.
bool parse_spans(const std::string& text, std::vector<Range::Span>& spans);

// Prints a line a failure, with what replays it, and a sum. The seeds that failed.
std::vector<std::uint64_t> run_range(const SeedCommand& command, const Range& range);

}  // namespace dray::apps
