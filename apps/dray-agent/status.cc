// "status": what the agent remembers, read from its state document. Works while it runs, and while it does
// not.
#include <cstdio>

#include "adapters/posix/local_socket.h"
#include "agent/boot.h"
#include "agent/state.h"
#include "device.h"
#include "wire/json.h"

namespace dray::apps {
namespace {

constexpr Duration kPatience{1'000};

// What the running agent says of itself, sentence by sentence: none where none runs.
wire::json::array why_slow(const AgentConfig& config) {
  const auto line = adapters::ask_local(config.socket, R"({"command":"status"})", kPatience);
  const auto answer = line ? wire::parse_json(*line) : Result<wire::json::value>{line.error()};
  const auto* slow = answer && answer->is_object() ? answer->get_object().if_contains("slow") : nullptr;
  return slow != nullptr && slow->is_array() ? slow->get_array() : wire::json::array{};
}

}  // namespace

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
    out["slow"] = why_slow(config);
    std::printf("%s\n", wire::to_text(out).c_str());
    return 0;
  }
  std::printf("%s  %s\n%s\n", config.agent.id.c_str(), phase.c_str(), sentence.c_str());
  for (const wire::json::value& sentence : why_slow(config))
    if (sentence.is_string()) std::printf("  %s\n", sentence.get_string().c_str());
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
