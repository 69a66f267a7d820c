// Answers of the local API, private to it.
#pragma once

#include "base/text.h"
#include "ports/http.h"
#include "wire/gateway_api.h"

namespace dray::gateway {

inline HttpResponse with_json(int status, const boost::json::value& body) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-store");
  response.body = mend_utf8(boost::json::serialize(body));  // whatever older data hold, what is shown is text
  return response;
}

inline HttpResponse problem(int status, std::string_view title, std::string_view detail) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "application/problem+json");
  response.body = wire::problem(status, title, detail);
  return response;
}

// A body that can't be taken.
inline HttpResponse refused(const Error& error) {
  if (error.code() != ErrorCode::kExhausted) return problem(400, "Bad Request", error.message());
  HttpResponse response = problem(413, "Too Large", error.message());
  response.close = true;  // a client that is told no in mid-body would go on sending
  return response;
}

// The body of what the site's people ask for: JSON, "{}" where there is none. kExhausted: too large, as announced or as it came.
Task<Result<std::string>> read_wish_text(HttpRequest& request);
// Refused where it is longer, in bytes, or holds control characters; left out: empty.
std::string line_or_empty(const wire::Node& n, std::string_view key, std::size_t longest);

// A problem with one more member.
inline HttpResponse conflict(std::string_view detail, std::string_view member, boost::json::value value) {
  HttpResponse response = with_json(
      409, boost::json::object{
               {"title", "Conflict"}, {"status", 409}, {"detail", detail}, {member, std::move(value)}});
  response.headers.set("Content-Type", "application/problem+json");
  return response;
}

inline HttpResponse plain(int status, std::string text) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(text);
  return response;
}

inline boost::json::value maybe_time(const std::optional<WallTime>& time) {
  return time ? boost::json::value(to_rfc3339(*time)) : boost::json::value{};
}

// The site's small page: "/", "/page.css", "/page.js". Nothing for any other path.
std::optional<HttpResponse> page_answer(std::string_view path);

}  // namespace dray::gateway
