#include "gateway/reporter.h"

#include "base/text.h"
#include "gateway/server_answer.h"
#include "wire/http_fields.h"

namespace dray::gateway {
namespace {

constexpr std::size_t kLargestAnswer = 64 << 10;
constexpr std::chrono::hours kPatience{1};
constexpr std::size_t kLongestWhy = 500;

// The server says that it can't take what we sent, and it is the server who says so.
bool refuses(const TextResponse& answer) {
  const bool told = answer.headers.get("Content-Type").starts_with("application/problem+json");
  return told && (answer.status == 400 || answer.status == 413 || answer.status == 422);
}

}  // namespace

Task<> Reporter::run(Stop& stop) {
  const SteadyTime began = clock_.steady();
  const Settings& settings = site_.settings();
  core::GrowingPause backoff{core::GrowingPause::from(settings.server_retry_base, settings.server_retry_cap)};
  while (!stop.requested()) {
    // Before the server has said what it has seen, nothing is told: afterwards a gateway that was restored from an older
    // state could not be told from one whose answers were lost. But not for ever: a plan may be too long for its WAN.
    const bool heard = site_.time().contact() || clock_.steady() >= began + kPatience;
    const bool may_tell = heard && !identity_.refused();  // another gateway speaks for the site: nothing is told
    if (site_.outbox().empty() || !may_tell) {
      const SteadyTime until = heard ? kSteadyMax : began + kPatience;
      co_await site_.reports_waiting.wait(clock_, until, stop);
      continue;
    }
    co_await brake_.turn(stop);
    // What comes meanwhile goes along. Only where the last one told news: a loop that others drive would rest by it, and
    // seem calm to its brake.
    const SteadyTime at = pace_.turn(clock_.steady());
    if (told_news_ && at > clock_.steady()) [[maybe_unused]]
      const auto waited = co_await clock_.sleep_until(at, stop);
    told_news_ = false;
    if (stop.requested()) break;
    // What is told must be true after a power cut too, and its number never used again: first what is told is fixed,
    // then it is made durable, then it is told.
    Outbox::Batch batch = site_.outbox().batch(halving_.most());
    const auto saved = co_await site_.settled();
    if (!saved) break;
    site_.outbox().sending(batch);
    refused_.reset();
    const Result<> done = co_await send(std::move(batch), stop);
    if (stop.requested()) break;
    site_.telling = done;
    if (done) {
      backoff.reset();
      trouble_.over(site_.log());
      continue;
    }
    trouble_.failed(site_.log(), done.error().message());
    const Duration own = backoff.next(random_unit(random_), refused_.has_value());
    const SteadyTime until = clock_.steady() + std::max(own, refused_.value_or(Duration{0}));
    [[maybe_unused]] const auto how = co_await clock_.sleep_until(until, stop);
  }
}

Task<Result<TextResponse>> Reporter::post(std::string body, Stop& stop) {
  const Settings& settings = site_.settings();
  HttpRequest request{Method::kPost, settings.server_url + "/gateway/v1/reports"};
  request.headers.add("Authorization", "Bearer " + settings.token);
  request.headers.add("Content-Type", "application/json");
  co_return co_await exchange(server_, std::move(request), std::move(body), kLargestAnswer, stop);
}

Task<Result<>> Reporter::send(Outbox::Batch batch, Stop& stop) {
  const std::size_t count = batch.reports.size();
  const auto answer = co_await post(wire::encode_reports(batch.reports), stop);
  if (!answer) co_return answer.error();
  refused_ = wire::parse_retry_after(answer->headers.get("Retry-After"), site_.now()).value_or(Duration{0});
  if (refuses(*answer)) {
    std::string why = status_and_detail(*answer);
    co_return co_await refused(std::move(batch), std::move(why), stop);
  }
  if (answer->status != 200)
    co_return Error{ErrorCode::kUnavailable, "POST reports: " + status_and_detail(*answer)};
  const auto decoded = wire::decode_answer(answer->body);
  if (!decoded && is_page(*answer)) co_return Error{ErrorCode::kInvalid, "POST reports: " + std::string{kPageInstead}};
  if (!decoded) co_return decoded.error().with_context("POST reports");
  identity_.token_answered(false);
  const bool moved = decoded->acknowledged.epoch == batch.last.epoch && decoded->acknowledged.seq >= batch.last.seq;
  const std::int64_t epoch = site_.outbox().last().epoch;
  site_.acknowledge(*decoded);
  const bool begins_anew = site_.outbox().last().epoch != epoch;
  // What is told because the server asks for all of it again, or says that it has seen more, is no progress.
  told_news_ = moved && !begins_anew && !decoded->resync;
  if (told_news_) brake_.progress();
  if (!moved && !begins_anew) co_return Error{ErrorCode::kUnavailable, "POST reports: not all was acknowledged"};
  halving_.taken(count);
  if (!halving_.searching() && site_.outbox().empty()) set_aside_ = 0;
  co_return Result<>{};
}

// One of them can't be taken. Found, it is kept beside, where the server does take reports as such.
Task<Result<>> Reporter::refused(Outbox::Batch batch, std::string why, Stop& stop) {
  const std::size_t count = batch.reports.size();
  Duration pause = pause_between(0, site_.settings().server_retry_base);
  if (!halving_.searching() && site_.lines().may_say("reports_refused", ""))
    site_.log().warn("reports_refused", {{"entries", count}, {"why", why}});
  if (halving_.refused(count)) {
    const auto empty = co_await post("[]", stop);
    if (!empty) co_return empty.error();
    if (empty->status != 200 || !wire::decode_answer(empty->body))
      co_return Error{ErrorCode::kUnavailable, "POST reports: " + why + ", and an empty batch is not taken either"};
    if (site_.lines().may_say("report_set_aside", ""))
      site_.log().warn("report_set_aside", {{"report", clean_text(batch.reports[0], kLongestWhy)}, {"why", why}});
    site_.set_report_aside(batch.last.seq, std::move(why));
    halving_.set_aside();
    pause = pause_between(set_aside_++, site_.settings().server_retry_base);
  }
  pause += Duration{static_cast<Duration::rep>(random_unit(random_) * static_cast<double>(pause.count()) / 2)};
  [[maybe_unused]] const auto slept = co_await clock_.sleep_until(clock_.steady() + pause, stop);
  co_return Result<>{};
}

}  // namespace dray::gateway
