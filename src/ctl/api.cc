#include "ctl/api.h"

#include "base/bytes.h"
#include "base/text.h"

namespace dray::ctl {
namespace {

constexpr std::size_t kLargestAnswer = 64 << 20;

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
    case 403: return ErrorCode::kDenied;
    case 404: return ErrorCode::kNotFound;
    case 409:
    case 412: return ErrorCode::kConflict;
    case 413:
    case 507: return ErrorCode::kExhausted;
    case 422: return ErrorCode::kCorrupt;
    case 503: return ErrorCode::kUnavailable;
    default: return status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalid;
  }
}

std::string_view text_at(const json::object& o, std::string_view key) {
  const json::value* value = o.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view{value->get_string()} : std::string_view{};
}

}  // namespace

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      out += "%" + to_hex(as_bytes(std::string_view{&c, 1}));
  }
  return out;
}

Error error_of(int status, std::string_view body) {
  std::string message = "the server answered " + std::to_string(status);
  if (const auto problem = wire::parse_json(body); problem && problem->is_object()) {
    const auto& o = problem->get_object();
    const std::string_view detail = text_at(o, "detail").empty() ? text_at(o, "title") : text_at(o, "detail");
    if (!detail.empty()) message = clean_lines(detail, wire::kLongestSentence);  // it goes to a terminal
    if (const std::string_view latest = text_at(o, "latest_possible"); !latest.empty())
      message += "; the latest that is possible: " + clean_text(latest, wire::kLongestWord);
  }
  if (status == 401) message += " (is the token right? see --token-file)";
  return Error{code_of(status), message};
}

HttpRequest Api::request(Method method, const std::string& path) const {
  HttpRequest out{method, url_ + "/api/v1" + path};
  if (!token_.empty()) out.headers.add("Authorization", "Bearer " + token_);
  out.headers.add("Accept", "application/json");
  return out;
}

Task<Result<json::value>> Api::call(HttpRequest request, std::string body) {
  auto answer = co_await exchange(client_, std::move(request), std::move(body), kLargestAnswer, stop_);
  if (!answer) co_return answer.error().with_context(url_);
  if (answer->status < 200 || answer->status > 299) co_return error_of(answer->status, answer->body);
  if (answer->body.empty()) co_return json::value{};
  auto value = wire::parse_json(answer->body);
  if (!value) co_return value.error().with_context("the answer of " + url_);
  co_return std::move(*value);
}

Task<Result<json::value>> Api::get(std::string path) {
  HttpRequest r = request(Method::kGet, path);
  co_return co_await call(std::move(r), {});
}

Task<Result<json::value>> Api::post(std::string path, json::value body) {
  const std::string text = wire::to_text(body);
  const std::string key = random_uuid(random_);
  for (int tries = 0;; ++tries) {
    HttpRequest r = request(Method::kPost, path);
    r.headers.add("Content-Type", "application/json");
    r.headers.add("Idempotency-Key", key);
    auto answer = co_await call(std::move(r), text);
    if (answer || tries > 0 || !is_transient(answer.error().code()) || stop_.requested()) co_return answer;
  }
}

Task<Result<json::value>> Api::patch(std::string path, json::value body) {
  co_return co_await change(Method::kPatch, std::move(path), std::move(body));
}

Task<Result<json::value>> Api::put(std::string path, json::value body) {
  co_return co_await change(Method::kPut, std::move(path), std::move(body));
}

Task<Result<json::value>> Api::change(Method method, std::string path, json::value body) {
  const std::string text = wire::to_text(body);
  for (int tries = 0;; ++tries) {
    HttpRequest r = request(method, path);
    r.headers.add("Content-Type", "application/json");
    auto answer = co_await call(std::move(r), text);
    if (answer || tries > 0 || !is_transient(answer.error().code()) || stop_.requested()) co_return answer;
  }
}

Task<Result<json::value>> Api::remove(std::string path) {
  co_return co_await call(request(Method::kDelete, path), {});
}

Task<Result<json::array>> Api::list(std::string path, std::size_t most) {
  json::array out;
  std::string cursor;
  do {
    const std::string page = path + (path.find('?') == path.npos ? "?" : "&") + "limit=1000" + (cursor.empty() ? "" : "&cursor=" + encoded(cursor));
    auto answer = co_await get(page);
    if (!answer) co_return answer.error();
    const json::value* items = answer->is_object() ? answer->get_object().if_contains("items") : nullptr;
    if (items == nullptr || !items->is_array()) co_return Error{ErrorCode::kInvalid, url_ + path + ": the answer holds no list"};
    for (const json::value& item : items->get_array()) out.push_back(item);
    std::string next{text_at(answer->get_object(), "next")};
    if (!next.empty() && (next == cursor || items->get_array().empty()))
      co_return Error{ErrorCode::kInvalid, url_ + path + ": the list has no end"};
    cursor = std::move(next);
  } while (!cursor.empty() && out.size() < most);
  co_return out;
}

}  // namespace dray::ctl
