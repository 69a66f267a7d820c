#include "gateway/local_api.h"

#include "wire/ddi.h"
#include "wire/rate_json.h"

namespace dray::gateway {
namespace {

namespace json = boost::json;
constexpr std::size_t kLargestBody = 64 << 10;

HttpResponse with_json(int status, const json::value& body) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "application/json");
  response.body = json::serialize(body);
  return response;
}

HttpResponse problem(int status, std::string_view title, std::string_view detail) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "application/problem+json");
  response.body = wire::problem(status, title, detail);
  return response;
}

HttpResponse plain(int status, std::string text) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(text);
  return response;
}

json::value maybe_time(const std::optional<WallTime>& time) { return time ? json::value(to_rfc3339(*time)) : json::value{}; }

struct Wish {  // body of a deferral or a cancel
  core::Deferral deferral;
  bool accept_expiry = false;
};

std::string text_or_empty(const wire::Node& n, std::string_view key) {
  const auto found = n.maybe(key);
  return found ? found->text(512) : std::string{};
}

Task<Result<Wish>> read_wish(HttpRequest& request, bool deferral) {
  std::string text;
  if (request.body) {
    auto body = co_await read_all(*request.body, kLargestBody);
    if (!body) co_return body.error();
    text = std::move(*body);
  }
  if (text.empty()) text = "{}";
  co_return wire::decode<Wish>(wire::parse_json(text), [deferral](const wire::Node& n) {
    Wish wish;
    n.only({"device", "assignment", "until", "by", "why", "accept_expiry"});
    wish.deferral.by = text_or_empty(n, "by");
    wish.deferral.why = text_or_empty(n, "why");
    if (!deferral) return wish;
    wish.deferral.device = DeviceId{text_or_empty(n, "device")};
    wish.deferral.assignment = AssignmentId{text_or_empty(n, "assignment")};
    wish.deferral.until = n.at("until").time();
    if (const auto accept = n.maybe("accept_expiry")) wish.accept_expiry = accept->boolean();
    return wish;
  });
}

}  // namespace

Task<HttpResponse> LocalApi::handle(HttpRequest request, Stop& /*stop*/) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const bool get = request.method == Method::kGet || request.method == Method::kHead;
  if (path == "/healthz" && get) co_return plain(200, "ok\n");
  if (path == "/readyz" && get) co_return site_.loaded() ? plain(200, "ready\n") : plain(503, "starting\n");
  if (!site_.loaded()) co_return problem(503, "Service Unavailable", "the gateway is starting");
  if (path == "/api/v1/status" && get) co_return status();
  if (path == "/api/v1/jobs" && get) co_return jobs();
  if (path == "/api/v1/deferrals" && request.method == Method::kPost) co_return co_await add_deferral(request);
  constexpr std::string_view kDeferrals = "/api/v1/deferrals/", kJobs = "/api/v1/jobs/", kCancel = "/cancel";
  if (path.starts_with(kDeferrals) && request.method == Method::kDelete) {
    std::string id = wire::unescape_url(path.substr(kDeferrals.size())).value_or("");
    co_return co_await withdraw_deferral(std::move(id));
  }
  if (path.starts_with(kJobs) && path.ends_with(kCancel) && request.method == Method::kPost &&
      path.size() > kJobs.size() + kCancel.size()) {
    const auto name = path.substr(kJobs.size(), path.size() - kJobs.size() - kCancel.size());
    std::string id = wire::unescape_url(name).value_or("");
    co_return co_await cancel_job(request, std::move(id));
  }
  co_return problem(404, "Not Found", "there is no such resource");
}

Task<HttpResponse> LocalApi::durable(HttpResponse response) {
  const auto saved = co_await site_.settled();
  if (!saved) co_return problem(503, "Service Unavailable", "the gateway is stopping");
  co_return response;
}

HttpResponse LocalApi::status() const {
  json::array artifacts;
  json::object devices;
  const auto rate = [this](const core::LinkRate& r) { return wire::encode_rate({r, site_.now()}); };
  for (auto& [name, one] : rates_.devices()) devices[name.value()] = rate(one);
  for (const auto& [sha, blob] : blobs_.all()) artifacts.push_back({{"sha256", sha.hex()}, {"bytes", blob.size}});
  return with_json(
      200, {{"site", site_.plan().plan().site.value()},
            {"revision", site_.plan().plan().revision},
            {"link", {{"wan_bytes", site_.link.wan}, {"wan_control_bytes", site_.link.wan_control}, {"lan_bytes", site_.link.lan}}},
            {"rates", {{"wan", rate(rates_.wan())}, {"devices", std::move(devices)}}},
            {"storage", {{"used", blobs_.used()}, {"quota", fetcher_.quota()}, {"artifacts", std::move(artifacts)}}},
            {"contact", {{"last", site_.time().contact() ? json::value(to_rfc3339(site_.last_contact())) : json::value{}},
                         {"clock_known", site_.time().known()},
                         {"now", to_rfc3339(site_.now())}}},
            {"reports_waiting", site_.outbox().size()},
            {"transmitting", site_.slots().taken()},
            {"devices", site_.devices().size()}});
}

