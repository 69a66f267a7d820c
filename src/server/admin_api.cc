#include "server/admin_api.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace dray::server {
namespace {

constexpr std::size_t kMostWords = 64 << 10;  // of a body that says who asks, why, and a name or a time
constexpr std::size_t kMostJson = 1 << 20;
constexpr std::size_t kMostBulk = 16 << 20;
constexpr std::size_t kLongestKey = 256;

std::vector<std::string_view> parts_of(std::string_view pattern) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at <= pattern.size();) {
    const auto end = std::min(pattern.find('/', at), pattern.size());
    out.push_back(pattern.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// A client that is told no in mid-body would go on sending: the connection ends instead.
HttpResponse too_large(std::size_t most) {
  HttpResponse out = problem_response(413, "body: is larger than " + std::to_string(most) + " bytes");
  out.close = true;
  return out;
}

// Nothing where the path does not fit; else what the stars stood for.
std::optional<std::vector<std::string>> fit(std::string_view pattern, const std::vector<std::string>& path) {
  const auto parts = parts_of(pattern);
  if (parts.size() != path.size()) return {};
  std::vector<std::string> args;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "*")
      args.push_back(path[i]);
    else if (parts[i] != path[i])
      return {};
  }
  return args;
}

}  // namespace

struct AdminApi::Route {
  Method method;
  std::string_view pattern;
  Task<HttpResponse> (AdminApi::*run)(Call&);
  std::size_t most_body = 0;  // 0: the handler reads the body itself, or there is none
};

std::span<const AdminApi::Route> AdminApi::routes() {
  using A = AdminApi;
  static constexpr Route kRoutes[] = {
      {Method::kGet, "clock", &A::show_clock},
      {Method::kPost, "clock/confirm", &A::confirm_clock, kMostWords},
      {Method::kPost, "uploads", &A::begin_upload, kMostWords},
      {Method::kHead, "uploads/*", &A::show_upload},
      {Method::kGet, "uploads/*", &A::show_upload},
      {Method::kPatch, "uploads/*", &A::append_upload},
      {Method::kPost, "artifacts", &A::add_artifact, kMostJson},
      {Method::kGet, "artifacts", &A::list_artifacts},
      {Method::kGet, "artifacts/*", &A::show_artifact},
      {Method::kPost, "device-types", &A::add_device_type, kMostJson},
      {Method::kGet, "device-types", &A::list_device_types},
      {Method::kGet, "device-types/*", &A::show_device_type},
      {Method::kPatch, "device-types/*", &A::change_device_type, kMostWords},
      {Method::kPost, "sites", &A::add_site, kMostJson},
      {Method::kGet, "sites", &A::list_sites},
      {Method::kGet, "sites/*", &A::show_site},
      {Method::kPatch, "sites/*", &A::change_site, kMostJson},
      {Method::kPost, "sites/*/token", &A::renew_site_token, kMostWords},
      {Method::kPost, "sites/*/resync", &A::resync_site, kMostWords},
      {Method::kPut, "rows/*/*/*", &A::replace_row, kMostJson},
      {Method::kPost, "sites/*/action-ids", &A::renew_action_ids, kMostWords},
      {Method::kPost, "sites/*/gateway/replace", &A::replace_gateway, kMostWords},
      {Method::kPost, "devices", &A::add_device, kMostJson},
      {Method::kPost, "devices/bulk", &A::add_devices, kMostBulk},
      {Method::kGet, "devices", &A::list_devices},
      {Method::kGet, "devices/*", &A::show_device},
      {Method::kPatch, "devices/*", &A::change_device, kMostWords},
      {Method::kPost, "devices/*/token", &A::renew_device_token, kMostWords},
      {Method::kGet, "registered", &A::list_registered},
      {Method::kPost, "releases", &A::add_release, kMostJson},
      {Method::kGet, "releases", &A::list_releases},
      {Method::kGet, "releases/*/*", &A::show_release},
      {Method::kPost, "rollouts", &A::add_rollout, kMostJson},
      {Method::kGet, "rollouts", &A::list_rollouts},
      {Method::kPost, "rollouts/plan", &A::plan_rollout, kMostJson},
      {Method::kGet, "rollouts/*", &A::show_rollout},
      {Method::kGet, "rollouts/*/jobs", &A::list_jobs},
      {Method::kGet, "rollouts/*/sites", &A::list_site_times},
      {Method::kPost, "rollouts/*/approve", &A::approve_rollout, kMostWords},
      {Method::kPost, "rollouts/*/pause", &A::pause_rollout, kMostWords},
      {Method::kPost, "rollouts/*/resume", &A::resume_rollout, kMostWords},
      {Method::kPost, "rollouts/*/abort", &A::abort_rollout, kMostWords},
      {Method::kPost, "rollouts/*/retry-failed", &A::retry_rollout, kMostWords},
      {Method::kGet, "jobs/*", &A::show_job},
      {Method::kGet, "jobs/*/log", &A::show_log},
      {Method::kPost, "jobs/*/cancel", &A::cancel_job, kMostWords},
      {Method::kPost, "deferrals", &A::add_deferral, kMostWords},
      {Method::kGet, "deferrals", &A::list_deferrals},
      {Method::kGet, "deferrals/*", &A::show_deferral},
      {Method::kDelete, "deferrals/*", &A::withdraw_deferral},
  };
  return kRoutes;
}

