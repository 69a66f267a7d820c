// What somebody on the device may ask the agent: its state, to answer its standing question, to cancel.
#include "agent/session.h"
#include "base/text.h"
#include "wire/json.h"

namespace dray::agent {

namespace at = core::attempt;
namespace json = wire::json;

namespace {

// Between two attempts, or before the first one, the job is its alone.
constexpr std::string_view kOfTheGateway =
    " A job that is to come, or to be tried again, is the gateway's: there \"drayctl --gateway URL jobs\" shows it, and "
    "\"drayctl --gateway URL cancel JOB\" ends it.";

struct Request {
  std::string command, answer, by, why;
  std::optional<std::chrono::seconds> time;
};

// Their terminal may speak another encoding: their words are cleaned, and only what is too long is refused.
std::string line_or_empty(const wire::Node& node, std::string_view key, std::size_t longest) {
  const auto found = node.maybe(key);
  return found ? one_line(found->text(longest), longest) : std::string{};
}

Result<Request> decode_request(std::string_view line) {
  return wire::decode<Request>(wire::parse_sloppy_json(line), [](const wire::Node& n) {
    n.only({"command", "answer", "for_s", "by", "why"});
    Request out{n.at("command").text(wire::kLongestWord),
                line_or_empty(n, "answer", wire::kLongestWord),
                line_or_empty(n, "by", wire::kLongestBy),
                line_or_empty(n, "why", wire::kLongestWhy),
                {}};
    if (const auto time = n.maybe("for_s")) out.time = std::chrono::seconds{time->integer(1, 30 * 86'400)};
    return out;
  });
}

std::string refusal(std::string_view code, std::string_view sentence) {
  return wire::to_text(json::object{{"ok", false}, {"code", code}, {"sentence", sentence}});
}

std::string done(std::string_view sentence) {
  return wire::to_text(json::object{{"ok", true}, {"sentence", sentence}});
}

json::array sentences(const std::vector<std::string>& all) {
  json::array out;
  for (const std::string& sentence : all) out.emplace_back(sentence);
  return out;
}

std::string status_of_starting(const std::string& why, const std::vector<std::string>& why_slow) {
  return wire::to_text(json::object{{"ok", true}, {"phase", "starting"}, {"sentence", why}, {"action", 0}, {"question", json::value{}}, {"slow", sentences(why_slow)}});
}

std::string status(const at::Attempt& attempt, bool asks, const std::vector<std::string>& why_slow) {
  json::object out{{"ok", true},
                   {"phase", at::phase_name(attempt.phase)},
                   {"sentence", at::describe(attempt)},
                   {"action", at::action_of(attempt).value()},
                   {"question", asks ? json::value("May this device be updated now?") : json::value{}},
                   {"slow", sentences(why_slow)}};
  if (const auto left = at::counts_down(attempt))
    out["left_s"] = std::chrono::ceil<std::chrono::seconds>(*left).count();
  return wire::to_text(out);
}

// What a word brings about beyond being noted.
std::string what_follows(const at::Attempt& attempt, bool is_asked) {
  if (const auto* offered = std::get_if<at::Offered>(&attempt.phase); offered != nullptr && offered->again)
    return " The gateway is told now, or as soon as it can be reached.";
  if (!is_asked && at::operator_objects(attempt) == nullptr) return " No update is asked for now; what was said before holds no longer.";
  return "";
}

// "ines (alex)": who it was by their own word, and by the kernel's.
std::string by_whom(const Request& request, const std::string& who) {
  const std::string both = request.by.empty() || request.by == who ? who : request.by + " (" + who + ")";
  return clean_text(both, wire::kLongestBy);
}

Result<at::Word> asked_word(const Request& request, const std::string& who) {
  at::Word word{at::AnswerKind::kReady, {}, by_whom(request, who), request.why, request.time};
  if (request.answer == "busy")
    word.kind = at::AnswerKind::kBusy;
  else if (request.answer == "defer")
    word.kind = at::AnswerKind::kDefer;
  else if (request.answer != "ready")
    return Error{ErrorCode::kInvalid, "answer: must be ready, busy or defer"};
  if (word.kind == at::AnswerKind::kDefer && !word.left)
    return Error{ErrorCode::kInvalid, "for_s: a deferral needs a time"};
  if (word.kind == at::AnswerKind::kReady && word.left)
    return Error{ErrorCode::kInvalid, "for_s: a ready needs no time; it is good for this update"};
  return word;
}

}  // namespace

Task<std::string> Agent::local_call(std::string line, std::string who) {
  if (!session_) co_return refusal("starting", "The agent is starting.");
  const auto request = decode_request(line);
  if (!request) co_return refusal("invalid", request.error().message());
  if (!session_->loaded()) {
    if (request->command == "status") co_return status_of_starting(session_->cannot_tell(), session_->why_slow());
    co_return refusal("starting", session_->cannot_tell());
  }
  std::string answer;
  if (request->command == "status") {
    co_return status(session_->attempt(), session_->asks_operator(), session_->why_slow());
  } else if (request->command == "answer") {
    auto word = asked_word(*request, who);
    if (!word) co_return refusal("invalid", word.error().message());
    const bool objected = at::operator_objects(session_->attempt()) != nullptr;
    const bool is_asked = at::may_cancel(session_->attempt()) || !session_->attempt().answered.empty();
    if (word->kind == at::AnswerKind::kReady && !is_asked && !objected)
      co_return refusal("not_asked", "Nobody has asked. " + at::describe(session_->attempt()));
    session_->say(std::move(*word));
    answer = done("Noted: " + request->answer + "." + what_follows(session_->attempt(), is_asked));
  } else if (request->command == "cancel") {
    const at::Attempt& attempt = session_->attempt();
    if (at::is_trial(attempt)) co_return refusal("too_late", "Too late: " + at::describe(attempt) + ".");
    if (!at::may_cancel(attempt))
      co_return refusal("nothing_here", "No update is in work here now. " + at::describe(attempt) + std::string{kOfTheGateway});
    session_->apply(at::CancelledHere{by_whom(*request, who), request->why});
    answer = done("Cancelled before the switch-over; the old software stays.");
  } else {
    co_return refusal("invalid", "command: must be status, answer or cancel");
  }
  const auto durable = co_await session_->settled();
  if (!durable) co_return refusal("stopping", "The agent is stopping.");
  co_return answer;
}

}  // namespace dray::agent
