// The admin API as drayctl calls it: JSON in, JSON out, problems (RFC 9457) as errors in plain words.
// Loop thread only.
#pragma once

#include <string>
#include <string_view>

#include "ports/clock.h"
#include "ports/http.h"
#include "ports/random.h"
#include "wire/json.h"

namespace dray::ctl {

namespace json = boost::json;

class Api {
 public:
  // url: "http://127.0.0.1:8080", without a path. The client, chance and stop outlive it.
  Api(HttpClient& client, Random& random, Stop& stop, std::string url, std::string token)
      : client_{client}, random_{random}, stop_{stop}, url_{std::move(url)}, token_{std::move(token)} {}

  // path: below /api/v1, with its query: "/devices?limit=100".
  Task<Result<json::value>> get(std::string path);
  // With an idempotency key of its own: repeated once where the connection broke.
  Task<Result<json::value>> post(std::string path, json::value body);
  // Only what the body names changes, so it may be repeated: once where the connection broke.
  Task<Result<json::value>> patch(std::string path, json::value body);
  Task<Result<json::value>> put(std::string path, json::value body);  // whole, so the same
  Task<Result<json::value>> remove(std::string path);
  // Follows the cursor; path without `cursor`. All items, at most `most`.
  Task<Result<json::array>> list(std::string path, std::size_t most = 100'000);

  // One call as it is; for uploads.
  HttpRequest request(Method method, const std::string& path) const;
  HttpClient& client() { return client_; }
  Stop& stop() { return stop_; }

 private:
  Task<Result<json::value>> call(HttpRequest request, std::string body);
  Task<Result<json::value>> change(Method method, std::string path, json::value body);

  HttpClient& client_;
  Random& random_;
  Stop& stop_;
  std::string url_, token_;
};

// What went wrong, from a problem document or the bare status.
Error error_of(int status, std::string_view body);
// Percent-encodes what may stand in a query value or a path segment.
std::string encoded(std::string_view text);

}  // namespace dray::ctl
