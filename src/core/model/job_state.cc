#include "core/model/job_state.h"

#include <algorithm>
#include <array>
#include <ostream>

namespace dray::core {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, static_cast<std::size_t>(JobState::kUnknown) + 1> kStateWords{
    "idle",
    "scheduled",
    "waiting_window",
    "waiting_gateway",
    "deferred",
    "waiting_confirm",
    "downloading",
    "downloaded",
    "installing",
    "rebooting",
    "verifying",
    "succeeded",
    "failed",
    "rolled_back",
    "cancelled",
    "expired",
    "incompatible",
    "unknown",
};
static_assert(kStateWords.back() == "unknown");

}  // namespace

std::string_view to_string(JobState state) { return kStateWords[static_cast<std::size_t>(state)]; }

std::optional<JobState> job_state_of(std::string_view word) {
  const auto known = kStateWords.end() - 1;
  const auto found = std::find(kStateWords.begin(), known, word);
  if (found == known) return {};
  return static_cast<JobState>(found - kStateWords.begin());
}

std::string job_state_words() {
  std::string out;
  for (const std::string_view word : kStateWords)
    if (word != kStateWords.back()) out += (out.empty() ? "" : ", ") + std::string{word};
  return out;
}

std::ostream& operator<<(std::ostream& out, JobState state) { return out << to_string(state); }

}  // namespace dray::core
