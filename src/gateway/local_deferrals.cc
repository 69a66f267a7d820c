// Deferrals and cancels asked for at the site.
#include <algorithm>

#include "base/text.h"
#include "core/schedule/deferral.h"
#include "gateway/local_answers.h"
#include "gateway/local_api.h"

namespace dray::gateway {
namespace {

namespace json = boost::json;

struct Wish {  // body of a deferral or a cancel
  core::Deferral deferral;
  bool accept_expiry = false;
};

Task<Result<Wish>> read_wish(HttpRequest& request, bool deferral) {
  const auto text = co_await read_wish_text(request);
  if (!text) co_return text.error();
  co_return wire::decode<Wish>(wire::parse_json(*text), [deferral](const wire::Node& n) {
    Wish wish;
    n.only({"device", "assignment", "until", "by", "why", "accept_expiry"});
    wish.deferral.by = line_or_empty(n, "by", wire::kLongestBy);
    wish.deferral.why = line_or_empty(n, "why", wire::kLongestWhy);
    if (!deferral) return wish;
    wish.deferral.device = DeviceId{line_or_empty(n, "device", wire::kLongestTitle)};
    wish.deferral.assignment = AssignmentId{line_or_empty(n, "assignment", wire::kLongestId)};
    wish.deferral.until = n.at("until").time();
    if (const auto accept = n.maybe("accept_expiry")) wish.accept_expiry = accept->boolean();
    return wish;
  });
}

// stands: it is not over.
json::object encode(const core::Deferral& d, std::string_view from, bool stands) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? json::value{} : json::value(text);
  };
  return {{"id", d.id},
          {"device", or_null(d.device.value())},
          {"assignment", or_null(d.assignment.value())},
          {"until", to_rfc3339(d.until)},
          {"by", d.by},
          {"why", d.why},
          {"from", from},
          {"stands", stands}};
}

json::object encode_unreadable(const documents::Unreadable& one) {
  return {{"id", one.shown_id()},
          {"device", nullptr},
          {"assignment", nullptr},
          {"until", nullptr},
          {"by", ""},
          {"why", "can't be read; withdraw it (DELETE) or give it again (PUT)"},
          {"from", "site"},
          {"stands", true},
          {"unreadable", true}};
}

std::uint64_t bytes_left(const core::Job& job) {
  std::uint64_t sum = 0;
  for (std::size_t step = job.step; step < job.terms.steps.size(); ++step)
    for (const auto& artifact : job.terms.steps[step]) sum += artifact.size;
  return sum;
}

}  // namespace

bool may_defer(const core::Job& job) { return !core::is_final(job) && !core::has_started(job); }

// What the deferral would move, one share an assignment: they have its expiry and its fetch in common.
std::optional<WallTime> LocalApi::latest_possible(const core::Deferral& deferral) const {
  std::map<AssignmentId, core::DeferredShare> by_assignment;
  for (const auto& [id, job] : site_.jobs()) {
    if (core::is_final(job) || !core::standing_deferral(job.terms, std::span{&deferral, 1})) continue;
    core::DeferredShare& share = by_assignment[job.terms.assignment];
    share.update = job.terms.update;
    share.expires_at = job.terms.expires_at;
    ++share.devices;
    share.widest = std::max(share.widest, bytes_left(job));
    for (const auto& step : job.terms.steps)
      for (const auto& artifact : step)
        if (!blobs_.has(artifact.sha256)) share.missing[artifact.sha256] = artifact.size;
  }
  std::vector<core::DeferredShare> shares;
  for (auto& [assignment, share] : by_assignment) shares.push_back(std::move(share));
  return core::latest_possible(shares, {.wan = rates_.lowest_wan(), .lan = rates_.lowest_lan(), .concurrency = site_.plan().plan().limits.concurrency});
}

HttpResponse LocalApi::deferrals() const {
  json::array out;
  const WallTime now = site_.now();
  for (const auto& [id, deferral] : site_.local_deferrals()) out.push_back(encode(deferral, "site", deferral.until > now));
  for (const auto& one : site_.damage().all())
    if (one.kind == kind::kDeferral) out.push_back(encode_unreadable(one));
  for (const auto& deferral : site_.plan().plan().deferrals) out.push_back(encode(deferral, "server", deferral.until > now));
  return with_json(200, json::object{{"deferrals", std::move(out)}});
}

