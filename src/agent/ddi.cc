#include "agent/ddi.h"

#include "base/text.h"
#include "wire/ddi.h"
#include "wire/http_fields.h"
#include "wire/json.h"
#include "wire/page.h"

namespace dray::agent {
namespace {

namespace client = wire::client;

constexpr std::size_t kLargestAnswer = 1 << 20;
constexpr std::size_t kMostWords = 4096;  // of what was refused, in the log
constexpr std::size_t kLongestErrorCode = 128;
constexpr std::string_view kTokenRefused = "the gateway knows no device of this name with this token: look at both";
constexpr int kHeard = 5;  // polls that were read since a page came: what answers with pages is the server itself
constexpr Duration kPatience{15'000};  // without a byte of an answer that nobody holds back

Error status_error(int status) {
  const std::string text = "status " + std::to_string(status);
  if (status == 404 || status == 410) return {ErrorCode::kNotFound, text};
  if (status == 405 || status == 409) return {ErrorCode::kConflict, text};  // not at this action, not now
  if (status == 401 || status == 403) return {ErrorCode::kDenied, text};
  if (status == 429 || status >= 500) return {ErrorCode::kUnavailable, text};
  return {ErrorCode::kInvalid, text};
}

// A quota on how many there may be says so in the document of its answer, and is no better later; one on the rate has
// none (docs/ddi.md, 1).
std::optional<std::string> quota_on_the_count(const TextResponse& answer) {
  if (answer.status != 429) return {};
  const auto body = wire::parse_json(answer.body);
  const auto* object = body ? body->if_object() : nullptr;
  const auto* code = object != nullptr ? object->if_contains("errorCode") : nullptr;
  if (code == nullptr || !code->is_string() || code->as_string().empty()) return {};
  return clean_text(code->as_string(), kLongestErrorCode);
}

Error refused_with(const TextResponse& answer) {
  if (const auto code = quota_on_the_count(answer)) return {ErrorCode::kInvalid, "status 429, " + *code};
  return status_error(answer.status);
}

bool is_success(int status) { return status >= 200 && status <= 299; }

Error page_error() { return {ErrorCode::kUnavailable, "a page came where an answer was due: somebody on the way answers"}; }

}  // namespace

// The name under which this device calls: the last part of the address.
std::string Ddi::device_name() const {
  const auto slash = server_.base.rfind('/');
  const auto name = wire::unescape_url(slash == std::string::npos ? server_.base : server_.base.substr(slash + 1));
  return clean_name(name ? *name : server_.base);
}

HttpRequest Ddi::request(Method method, std::string target) const {
  HttpRequest out{method, std::move(target)};
  // A link may lead anywhere; the token is for the server that it was made for.
  if (!server_.authorization.empty() && wire::same_origin(out.target, server_.base)) out.headers.set("Authorization", server_.authorization);
  out.headers.set("Accept", "application/hal+json");
  out.idle_limit = kPatience;
  return out;
}

Task<Result<TextResponse>> Ddi::call(HttpRequest ask, std::string body, Stop& stop) {
  const bool is_own = wire::same_origin(ask.target, server_.base);  // another server was asked without the token
  auto answer = co_await exchange(http_, std::move(ask), std::move(body), kLargestAnswer, stop);
  answered_ = answer.has_value();
  if (answer && answer->status == 401 && is_own && lines_.may_say("token_refused", ""))
    log_.warn("token_refused", {{"name", device_name()}, {"gateway", server_.base}, {"why", kTokenRefused}});
  co_return answer;
}

Task<Result<Ddi::Poll>> Ddi::poll(std::string etag, std::chrono::seconds wait, Stop& stop) {
  auto answer = co_await ask_poll(std::move(etag), wait, stop);
  if (answer && polls_since_page_) ++*polls_since_page_;
  if (!answer && answer.error().code() != ErrorCode::kStopped) polls_since_page_.reset();
  co_return answer;
}

Task<Result<Ddi::Poll>> Ddi::ask_poll(std::string etag, std::chrono::seconds wait, Stop& stop) {
  HttpRequest ask = request(Method::kGet, server_.base);
  if (!etag.empty()) {
    ask.headers.set("If-None-Match", etag);
    ask.headers.set("Prefer", "wait=" + std::to_string(wait.count()));
    ask.idle_limit = kPatience + wait;
  }
  auto answer = co_await call(std::move(ask), std::string{}, stop);
  if (!answer) co_return answer.error();
  if (answer->status == 304 && !etag.empty()) co_return Poll{false, {}, std::move(etag)};
  if (answer->status == 401)
    co_return Error{ErrorCode::kDenied, "token_refused: status 401 for the name '" + device_name() + "'; " + std::string{kTokenRefused}};
  if (answer->status != 200) co_return status_error(answer->status);
  auto decoded = client::decode_poll(answer->body);
  if (!decoded) co_return decoded.error().with_context("poll");
  co_return Poll{true, std::move(*decoded), std::string{answer->headers.get("ETag")}};
}

// Whoever says 200 with a page (a portal, until somebody signs in) has told nobody what was sent, and one that says 404
// knows no actions. A server may have pages of its own for what it has not got: it is believed when it was heard
// meanwhile, because whoever stands in the way answers polls with pages too.
Result<> Ddi::judge(const TextResponse& answer) {
  const Error refused = refused_with(answer);
  const bool gone = refused.code() == ErrorCode::kNotFound || refused.code() == ErrorCode::kConflict;
  if (!is_success(answer.status) && !gone) return refused;
  if (!wire::is_page(answer.headers.get("Content-Type"), answer.body)) {
    if (gone) return refused;
    return {};
  }
  if (gone && polls_since_page_ && *polls_since_page_ >= kHeard) return refused;
  if (gone && !polls_since_page_) polls_since_page_ = 0;
  return page_error();
}

Task<Result<std::string>> Ddi::get(std::string href, Stop& stop) {
  HttpRequest ask = request(Method::kGet, std::move(href));
  auto answer = co_await call(std::move(ask), std::string{}, stop);
  if (!answer) co_return answer.error();
  DRAY_CO_CHECK(judge(*answer));
  if (answer->status != 200) co_return status_error(answer->status);
  co_return std::move(answer->body);
}

Task<Result<>> Ddi::send(Method method, std::string target, std::string body, Stop& stop) {
  HttpRequest ask = request(method, std::move(target));
  ask.headers.set("Content-Type", "application/json");
  auto answer = co_await call(std::move(ask), std::move(body), stop);
  if (!answer) co_return answer.error();
  co_return judge(*answer);
}

Task<Result<>> Ddi::put_config(std::map<std::string, std::string> data, Stop& stop) {
  using client::ConfigMode;
  const std::string target = server_.base + "/configData";
  // This is all that there is to say: what was said before under other names is gone.
  std::string full = client::encode_config_data(data, ConfigMode::kReplace);
  auto sent = co_await send(Method::kPut, target, full, stop);
  if (sent || sent.error().code() != ErrorCode::kInvalid) co_return sent;
  std::map<std::string, std::string> plain = client::plain_attributes(data);
  std::string again = client::encode_config_data(plain, ConfigMode::kReplace);
  if (again != full) {
    if (lines_.may_say("attributes_refused", "ascii")) log_.warn("attributes_refused", {{"why", sent.error().message()}, {"sent_again", "in ASCII"}});
    sent = co_await send(Method::kPut, target, again, stop);
    if (sent || sent.error().code() != ErrorCode::kInvalid) co_return sent;
  }
  // Without what its owner configured: that this device runs, and what, must arrive. What was taken of the rest earlier
  // stays, unless that is too much even so.
  std::erase_if(plain, [](const auto& item) { return !item.first.starts_with("dray."); });
  if (lines_.may_say("attributes_refused", "none"))
    log_.warn("attributes_refused", {{"why", sent.error().message()}, {"sent_again", "without those of the configuration"}});
  std::string least = client::encode_config_data(plain, ConfigMode::kMerge);
  sent = co_await send(Method::kPut, target, std::move(least), stop);
  if (sent || sent.error().code() != ErrorCode::kInvalid) co_return sent;
  std::string only = client::encode_config_data(plain, ConfigMode::kReplace);
  if (only == full) co_return sent;
  co_return co_await send(Method::kPut, target, std::move(only), stop);
}

// A server that can't take what is said (400, 413, ...) is told the same without words; what is said in them stays here,
// in the log.
Task<Result<>> Ddi::say(std::string target, std::string full, std::string words, std::string reduced, Stop& stop) {
  auto sent = co_await send(Method::kPost, target, full, stop);
  if (sent || sent.error().code() != ErrorCode::kInvalid || reduced == full) co_return sent;
  if (refused_ != target && lines_.may_say("words_refused", ""))
    log_.warn("words_refused", {{"why", sent.error().message()}, {"target", target}, {"words", one_line(words, kMostWords)}});
  refused_ = target;
  co_return co_await send(Method::kPost, std::move(target), std::move(reduced), stop);
}

Task<Result<>> Ddi::feedback(ActionId action, client::FeedbackBody body, Stop& stop) {
  std::string target = server_.base + "/deploymentBase/" + std::to_string(action.value()) + "/feedback";
  std::string full = client::encode_feedback(action, body), words = body.sentence;
  std::string reduced = client::encode_feedback(action, client::reduced(std::move(body)));
  co_return co_await say(std::move(target), std::move(full), std::move(words), std::move(reduced), stop);
}

Task<Result<>> Ddi::answer_cancel(ActionId action, bool accepted, std::string sentence, Stop& stop) {
  client::FeedbackBody body{
      accepted ? "closed" : "rejected", accepted ? "success" : "none", std::move(sentence), {}};
  std::string target = server_.base + "/cancelAction/" + std::to_string(action.value()) + "/feedback";
  std::string full = client::encode_feedback(action, body), words = body.sentence;
  std::string reduced = client::encode_feedback(action, client::reduced(std::move(body)));
  co_return co_await say(std::move(target), std::move(full), std::move(words), std::move(reduced), stop);
}

Task<Result<>> Ddi::confirm(ActionId action, client::Confirmation confirmation, Stop& stop) {
  std::string target = server_.base + "/confirmationBase/" + std::to_string(action.value()) + "/feedback";
  std::string full = client::encode_confirmation(confirmation), words = confirmation.why;
  std::string reduced = client::encode_confirmation(client::reduced(std::move(confirmation)));
  co_return co_await say(std::move(target), std::move(full), std::move(words), std::move(reduced), stop);
}

}  // namespace dray::agent
