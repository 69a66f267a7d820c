#include "gateway/plan_client.h"

#include "base/mutant.h"
#include "gateway/server_answer.h"
#include "wire/http_fields.h"

namespace dray::gateway {
namespace {

constexpr Duration kRefusedBase{10'000}, kRefusedCap{300'000};  // pauses between questions while another one answers

// Notes when the head of an answer came: the server wrote its time then, and a long plan over a slow WAN may take
// minutes after it.
class HeadWatch : public HttpClient {
 public:
  HeadWatch(HttpClient& below, const Clock& clock) : below_{below}, clock_{clock} {}
  Task<Result<int>> send(HttpRequest request, BodySink& sink, Stop& stop) override {
    Watch watch{*this, sink};
    co_return co_await below_.send(std::move(request), watch, stop);
  }
  SteadyTime heard() const { return heard_; }

 private:
  class Watch : public BodySink {
   public:
    Watch(HeadWatch& owner, BodySink& below) : owner_{owner}, below_{below} {}
    Result<> head(int status, const Headers& headers) override {
      owner_.heard_ = owner_.clock_.steady();
      return below_.head(status, headers);
    }
    Task<Result<>> write(ByteView bytes) override { co_return co_await below_.write(bytes); }

   private:
    HeadWatch& owner_;
    BodySink& below_;
  };

  HttpClient& below_;
  const Clock& clock_;
  SteadyTime heard_{};
};

}  // namespace

Task<> PlanClient::run(Stop& stop) {
  const Settings& settings = site_.settings();
  core::GrowingPause backoff{core::GrowingPause::from(settings.server_retry_base, settings.server_retry_cap)};
  core::GrowingPause while_refused{core::GrowingPause::from(kRefusedBase, kRefusedCap)};
  // Where an answer can't be used, each more costs the WAN a plan: ten seconds, and up to five minutes.
  core::GrowingPause while_of_no_use{core::GrowingPause::from(10 * settings.server_retry_base, 5 * settings.server_retry_cap)};
  while (!stop.requested()) {
    co_await brake_.turn(stop);
    refused_.reset();
    is_of_no_use_ = false;
    const Result<> done = co_await ask(stop);
    if (stop.requested()) break;
    if (done) {
      backoff.reset();
      trouble_.over(site_.log());
      while_refused.reset();
      while_of_no_use.reset();
      continue;
    }
    const bool turned_away = done.error().code() == ErrorCode::kConflict;  // that has its own words: identity.h
    if (turned_away)
      trouble_.over(site_.log());
    else
      trouble_.failed(site_.log(), done.error().message());
    if (identity_.refused() || is_of_no_use_) {
      core::GrowingPause& pauses = identity_.refused() ? while_refused : while_of_no_use;
      const SteadyTime again = clock_.steady() + pauses.next(random_unit(random_));
      [[maybe_unused]] const auto slept = co_await clock_.sleep_until(again, stop);
      continue;
    }
    if (DRAY_MUTANT("gives_up_server") && backoff.failures() > 8) co_return;
    const Duration own = backoff.next(random_unit(random_), refused_.has_value());
    const SteadyTime until = clock_.steady() + std::max(own, refused_.value_or(Duration{0}));
    [[maybe_unused]] const auto how = co_await clock_.sleep_until(until, stop);
  }
}

Task<Result<>> PlanClient::ask(Stop& stop) {
  const Settings& settings = site_.settings();
  HttpRequest request{Method::kGet, settings.server_url + "/gateway/v1/plan"};
  request.headers.add("Authorization", "Bearer " + settings.token);
  const std::string etag = site_.plan_etag();
  // The first contact after a start gets the whole plan at once: the clock waits for it, and what the server has seen
  // of us comes only with a plan. A gateway that was restored from an older state learns of it here.
  if (!etag.empty() && site_.time().contact() && !identity_.refused()) {
    request.headers.add("If-None-Match", etag);
    request.headers.add("Prefer", "wait=" + std::to_string(settings.plan_wait.count()));
  }
  request.idle_limit = settings.plan_wait + std::chrono::seconds{20};
  const SteadyTime asked = clock_.steady();
  const core::ReportsSeen acknowledged = site_.outbox().acknowledged();
  HeadWatch server{server_, clock_};
  const auto answer = co_await exchange(server, std::move(request), "", wire::kMostPlanBytes, stop);
  is_of_no_use_ = !answer && answer.error().code() == ErrorCode::kExhausted;
  if (!answer) co_return answer.error();
  refused_ = wire::parse_retry_after(answer->headers.get("Retry-After"), site_.now()).value_or(Duration{0});
  Result<> taken = take(*answer, acknowledged, server.heard());
  if (taken) identity_.was_heard();
  if (taken) taken = co_await site_.settled();
  // A server that does not hold the call must not be asked in a tight loop.
  if (taken && answer->status == 304 && clock_.steady() - asked < settings.server_retry_base)
    taken = co_await clock_.sleep_until(clock_.steady() + 2 * settings.server_retry_base, stop);
  co_return taken;
}

Result<> PlanClient::take(const TextResponse& answer, core::ReportsSeen acknowledged, SteadyTime heard) {
  if (answer.status == 304) {
    if (const auto date = wire::parse_http_date(answer.headers.get("Date"))) site_.note_contact(*date, heard);
    return {};
  }
  if (answer.status == 409 && identity_.refused()) return Error{ErrorCode::kConflict, identity_.sentence()};
  if (answer.status != 200) return Error{ErrorCode::kUnavailable, "GET plan: " + status_and_detail(answer)};
  is_of_no_use_ = true;
  const auto message = wire::decode_plan(answer.body);
  if (!message && is_page(answer)) return Error{ErrorCode::kInvalid, "GET plan: " + std::string{kPageInstead}};
  if (!message) return message.error().with_context("GET plan");
  if (!wire::same_tag(answer.headers.get("ETag"), "\"" + std::to_string(message->plan.revision) + "\""))
    return Error{ErrorCode::kInvalid, "GET plan: no ETag with the revision"};
  is_of_no_use_ = false;
  site_.take_plan(*message, answer.body, acknowledged, heard);
  return {};
}

}  // namespace dray::gateway