std::optional<HttpResponse> LocalApi::refuses(const core::Deferral& deferral) const {
  const core::Plan& plan = site_.plan().plan();
  if (deferral.until <= site_.now()) return problem(400, "Bad Request", "until: is over already");
  if (!deferral.device.empty() && site_.plan().device(deferral.device) == nullptr)
    return problem(
        400, "Bad Request",
        "device: there is no device '" + deferral.device.value() + "' at site " + plan.site.value());
  if (!deferral.assignment.empty() && site_.plan().assignment(deferral.assignment) == nullptr)
    return problem(400, "Bad Request",
                   "assignment: there is no '" + deferral.assignment.value() + "' in the plan");
  return {};
}

// 409 where the expiry leaves too little time for it, unless that is accepted.
std::optional<HttpResponse> LocalApi::comes_too_late(const core::Deferral& deferral, bool accept_expiry) const {
  const auto latest = latest_possible(deferral);
  if (!latest || deferral.until <= *latest || accept_expiry) return {};
  const bool none = *latest <= site_.now();
  return conflict(none ? "the expiry leaves no time for a deferral" : "this leaves too little time before the expiry",
                  "latest_possible", json::value(to_rfc3339(std::chrono::floor<std::chrono::seconds>(*latest))));
}

// Encoded, with how many jobs it moves.
json::object LocalApi::shown(const core::Deferral& deferral) const {
  std::int64_t moves = 0;
  for (const auto& [id, job] : site_.jobs())
    moves += may_defer(job) && core::standing_deferral(job.terms, std::span{&deferral, 1}) ? 1 : 0;
  json::object body = encode(deferral, "site", true);
  body["jobs"] = moves;
  return body;
}

Task<HttpResponse> LocalApi::add_deferral(HttpRequest& request) {
  auto wish = co_await read_wish(request, true);
  if (!wish) co_return refused(wish.error());
  core::Deferral deferral = wish->deferral;
  if (auto refused = refuses(deferral)) co_return std::move(*refused);
  if (auto late = comes_too_late(deferral, wish->accept_expiry)) co_return std::move(*late);
  deferral.id = "l" + random_alphanumeric(random_, 10);
  HttpResponse response = with_json(201, shown(deferral));
  response.headers.add("Location", "/api/v1/deferrals/" + deferral.id);
  site_.add_deferral(std::move(deferral));
  co_return co_await durable(std::move(response));
}

// In the place of one that can't be read any more.
Task<HttpResponse> LocalApi::replace_deferral(HttpRequest& request, std::string id) {
  auto wish = co_await read_wish(request, true);
  if (!wish) co_return refused(wish.error());
  core::Deferral deferral = wish->deferral;
  deferral.id = id;
  if (auto refused = refuses(deferral)) co_return std::move(*refused);
  if (auto late = comes_too_late(deferral, wish->accept_expiry)) co_return std::move(*late);
  HttpResponse response = with_json(200, shown(deferral));
  if (!site_.replace_deferral(std::move(deferral)))
    co_return problem(404, "Not Found", "there is no such deferral here that can't be read");
  co_return co_await durable(std::move(response));
}

Task<HttpResponse> LocalApi::withdraw_deferral(std::string id) {
  if (!site_.withdraw_deferral(id)) co_return problem(404, "Not Found", "there is no such deferral here");
  HttpResponse response{204};
  co_return co_await durable(std::move(response));
}

Task<HttpResponse> LocalApi::cancel_job(HttpRequest& request, std::string id) {
  const auto wish = co_await read_wish(request, false);
  if (!wish) co_return refused(wish.error());
  const JobId job_id{id};
  if (site_.find_job(job_id) == nullptr) co_return problem(404, "Not Found", "there is no such job");
  const std::string cancel = "l" + random_alphanumeric(random_, 10);
  site_.apply(job_id, core::CancelAsked{cancel, wish->deferral.by, wish->deferral.why});
  const core::Job* job = site_.find_job(job_id);
  const bool late = job != nullptr && job->cancel_refused == cancel;
  HttpResponse response =
      late ? conflict("the switch-over has begun, or the job has ended", "answer", "too_late")
           : with_json(200, json::object{{"id", cancel}, {"job", id}});
  co_return co_await durable(std::move(response));
}

}  // namespace dray::gateway
