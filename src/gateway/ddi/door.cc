#include "gateway/ddi/door.h"

#include "base/digest.h"
#include "base/text.h"
#include "wire/ddi.h"
#include "wire/http_fields.h"

namespace dray::gateway::ddi {
namespace {

constexpr std::size_t kLargestBody = 1 << 20;
constexpr std::string_view kTargetToken = "TargetToken ", kGatewayToken = "GatewayToken ";

bool token_matches(std::string_view token, const std::string& sha256) {
  return !sha256.empty() && equal_constant_time(sha256_of(as_bytes(token)).hex(), sha256);
}

}  // namespace

// --- the fast path ---

const HttpResponse* Door::now(const HttpRequest& request) {
  if (request.method != Method::kGet || !parts_.site.loaded()) return nullptr;
  const std::string_view target = request.target;
  const auto slash = target.rfind('/');
  if (slash == std::string_view::npos) return nullptr;
  DeviceState* device = parts_.site.find_device(target.substr(slash + 1));
  if (device == nullptr || device->unsaved > 0) return nullptr;
  const PollCache& kept = device->poll;
  if (device->wants_link || device->lost) return nullptr;  // its poll may take it; or counts
  if (kept.generation != device->generation || kept.path != target || kept.encrypted != request.peer.encrypted) return nullptr;
  const Headers& headers = request.headers;
  if (headers.find("Prefer")) return nullptr;
  if (kept.host != headers.get("Host") || kept.accept != headers.get("Accept") ||
      !equal_constant_time(kept.authorization, headers.get("Authorization")))
    return nullptr;
  const Settings& settings = parts_.site.settings();
  if (!device->bucket.take(parts_.clock.steady(), settings.requests_per_second, settings.request_burst)) return &too_many_;
  parts_.site.device_seen(*device);
  const auto known = headers.find("If-None-Match");
  return known && wire::none_match(*known, kept.etag) ? &kept.unchanged : &kept.full;
}

// --- the way of every other request ---

bool Door::knows(const HttpRequest& request) const {
  const std::string_view path = std::string_view{request.target}.substr(0, request.target.find('?'));
  constexpr std::string_view kDoor = "/controller/v1/";
  const auto at = path.find(kDoor);
  if (!parts_.site.loaded() || at == std::string_view::npos) return false;
  const std::string_view rest = path.substr(at + kDoor.size());
  const auto name = wire::unescape_url(rest.substr(0, rest.find('/')));
  return is_authorized(request, name ? parts_.site.find_device(clean_name(*name)) : nullptr);
}

bool Door::is_authorized(const HttpRequest& request, const DeviceState* device) const {
  const auto header = request.headers.get("Authorization");
  if (header.starts_with(kTargetToken))
    return device != nullptr && device->in_plan && token_matches(header.substr(kTargetToken.size()), device->token_sha256);
  // The site's token is in the hands of every device that nobody has entered yet: it speaks for none that has a token of its own.
  if (header.starts_with(kGatewayToken))
    return (device == nullptr || !device->in_plan) && token_matches(header.substr(kGatewayToken.size()), parts_.site.settings().unknown_devices_token_sha256);
  return false;
}

// By the kind of token first: the site's own says nothing of a device, and the other way round.
std::string_view Door::why_refused(const Call& call) const {
  const auto header = call.request.headers.get("Authorization");
  const bool in_plan = call.device != nullptr && call.device->in_plan;
  if (header.empty()) return "no token came with it";
  if (header.starts_with(kTargetToken)) return in_plan ? "it is not the token of this device" : "the plan holds no device of this name";
  if (!header.starts_with(kGatewayToken)) return "neither a TargetToken nor a GatewayToken came with it";
  if (in_plan) return "a GatewayToken came with it, and this device has a token of its own";
  const bool takes_unknown = !parts_.site.settings().unknown_devices_token_sha256.empty();
  return takes_unknown ? "it is not the GatewayToken of this site" : "a GatewayToken came with it, and this site has none";
}

// Who tries a name that it has no token for is told so; people at the gateway are told which.
void Door::say_refused(const Call& call) const {
  if (!parts_.site.lines().may_say("token_refused", call.device_name)) return;
  parts_.site.log().warn("token_refused", {{"name", clean_text(call.device_name, wire::kLongestTitle)}, {"address", call.request.peer.address}, {"why", why_refused(call)}});
}

std::optional<HttpResponse> Door::admit(Call& call) {
  call.device = parts_.site.find_device(call.device_name);
  if (!is_authorized(call.request, call.device)) {
    say_refused(call);
    return empty(401);
  }
  if (call.device_name.size() > wire::kLongestTitle)
    return constraint_violation(call, "a controllerId has at most 256 characters");
  const bool registers = call.rest.empty() || (call.rest.size() == 1 && call.rest[0] == "confirmationBase");
  if (call.device == nullptr && registers && call.is_get()) call.device = parts_.site.register_unknown(call.device_name);
  if (call.device == nullptr) return entity_not_found(call, "Target with given identifier {" + call.device_name + "}");
  const Settings& settings = parts_.site.settings();
  if (!call.device->bucket.take(parts_.clock.steady(), settings.requests_per_second, settings.request_burst))
    return empty(429);
  parts_.site.device_seen(*call.device);
  call.device->address = call.request.peer.address;
  return {};
}

Task<HttpResponse> Door::handle(HttpRequest request, Stop& stop) {
  if (!parts_.site.loaded()) co_return empty(503);
  const auto host = request.headers.get("Host");
  if (!host.empty() && !wire::is_host(host)) co_return empty(400);  // it would go into every address that we give
  auto call = parse_call(request, stop, parts_.site.settings().tenant);
  if (!call) co_return empty(404);
  if (auto refused = admit(*call)) co_return std::move(*refused);
  HttpResponse response = co_await route(*call);
  // What was shown or done must be durable before it is told.
  if (call->device->unsaved > 0) {
    const auto saved = co_await parts_.site.settled();
    if (!saved) co_return empty(503);
  }
  co_return response;
}

Task<HttpResponse> Door::route(Call& call) {
  const auto& rest = call.rest;
  const auto get = [&] { return call.is_get(); };
  const Method method = call.request.method;
  const bool accepted = !call.json_type.empty();
  if (rest.empty()) {
    if (!get()) co_return not_allowed("GET, HEAD");
    if (!accepted) co_return empty(406);
    co_return co_await poll(call);
  }
  if (rest[0] == "configData" && rest.size() == 1) {
    if (method != Method::kPut) co_return not_allowed("PUT");
    co_return co_await put_config_data(call);
  }
  if (rest[0] == "installedBase" && rest.size() == 1) {
    if (method != Method::kPut) co_return not_allowed("PUT");
    co_return co_await put_installed(call);
  }
  if (rest[0] == "confirmationBase" && rest.size() == 1) {
    if (!get()) co_return not_allowed("GET, HEAD");
    if (!accepted) co_return empty(406);
    co_return get_confirmation_base(call);
  }
  if (rest[0] == "drayProbe" && rest.size() == 1) {
    if (method == Method::kPost) co_return co_await post_probe(call);
    if (method != Method::kGet) co_return not_allowed("GET, POST");
    co_return get_probe(call);
  }
  const bool activates = rest.size() == 2 && rest[1] == "activateAutoConfirm";
  if (rest[0] == "confirmationBase" && (activates || (rest.size() == 2 && rest[1] == "deactivateAutoConfirm"))) {
    if (method != Method::kPost) co_return not_allowed("POST");
    co_return co_await set_auto_confirm(call, activates);
  }
  if (rest[0] == "softwaremodules" && rest.size() >= 3 && rest[2] == "artifacts" && rest.size() <= 4) {
    if (!get()) co_return not_allowed("GET, HEAD");
    const std::int64_t module = parse_id(rest[1]);
    if (module == 0) co_return constraint_violation(call, "'" + rest[1] + "' is no module id");
    if (rest.size() == 4) co_return co_await get_file(call, module);
    if (!accepted) co_return empty(406);
    co_return list_artifacts(call, module);
  }
  co_return co_await route_action(call);
}

// {deploymentBase | cancelAction | confirmationBase | installedBase}/{actionId}[/feedback]
Task<HttpResponse> Door::route_action(Call& call) {
  const std::string& kind = call.rest[0];
  const bool deployment = kind == "deploymentBase", cancel = kind == "cancelAction", confirmation = kind == "confirmationBase",
             installed = kind == "installedBase";
  const bool feedback = call.rest.size() == 3 && call.rest[2] == "feedback" && !installed;
  if (!(deployment || cancel || confirmation || installed) || (call.rest.size() != 2 && !feedback)) co_return empty(404);
  if (feedback && call.request.method != Method::kPost) co_return not_allowed("POST");
  if (!feedback && !call.is_get()) co_return not_allowed("GET, HEAD");
  if (!feedback && call.json_type.empty()) co_return empty(406);
  const ActionId action{parse_id(call.rest[1])};
  if (action.empty()) co_return constraint_violation(call, "'" + call.rest[1] + "' is no action id");
  if (feedback && deployment) co_return co_await post_feedback(call, action);
  if (feedback && cancel) co_return co_await post_cancel_feedback(call, action);
  if (feedback) co_return co_await post_confirmation(call, action);
  if (deployment) co_return co_await get_deployment(call, action);
  if (cancel) co_return get_cancel(call, action);
  if (confirmation) co_return co_await get_confirmation(call, action);
  co_return co_await get_installed(call, action);
}

Task<std::optional<HttpResponse>> Door::read_body(Call& call, std::string& body) {
  const auto& request = call.request;
  if (request.length.value_or(0) > kLargestBody) co_return empty(413);
  if (!is_json(request.headers.get("Content-Type"))) co_return empty(415);
  if (!request.body) co_return std::optional<HttpResponse>{};
  auto text = co_await read_all(*request.body, kLargestBody);
  if (!text && text.error().code() == ErrorCode::kExhausted) co_return empty(413);
  if (!text) co_return empty(400);
  body = std::move(*text);
  co_return std::optional<HttpResponse>{};
}

Task<HttpResponse> Door::done(int status) {
  const auto saved = co_await parts_.site.settled();
  co_return empty(saved ? status : 503);
}

HttpResponse Door::unknown_action(const Call& call, ActionId action) const {
  return entity_not_found(call, "Action with given identifier {" + std::to_string(action.value()) + "}");
}

}  // namespace dray::gateway::ddi
