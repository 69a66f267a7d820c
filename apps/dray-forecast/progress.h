// A bar on standard error, where that is a terminal.
#pragma once

#include <cstddef>

namespace dray::apps {

class Progress {
 public:
  explicit Progress(bool quiet);
  void show(std::size_t done, std::size_t all);
  void end();

 private:
  bool shown_;
  int percent_ = -1;
};

}  // namespace dray::apps
