// Answers of the local API, private to it.
#pragma once

#include "ports/http.h"
#include "wire/gateway_api.h"

namespace dray::gateway {

inline HttpResponse with_json(int status, const boost::json::value& body) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-store");
  response.body = boost::json::serialize(body);
  return response;
}

inline HttpResponse problem(int status, std::string_view title, std::string_view detail) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "application/problem+json");
  response.body = wire::problem(status, title, detail);
  return response;
}

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
