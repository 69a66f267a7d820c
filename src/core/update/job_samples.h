// Samples for the tests of jobs: one device, one rollout of an image and, where two steps are wanted, of an
// app.
#pragma once

#include <ostream>

#include "core/update/job.h"

namespace dray::core {

inline void PrintTo(const PublicState& said, std::ostream* out) {  // GoogleTest finds it by this name
  *out << said.state << " / " << said.reason << " / " << said.sentence << " / "
       << (said.until ? to_rfc3339(*said.until) : "-");
}

}  // namespace dray::core

namespace dray::core::samples {

inline WallTime at(int minutes, int seconds = 0) {  // 2026-11-24 22:00 UTC + minutes
  return WallTime{std::chrono::seconds{1795557600 + 60 * minutes + seconds}};
}

inline Sha256 sha(char digit) { return *Sha256::parse(std::string(64, digit)); }

inline StepArtifact image() { return {"os", "26.11", sha('c'), 1'000}; }
inline StepArtifact other_image() { return {"os", "26.12", sha('d'), 2'000}; }
inline StepArtifact app() { return {"app", "7", sha('a'), 10}; }

// Planned for 22:15, permitted 22:00 to 02:00, expires at 06:00; our agent.
inline JobTerms terms() {
  JobTerms t;
  t.id = JobId{"r12-till-014"};
  t.device = DeviceId{"till-014"};
  t.assignment = AssignmentId{"r12-berlin"};
  t.rollout = RolloutId{"r12"};
  t.planned_at = at(15);
  t.expires_at = at(480);
  t.update = {{at(0), at(240)}};
  t.steps = {{image()}};
  t.ask = Ask::kConfirmation;
  t.ends_on = EndsOn::kPowerOn;
  return t;
}

// A client that we did not write.
inline JobTerms foreign_terms() {
  JobTerms t = terms();
  t.ask = Ask::kPoll;
  t.ends_on = EndsOn::kClosed;
  return t;
}

inline RunningByComponent runs(const std::string& os, const std::string& app = "") {
  RunningByComponent r{{"os", {os, ""}}};
  if (!app.empty()) r["app"] = {app, ""};
  return r;
}

inline Given given(WallTime now) {
  Given g;
  g.now = now;
  g.stored = true;
  g.jitter = 0.5;
  g.next_action = ActionId{1101};
  g.running = runs("26.10");
  g.boot_id = "boot-1";
  return g;
}

inline Job with_phase(Job job, JobPhase phase) {
  job.phase = std::move(phase);
  return job;
}

}  // namespace dray::core::samples
