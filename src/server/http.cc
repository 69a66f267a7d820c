#include "server/http.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>

#include "base/text.h"
#include "wire/gateway_api.h"

namespace dray::server {
namespace {

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "Bad request";
    case 401:
      return "Not authorised";
    case 403:
      return "Denied";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 409:
      return "Conflict";
    case 412:
      return "Changed meanwhile";
    case 413:
      return "Too large";
    case 416:
      return "Range not satisfiable";
    case 422:
      return "Can not be done as asked";
    case 503:
      return "Not now";
    case 507:
      return "Storage is full";
    default:
      return "Failed";
  }
}

}  // namespace

std::optional<Target> parse_target(std::string_view target) {
  const auto parsed = boost::urls::parse_origin_form(boost::core::string_view{target.data(), target.size()});
  if (!parsed) return {};
  Target out;
  for (const auto& segment : parsed->segments()) out.path.emplace_back(segment);
  for (const auto& param : parsed->params()) out.query.emplace(param.key, param.value);
  return out;
}

HttpResponse json_response(int status, const wire::json::value& value) {
  HttpResponse out{status};
  out.headers.set("Content-Type", "application/json");
  out.headers.set("Cache-Control", "no-store");
  out.body = mend_utf8(wire::to_text(value)) + "\n";  // a row may hold any bytes
  return out;
}

HttpResponse problem_response(int status, std::string_view detail) {
  HttpResponse out{status};
  out.headers.set("Content-Type", "application/problem+json");
  out.headers.set("Cache-Control", "no-store");
  out.body = wire::problem(status, title_of(status), detail);
  return out;
}

HttpResponse problem_response(const Error& error) {
  return problem_response(wire::status_of(error.code()), error.message());
}

HttpResponse busy_response(std::string_view detail, int retry_after_s) {
  HttpResponse out = problem_response(503, detail);
  out.headers.set("Retry-After", std::to_string(retry_after_s));
  return out;
}

HttpResponse unauthorized() {
  HttpResponse out = problem_response(401, "a valid token is needed: Authorization: Bearer <token>");
  out.headers.set("WWW-Authenticate", "Bearer");
  return out;
}

std::string sha256_hex(std::string_view text) { return sha256_of(as_bytes(text)).hex(); }

bool is_token_hash(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == 64 && std::all_of(text.begin(), text.end(), is_digit);
}

std::string bearer_sha256(const HttpRequest& request) {
  const std::string_view header = request.headers.get("Authorization");
  static constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size()) return {};
  const bool bearer = std::equal(kScheme.begin(), kScheme.end(), header.begin(), [](char a, char b) {
    return a == std::tolower(static_cast<unsigned char>(b));
  });
  return bearer ? sha256_hex(header.substr(kScheme.size())) : std::string{};
}

std::string bare_tag(std::string_view header) {
  if (header.starts_with("W/")) header.remove_prefix(2);
  if (header.size() >= 2 && header.front() == '"' && header.back() == '"')
    header = header.substr(1, header.size() - 2);
  return std::string{header};
}

}  // namespace dray::server
