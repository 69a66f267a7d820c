// Small helpers of the server's doors: paths, problems, tokens.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "ports/http.h"
#include "wire/json.h"

namespace dray::server {

// The target of a request, percent-decoded. Nothing where it is no origin form.
struct Target {
  std::vector<std::string> path;
  std::map<std::string, std::string> query;
};
std::optional<Target> parse_target(std::string_view target);

HttpResponse problem_response(int status, std::string_view detail);
HttpResponse problem_response(const Error& error);
HttpResponse busy_response(std::string_view detail, int retry_after_s);
HttpResponse json_response(int status, const wire::json::value& value);
HttpResponse unauthorized();

// The SHA-256 of the bearer token, in hex; empty where there is none.
std::string bearer_sha256(const HttpRequest& request);
std::string sha256_hex(std::string_view text);
bool is_token_hash(std::string_view text);  // as sha256_hex() makes them
// "7" out of If-Match or If-None-Match: quoted, weak or bare.
std::string bare_tag(std::string_view header);

}  // namespace dray::server
