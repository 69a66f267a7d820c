#include "gateway/local_api.h"

#include "base/text.h"
#include "gateway/local_answers.h"
#include "gateway/local_guard.h"

#include "wire/ddi.h"
#include "wire/json_write.h"
#include "wire/rate_json.h"

namespace dray::gateway {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostBody = 64 << 10;

Error too_large() { return Error{ErrorCode::kExhausted, "body: is larger than " + std::to_string(kMostBody) + " bytes"}; }

std::string versions(const core::Job& job) {
  std::string out;
  if (job.step < job.terms.steps.size())
    for (const auto& a : job.terms.steps[job.step]) out += (out.empty() ? "" : ", ") + a.component + " " + a.version;
  return out;
}

bool may_cancel(const core::Job& job) {
  const auto* installing = std::get_if<core::Installing>(&job.phase);
  return !core::is_final(job) && !std::holds_alternative<core::Restarting>(job.phase) &&
         !std::holds_alternative<core::Cancelling>(job.phase) && !(installing != nullptr && installing->switching());
}

}  // namespace

Task<Result<std::string>> read_wish_text(HttpRequest& request) {
  if (!request.body) co_return std::string{"{}"};
  if (request.length.value_or(0) > kMostBody) co_return too_large();
  auto body = co_await read_all(*request.body, kMostBody);
  if (!body && body.error().code() == ErrorCode::kExhausted) co_return too_large();
  if (body && body->empty()) co_return std::string{"{}"};
  co_return body;
}

std::string line_or_empty(const wire::Node& n, std::string_view key, std::size_t longest) {
  const auto found = n.maybe(key);
  return found ? found->line(longest) : std::string{};
}

Task<HttpResponse> LocalApi::handle(HttpRequest request, Stop& /*stop*/) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const bool get = request.method == Method::kGet || request.method == Method::kHead;
  if (const auto why = foreign_page(request, site_.settings().local_names)) co_return problem(403, "Forbidden", *why);
  if (get)
    if (auto page = page_answer(path)) co_return std::move(*page);
  if (path == "/healthz" && get) co_return plain(200, "ok\n");
  if (path == "/readyz" && get) co_return ready();
  if (!site_.loaded()) co_return problem(503, "Service Unavailable", "the gateway is starting");
  if (get)
    if (auto shown = list(path)) {
      if (!site_.can_save()) co_return std::move(*shown);  // who looks why nothing moves is not left without an answer
      co_return co_await durable(std::move(*shown));       // what is shown has happened
    }
  if (!site_.can_save()) co_return problem(503, "Service Unavailable", "nothing can be saved at this gateway now (is its disk full?), so nothing was changed");
  if (path == "/api/v1/deferrals" && request.method == Method::kPost) co_return co_await add_deferral(request);
  constexpr std::string_view kDeferrals = "/api/v1/deferrals/", kJobs = "/api/v1/jobs/", kCancel = "/cancel";
  if (path.starts_with(kDeferrals) && (request.method == Method::kDelete || request.method == Method::kPut)) {
    std::string id = site_.damage().id_of(kind::kDeferral, wire::unescape_url(path.substr(kDeferrals.size())).value_or(""));
    if (request.method == Method::kPut) co_return co_await replace_deferral(request, std::move(id));
    co_return co_await withdraw_deferral(std::move(id));
  }
  if (path.starts_with(kJobs) && path.ends_with(kCancel) && request.method == Method::kPost &&
      path.size() > kJobs.size() + kCancel.size()) {
    const auto name = path.substr(kJobs.size(), path.size() - kJobs.size() - kCancel.size());
    std::string id = wire::unescape_url(name).value_or("");
    co_return co_await cancel_job(request, std::move(id));
  }
  constexpr std::string_view kDevices = "/api/v1/devices/", kAlone = "/alone";
  if (path.starts_with(kDevices) && path.ends_with(kAlone) && request.method == Method::kPost &&
      path.size() > kDevices.size() + kAlone.size()) {
    const auto name = path.substr(kDevices.size(), path.size() - kDevices.size() - kAlone.size());
    std::string device = wire::unescape_url(name).value_or("");
    co_return co_await confirm_device(request, std::move(device));
  }
  co_return problem(404, "Not Found", "there is no such resource");
}

std::optional<HttpResponse> LocalApi::list(std::string_view path) const {
  if (path == "/api/v1/status") return status();
  if (path == "/api/v1/jobs") return jobs();
  if (path == "/api/v1/devices") return devices();
  if (path == "/api/v1/deferrals") return deferrals();
  return std::nullopt;
}

Task<HttpResponse> LocalApi::durable(HttpResponse response) {
  const auto saved = co_await site_.settled();
  if (!saved) co_return problem(503, "Service Unavailable", "the gateway is stopping");
  co_return response;
}