bool AdminApi::knows(const HttpRequest& request) const {
  return !token_sha256_.empty() && equal_constant_time(bearer_sha256(request), token_sha256_);
}

Task<HttpResponse> AdminApi::handle(HttpRequest request, Stop& /*stop*/) {
  auto target = parse_target(request.target);
  if (!target || target->path.empty()) co_return problem_response(404, "no such resource");
  const auto& path = target->path;
  if (path.size() == 1 && (path[0] == "healthz" || path[0] == "readyz")) {
    const bool alive = path[0] == "healthz", started = !token_sha256_.empty();
    const bool ready = alive || (started && sites_.can_save());
    HttpResponse out{ready ? 200 : 503};
    out.headers.set("Content-Type", "text/plain");
    std::string body{ready ? "ok\n" : started ? "nothing can be saved\n" : "starting\n"};
    const std::string clock = wire::clock_sentence(parts_.clock.shown());
    if (started && !alive && !clock.empty()) body += "clock_leapt: " + clock + "\n";
    out.body = std::move(body);
    co_return out;
  }
  if (path.size() < 3 || path[0] != "api" || path[1] != "v1")
    co_return problem_response(404, "no such resource; the API is below /api/v1");
  if (token_sha256_.empty()) co_return busy_response("the server is starting", 1);
  if (!knows(request)) {
    const std::string& from = request.peer.address;
    if (sites_.lines().may_say("token_refused", from)) parts_.log.warn("token_refused", {{"door", "admin"}, {"name", "admin"}, {"address", from}, {"why", "this is not the admin token"}});
    co_return unauthorized();
  }
  Call call{std::move(request)};
  call.path.assign(path.begin() + 2, path.end());
  call.query = std::move(target->query);
  co_return co_await dispatch(call);
}

Task<HttpResponse> AdminApi::dispatch(Call& call) {
  std::string allowed;
  for (const Route& route : routes()) {
    auto args = fit(route.pattern, call.path);
    if (!args) continue;
    if (route.method == call.request.method) {
      call.args = std::move(*args);
      co_return co_await run(call, route);
    }
    allowed += (allowed.empty() ? "" : ", ") + std::string{to_string(route.method)};
  }
  if (allowed.empty()) co_return problem_response(404, "no such resource");
  HttpResponse out = problem_response(405, "not with this method; there is " + allowed);
  out.headers.set("Allow", allowed);
  co_return out;
}

Task<HttpResponse> AdminApi::run(Call& call, const Route& route) {
  if (call.request.headers.get("Idempotency-Key").size() > kLongestKey)
    co_return problem_response(400,
                               "Idempotency-Key: is longer than " + std::to_string(kLongestKey) + " bytes");
  if (route.most_body > 0 && call.request.body) {
    // What is announced as too long is refused before it is sent.
    if (call.request.length.value_or(0) > route.most_body) co_return too_large(route.most_body);
    auto body = co_await read_all(*call.request.body, route.most_body);
    if (!body && body.error().code() == ErrorCode::kExhausted) co_return too_large(route.most_body);
    if (!body) co_return problem_response(body.error());
    call.body = std::move(*body);
  }
  co_return co_await (this->*route.run)(call);
}

std::optional<Once> AdminApi::once(const Call& call) {
  const auto key = call.request.headers.get("Idempotency-Key");
  if (key.empty()) return {};
  std::string path;
  for (const auto& part : call.path) path += "/" + part;
  return Once{std::string{key}, sha256_hex(path + "\n" + call.body)};
}

Result<PageQuery> AdminApi::page_query(const Call& call, core::FilterFields fields) const {
  PageQuery out;
  out.now = parts_.clock.wall();
  std::string filter;
  for (const auto& [key, value] : call.query) {
    if (key == "cursor") {
      out.cursor = value;
    } else if (key == "filter" && !fields.empty()) {
      filter = value;
    } else if (key == "limit") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out.limit);
      if (error != std::errc{} || end != value.data() + value.size() || out.limit < 1 ||
          out.limit > kMostPerPage)
        return Error{ErrorCode::kInvalid, "limit: must lie between 1 and " + std::to_string(kMostPerPage)};
    } else {
      return Error{ErrorCode::kInvalid,
                   key + ": is not known here; there is cursor, limit" + (fields.empty() ? "" : ", filter")};
    }
  }
  DRAY_TRY(out.filter, core::parse_filter(filter, fields));
  return out;
}

}  // namespace dray::server
