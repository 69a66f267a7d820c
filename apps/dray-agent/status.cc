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

// What the running agent says of itself; nothing where none runs.
struct Live {
  std::string starting;    // why it can't begin; empty: it has
  wire::json::array slow;  // sentence by sentence
};
Live ask_status(const AgentConfig& config) {
  const auto line = adapters::ask_local(config.socket, R"({"command":"status"})", kPatience);
  const auto answer = line ? wire::parse_json(*line) : Result<wire::json::value>{line.error()};
  Live out;
  if (!answer || !answer->is_object()) return out;
  const auto text = [&](const char* key) {
    const auto* found = answer->get_object().if_contains(key);
    return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
  };
  if (text("phase") == "starting") out.starting = text("sentence");
  if (const auto* slow = answer->get_object().if_contains("slow"); slow != nullptr && slow->is_array()) out.slow = slow->get_array();
  return out;
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
  const Live live = ask_status(config);
  const bool starts = !live.starting.empty();
  const std::string phase{starts ? "starting" : core::attempt::phase_name(attempt.phase)};
  const bool idle = std::holds_alternative<core::attempt::Idle>(attempt.phase);
  // With a word of its own beside it, "nothing to do" would say the opposite.
  const std::string sentence = starts                        ? live.starting
                               : idle && !live.slow.empty() ? "No update is in work here now."
                                                             : core::attempt::describe(attempt);
  const bool asks = config.agent.asks_operator && core::attempt::may_cancel(attempt) &&
                    !core::attempt::operator_is_ready(attempt) &&
                    core::attempt::operator_objects(attempt) == nullptr;
  const char* question = "May this device be updated now?";
  if (as_json) {
    wire::json::object out{{"id", config.agent.id},
                           {"phase", phase},
                           {"sentence", sentence},
                           {"action", core::attempt::action_of(attempt).value()},
                           {"question", asks ? wire::json::value(question) : wire::json::value{}},
                           {"trial_starts", boot.trial.empty() ? 0 : boot.starts}};
    wire::json::object spool;
    for (const auto& [name, offset] : attempt.spool) spool[name] = offset;
    out["spool"] = std::move(spool);
    out["slow"] = live.slow;
    std::printf("%s\n", wire::to_text(out).c_str());
    return 0;
  }
  std::printf("%s  %s\n%s\n", config.agent.id.c_str(), phase.c_str(), sentence.c_str());
  for (const wire::json::value& one : live.slow)
    if (one.is_string()) std::printf("  %s\n", one.get_string().c_str());
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
