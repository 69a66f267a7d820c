#include "sim/fleet/admin.h"

namespace dray::sim::fleet {
namespace {

constexpr Duration kAgainAfter{30'000};
constexpr std::size_t kLargest = 1 << 22;

}  // namespace

Task<Answer> Admin::once(Method method, const std::string& url, std::string body, const std::string& key,
                         const std::string& upload_offset) {
  HttpRequest request{method, url};
  request.headers.set("Authorization", "Bearer " + token_);
  request.idle_limit = Duration{60'000};
  if (method == Method::kPost) request.headers.set("Idempotency-Key", key);
  if (!upload_offset.empty()) request.headers.set("Upload-Offset", upload_offset);
  auto answer = co_await exchange(http_, std::move(request), std::move(body), kLargest, never_);
  Answer out;
  if (!answer) co_return out;
  out.status = answer->status;
  out.headers = std::move(answer->headers);
  if (auto parsed = wire::parse_json(answer->body)) out.body = std::move(*parsed);
  co_return out;
}

Task<Answer> Admin::insist(Method method, std::string url, std::string body, std::string upload_offset) {
  const std::string key = "k" + std::to_string(++keys_);
  for (;;) {
    std::string same = body;
    Answer answer = co_await once(method, url, std::move(same), key, upload_offset);
    if (answer.status > 0 && answer.status < 500) co_return answer;
    const SteadyTime until = people_.clock().steady() + kAgainAfter;
    [[maybe_unused]] const auto slept = co_await people_.clock().sleep_until(until, never_);
  }
}

Task<Answer> Admin::insist(Method method, std::string url, wire::json::value body) {
  std::string text = wire::to_text(body);
  co_return co_await insist(method, std::move(url), std::move(text));
}

Task<Answer> Admin::call(Method method, std::string url, wire::json::value body) {
  const std::string key = "k" + std::to_string(++keys_);
  std::string text = body.is_null() ? std::string{} : wire::to_text(body);
  co_return co_await once(method, url, std::move(text), key, std::string{});
}

}  // namespace dray::sim::fleet
