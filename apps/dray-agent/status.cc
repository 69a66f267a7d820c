// "status": what the agent remembers, read from its state document. Works while it runs, and while it does
// not.
#include <cstdio>

#include "agent/boot.h"
#include "agent/state.h"
#include "device.h"
#include "wire/json.h"

namespace dray::apps {

int print_status(const AgentConfig& config, bool as_json) {
  adapters::PosixDisk disk{config.data};
  const auto state = agent::load_state(disk);
  if (!state && state.error().code() != ErrorCode::kNotFound) {
    std::fprintf(stderr, "dray-agent: %s: %s\n", config.data.c_str(), state.error().message().c_str());
    return 1;
  }
  const core::attempt::Attempt attempt = state ? *state : core::attempt::Attempt{};
  const agent::BootRecord boot = agent::load_boot(disk);
  const std::string phase{core::attempt::phase_name(attempt.phase)};
  const std::string sentence = core::attempt::describe(attempt);
  const bool asks = config.agent.asks_operator && core::attempt::may_cancel(attempt) &&
                    !core::attempt::operator_is_ready(attempt) &&
                    core::attempt::operator_objects(attempt) == nullptr;
  const char* question = "May this device be updated now?";
  if (as_json) {
    wire::json::object out{{"id", config.agent.id},
                           {"phase", phase},
                           {"sentence", sentence},
                           {"action", core::attempt::action_of(attempt).value()},
                           {"question", asks ? wire::json::value{question} : wire::json::value{}},
                           {"trial_starts", boot.trial.empty() ? 0 : boot.starts}};
    wire::json::object spool;
    for (const auto& [name, offset] : attempt.spool) spool[name] = offset;
    out["spool"] = std::move(spool);
    std::printf("%s\n", wire::to_text(out).c_str());
    return 0;
  }
  std::printf("%s  %s\n%s\n", config.agent.id.c_str(), phase.c_str(), sentence.c_str());
  if (asks) std::printf("%s  Answer with: dray-agent answer ready, busy or defer\n", question);
  if (const auto* word = core::attempt::operator_objects(attempt))
    std::printf("  %s said \"not now\"%s%s\n", word->by.c_str(), word->why.empty() ? "" : ": ",
                word->why.c_str());
  if (const auto left = core::attempt::counts_down(attempt))
    std::printf("  looks again in %s\n", say_span(std::chrono::ceil<std::chrono::seconds>(*left)).c_str());
  for (const auto& [name, offset] : attempt.spool)
    std::printf("  %.12s  %s received\n", name.c_str(), human_bytes(offset).c_str());
  if (!boot.trial.empty()) std::printf("  on trial: start %d of %d\n", boot.starts, agent::kMostTrialStarts);
  return 0;
}

}  // namespace dray::apps
