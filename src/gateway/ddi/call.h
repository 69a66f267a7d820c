// One DDI request taken apart, and the answers of docs/ddi.md 1.3 as functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/device_state.h"
#include "ports/http.h"

namespace dray::gateway::ddi {

struct Call {
  HttpRequest& request;
  Stop& stop;
  std::string device_name;         // percent-decoded, and then as clean_name() gives it: "kasse-%FCber"
  std::vector<std::string> rest;   // segments behind the controllerId, the same
  std::string query;
  std::string base;                // "http://host/TENANT/controller/v1/dev-1", spelled as asked; ASCII
  std::string json_type;           // what an answer with JSON is called; empty: none of what we have is accepted
  DeviceState* device = nullptr;

  bool is_get() const { return request.method == Method::kGet || request.method == Method::kHead; }
};

// Nothing where the path is none of DDI's: /{tenant}/controller/v1/{controllerId}[/...].
std::optional<Call> parse_call(HttpRequest& request, Stop& stop, std::string_view tenant);

// A positive 64-bit number; 0 where it is none.
std::int64_t parse_id(std::string_view text);
// The value of name=... in a query, as it stands.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name);
// "wait=N" of Prefer (RFC 7240) in seconds; 0 where there is none.
std::chrono::seconds preferred_wait(std::string_view prefer);
// The content type of JSON for an Accept header; "" = 406.
std::string_view json_type_for(std::optional<std::string_view> accept);
bool is_json(std::string_view content_type);

// --- answers ---

HttpResponse empty(int status);
HttpResponse json(const Call& call, int status, std::string body);
HttpResponse not_modified(const std::string& etag);
// A 200 with its ETag, or 304 where the client has it.
HttpResponse tagged(const Call& call, std::string body);
HttpResponse entity_not_found(const Call& call, std::string_view what);
HttpResponse not_readable(const Call& call, std::string_view why);
HttpResponse constraint_violation(const Call& call, std::string_view why);
HttpResponse invalid_attributes(const Call& call, std::string_view why);
HttpResponse too_many_entries(const Call& call, std::string_view why);
HttpResponse not_cancelable(const Call& call);
HttpResponse auto_confirm_active(const Call& call);
HttpResponse not_allowed(std::string_view allow);

std::string etag_of(std::string_view body);  // "\"0<md5>\""

}  // namespace dray::gateway::ddi
