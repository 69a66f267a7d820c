// In which state a job is, as its gateway reports it and people read it (docs/job.md): one enumeration and its words, the
// same for gateway, server, simulator and command line. Pure.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace dray::core {

enum class JobState {
  kIdle,
  kScheduled,
  kWaitingWindow,
  kWaitingGateway,
  kDeferred,
  kWaitingConfirm,
  kDownloading,
  kDownloaded,
  kInstalling,
  kRebooting,
  kVerifying,
  kSucceeded,
  kFailed,
  kRolledBack,
  kCancelled,
  kExpired,
  kIncompatible,
  kUnknown,  // a word that is stored and that nobody knows: not ended, and nothing more is decided by it
};

std::string_view to_string(JobState state);  // "waiting_window"
// Nothing where it is no state, or "unknown".
std::optional<JobState> job_state_of(std::string_view word);
// All that a gateway may report, for people: "idle, scheduled, ..., incompatible".
std::string job_state_words();
std::ostream& operator<<(std::ostream& out, JobState state);  // its word

}  // namespace dray::core