HttpResponse LocalApi::jobs() const {
  json::array out;
  for (const auto& [id, job] : site_.jobs()) {
    const core::PublicState state = site_.describe(job);
    out.push_back({{"id", id.value()},
                   {"device", job.terms.device.value()},
                   {"assignment", job.terms.assignment.value()},
                   {"state", state.state},
                   {"reason", state.reason},
                   {"sentence", state.sentence},
                   {"until", maybe_time(state.until)},
                   {"update_at", to_rfc3339(job.update_at)},
                   {"step", job.step},
                   {"attempt", job.attempt}});
  }
  return with_json(200, json::object{{"jobs", std::move(out)}});
}

std::optional<WallTime> LocalApi::latest_possible(const core::Deferral& deferral) const {
  std::optional<WallTime> latest;
  for (const auto& [id, job] : site_.jobs()) {
    if (core::is_final(job) || !core::standing_deferral(job.terms, std::span{&deferral, 1})) continue;
    WallTime last = job.terms.update.empty() ? job.terms.expires_at : WallTime{};
    for (const auto& interval : job.terms.update)
      if (interval.from < job.terms.expires_at) last = std::max(last, std::min(interval.to, job.terms.expires_at));
    latest = latest ? std::min(*latest, last) : last;
  }
  return latest;
}

Task<HttpResponse> LocalApi::add_deferral(HttpRequest& request) {
  auto wish = co_await read_wish(request, true);
  if (!wish) co_return problem(400, "Bad Request", wish.error().message());
  core::Deferral deferral = wish->deferral;
  const auto latest = latest_possible(deferral);
  if (latest && deferral.until >= *latest && !wish->accept_expiry) {
    json::object body{{"title", "Conflict"},
                      {"status", 409},
                      {"detail", "this leaves no time before the expiry"},
                      {"latest_possible", to_rfc3339(*latest - Duration{1'000})}};
    HttpResponse response = with_json(409, body);
    response.headers.set("Content-Type", "application/problem+json");
    co_return response;
  }
  deferral.id = "l" + random_alphanumeric(random_, 10);
  HttpResponse response = with_json(201, json::object{{"id", deferral.id},
                                                      {"device", deferral.device.value()},
                                                      {"assignment", deferral.assignment.value()},
                                                      {"until", to_rfc3339(deferral.until)},
                                                      {"by", deferral.by},
                                                      {"why", deferral.why}});
  response.headers.add("Location", "/api/v1/deferrals/" + deferral.id);
  site_.add_deferral(std::move(deferral));
  co_return co_await durable(std::move(response));
}

Task<HttpResponse> LocalApi::withdraw_deferral(std::string id) {
  if (!site_.withdraw_deferral(id)) co_return problem(404, "Not Found", "there is no such deferral here");
  HttpResponse response{204};
  co_return co_await durable(std::move(response));
}

Task<HttpResponse> LocalApi::cancel_job(HttpRequest& request, std::string id) {
  const auto wish = co_await read_wish(request, false);
  if (!wish) co_return problem(400, "Bad Request", wish.error().message());
  const JobId job_id{id};
  if (site_.find_job(job_id) == nullptr) co_return problem(404, "Not Found", "there is no such job");
  const std::string cancel = "l" + random_alphanumeric(random_, 10);
  site_.apply(job_id, core::CancelAsked{cancel, wish->deferral.by, wish->deferral.why});
  const core::Job* job = site_.find_job(job_id);
  const bool late = job != nullptr && job->cancel_refused == cancel;
  if (late) {
    HttpResponse response = with_json(
        409, json::object{{"title", "Conflict"}, {"status", 409}, {"detail", "the switch-over has begun, or the job has ended"}, {"answer", "too_late"}});
    response.headers.set("Content-Type", "application/problem+json");
    co_return co_await durable(std::move(response));
  }
  HttpResponse response = with_json(200, json::object{{"id", cancel}, {"job", id}});
  co_return co_await durable(std::move(response));
}

}  // namespace dray::gateway