// What could not be read at the start, and what that means.
json::array LocalApi::unreadable() const {
  json::array out;
  for (const auto& one : site_.damage().all())
    out.push_back({{"document", one.kind + "/" + one.shown_id()},
                   {"device", one.device.empty() ? json::value{} : json::value(one.device.value())},
                   {"why", one.why},
                   {"then", documents::sentence_of(documents::fate_of(one.kind, one.id))}});
  return out;
}

// 503 only where nothing can be saved. A server that can't be told is no reason: devices are served all the same.
// Whether it can be is known only where it was tried.
HttpResponse LocalApi::ready() const {
  const auto& telling = site_.telling;
  if (!site_.loaded()) return plain(503, "starting\n");
  if (!site_.can_save()) return plain(503, "nothing can be saved\n");
  return with_json(200, {{"ready", true},
                         {"can_tell_server", telling ? json::value(telling->has_value()) : json::value{}},
                         {"why", !telling ? json::value("not tried yet") : *telling ? json::value{} : json::value(telling->error().message())},
                         {"reports_waiting", site_.outbox().size()}});
}

json::array LocalApi::set_aside() const {
  json::array out;
  for (const auto& [subject, aside] : site_.outbox().aside())
    out.push_back({{"report", subject}, {"why", aside.why}, {"at", to_rfc3339(aside.at)}});
  return out;
}

HttpResponse LocalApi::status() const {
  const std::string held = site_.damage().holds(DeviceId{});
  const std::string reason = identity_.refused() ? "two_gateways" : identity_.token_refused() ? "token_refused" : held.empty() ? "" : "stored_unreadable";
  const std::string sentence = identity_.refused() ? identity_.sentence() : identity_.token_refused() ? identity_.token_sentence() : held;
  json::array artifacts;
  json::object devices;
  json::array slow;
  if (why_slow)
    for (const std::string& one : why_slow()) slow.emplace_back(one);
  const auto rate = [this](const core::LinkRate& r) { return wire::encode_rate({r, site_.now()}); };
  for (auto& [name, one] : rates_.devices()) devices[name.value()] = rate(one);
  for (const auto& [sha, blob] : blobs_.all()) artifacts.push_back({{"sha256", sha.hex()}, {"bytes", blob.size}});
  return with_json(
      200, {{"site", site_.plan().plan().site.value()},
            {"time_zone", site_.plan().plan().time_zone},
            {"revision", site_.plan().plan().revision},
            {"reason", wire::text_or_null(reason)},
            {"sentence", wire::text_or_null(sentence)},
            {"since", maybe_time(identity_.refused_since())},
            {"instance", identity_.name()},
            {"unreadable", unreadable()},
            {"link", {{"wan_bytes", site_.link.wan}, {"wan_control_bytes", site_.link.wan_control}, {"lan_bytes", site_.link.lan}}},
            {"rates", {{"wan", rate(rates_.wan())}, {"devices", std::move(devices)}}},
            {"storage", {{"used", blobs_.used()}, {"quota", site_.store_quota()}, {"artifacts", std::move(artifacts)}}},
            {"contact", {{"last", site_.time().contact() ? json::value(to_rfc3339(site_.last_contact())) : json::value{}},
                         {"clock_known", site_.time().known()},
                         {"now", to_rfc3339(site_.now())}}},
            {"slow", std::move(slow)},
            {"can_save", site_.can_save()},
            {"reports_waiting", site_.outbox().size()},
            {"reports_set_aside", set_aside()},
            {"transmitting", site_.slots().running()},
            {"devices", site_.devices().size()}});
}

HttpResponse LocalApi::jobs() const {
  json::array out;
  for (const auto& [id, job] : site_.jobs()) {
    const core::PublicState state = site_.describe(job);
    out.push_back({{"id", id.value()},
                   {"device", job.terms.device.value()},
                   {"assignment", job.terms.assignment.value()},
                   {"state", core::to_string(state.state)},
                   {"reason", state.reason},
                   {"sentence", state.sentence},
                   {"until", maybe_time(state.until)},
                   {"cause", state.cause ? json::value{{"reason", state.cause->reason}, {"sentence", state.cause->sentence}} : json::value{}},
                   {"update_at", to_rfc3339(job.update_at)},
                   {"expires_at", job.terms.expires_at == kWallMax ? json::value{} : json::value(to_rfc3339(job.terms.expires_at))},
                   {"versions", versions(job)},
                   {"may_defer", may_defer(job)},
                   {"may_cancel", may_cancel(job)},
                   {"step", job.step},
                   {"attempt", job.attempt}});
  }
  return with_json(200, json::object{{"jobs", std::move(out)}});
}

}  // namespace dray::gateway
