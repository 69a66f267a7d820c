#include "progress.h"

#include <unistd.h>

#include <cstdio>
#include <string>

namespace dray::apps {

Progress::Progress(bool quiet) : shown_{!quiet && ::isatty(STDERR_FILENO) == 1} {}

void Progress::show(std::size_t done, std::size_t all) {
  const int percent = static_cast<int>(100 * done / all);
  if (!shown_ || percent == percent_) return;
  percent_ = percent;
  const auto full = static_cast<std::size_t>(percent) * 40 / 100;
  std::fprintf(stderr, "\rplaying [%s%s] %3d %%", std::string(full, '#').c_str(), std::string(40 - full, '.').c_str(), percent);
}

void Progress::end() {
  if (shown_ && percent_ >= 0) std::fprintf(stderr, "\r%60s\r", "");
}

}  // namespace dray::apps
