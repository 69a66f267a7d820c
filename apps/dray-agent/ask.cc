// "answer" and "cancel": one request over the running agent's local socket.
#include <cstdio>

#include "adapters/posix/local_socket.h"
#include "device.h"
#include "wire/json.h"

namespace dray::apps {
namespace {

// --for 2h, or --until TIME by this machine's clock: the agent counts down, it need not trust a clock.
Result<std::optional<std::chrono::seconds>> time_of(const LocalWish& wish) {
  using Out = std::optional<std::chrono::seconds>;
  if (!wish.span.empty() && !wish.until.empty())
    return Error{ErrorCode::kInvalid, "--until and --for exclude each other; one of them is enough"};
  if (!wish.span.empty()) {
    DRAY_TRY(const auto span, parse_span(wish.span));
    return Out{span};
  }
  if (wish.until.empty()) return Out{};
  DRAY_TRY(const WallTime until, parse_rfc3339(wish.until));
  const WallTime now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  if (until <= now) return Error{ErrorCode::kInvalid, "--until: is over already"};
  return Out{std::chrono::ceil<std::chrono::seconds>(until - now)};
}

}  // namespace

int ask_agent(const AgentConfig& config, const LocalWish& wish) {
  const auto time = time_of(wish);
  if (!time) return std::fprintf(stderr, "dray-agent: %s\n", time.error().message().c_str()), 2;
  wire::json::object request{{"command", wish.command}, {"by", wish.by}, {"why", wish.why}};
  if (!wish.answer.empty()) request["answer"] = wish.answer;
  if (*time) request["for_s"] = (*time)->count();
  const auto line = adapters::ask_local(config.socket, wire::to_text(request));
  if (!line) {
    std::fprintf(stderr, "dray-agent: %s; is the agent running?\n", line.error().message().c_str());
    return 1;
  }
  const auto answer = wire::parse_json(*line);
  if (!answer || !answer->is_object()) return std::fprintf(stderr, "dray-agent: no agent listens there\n"), 1;
  const auto* sentence = answer->get_object().if_contains("sentence");
  const auto* ok = answer->get_object().if_contains("ok");
  const bool done = ok != nullptr && ok->is_bool() && ok->get_bool();
  if (sentence != nullptr && sentence->is_string())
    std::fprintf(done ? stdout : stderr, "%s\n", sentence->get_string().c_str());
  return done ? 0 : 1;
}

}  // namespace dray::apps
