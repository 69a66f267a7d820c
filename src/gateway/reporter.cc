#include "gateway/reporter.h"

#include "wire/http_fields.h"

namespace dray::gateway {
namespace {

constexpr std::size_t kLargestAnswer = 64 << 10;
constexpr std::chrono::hours kPatience{1};

}  // namespace

Task<> Reporter::run(Stop& stop) {
  const SteadyTime began = clock_.steady();
  Backoff backoff{site_.settings().server_retry_base, site_.settings().server_retry_cap};
  while (!stop.requested()) {
    // Before the server has said what it has seen, nothing is told: afterwards a gateway that was restored from an older
    // state could not be told from one whose answers were lost. But not for ever: a plan may be too long for its WAN.
    const bool heard = site_.time().contact() || clock_.steady() >= began + kPatience;
    if (site_.outbox().empty() || !heard) {
      const SteadyTime until = heard ? kSteadyMax : began + kPatience;
      co_await site_.reports_waiting.wait(clock_, until, stop);
      continue;
    }
    co_await brake_.turn(stop);
    if (stop.requested()) break;
    // What is told must be true after a power cut too, and its number never used again: first what is told is fixed,
    // then it is made durable, then it is told.
    Outbox::Batch batch = site_.outbox().batch();
    const auto saved = co_await site_.settled();
    if (!saved) break;
    site_.outbox().sending(batch);
    refused_.reset();
    const Result<> done = co_await send(std::move(batch), stop);
    if (stop.requested()) break;
    if (done) {
      backoff.reset();
      trouble_.over(site_.log());
      continue;
    }
    trouble_.failed(site_.log(), done.error().message());
    const Duration own = backoff.next(random_, refused_.has_value());
    const SteadyTime until = clock_.steady() + std::max(own, refused_.value_or(Duration{0}));
    [[maybe_unused]] const auto how = co_await clock_.sleep_until(until, stop);
  }
}

Task<Result<>> Reporter::send(Outbox::Batch batch, Stop& stop) {
  const Settings& settings = site_.settings();
  HttpRequest request{Method::kPost, settings.server_url + "/gateway/v1/reports"};
  request.headers.add("Authorization", "Bearer " + settings.token);
  request.headers.add("Content-Type", "application/json");
  std::string body = wire::encode_reports(batch.reports);
  const auto answer = co_await exchange(server_, std::move(request), std::move(body), kLargestAnswer, stop);
  if (!answer) co_return answer.error();
  refused_ = wire::parse_retry_after(answer->headers.get("Retry-After"), site_.now()).value_or(Duration{0});
  if (answer->status != 200)
    co_return Error{ErrorCode::kUnavailable, "POST reports: status " + std::to_string(answer->status)};
  const auto decoded = wire::decode_answer(answer->body);
  if (!decoded) co_return decoded.error().with_context("POST reports");
  const bool moved = decoded->acknowledged.epoch == batch.last.epoch && decoded->acknowledged.seq >= batch.last.seq;
  const std::int64_t epoch = site_.outbox().last().epoch;
  site_.acknowledge(*decoded);
  const bool begins_anew = site_.outbox().last().epoch != epoch;
  // What is told because the server asks for all of it again, or says that it has seen more, is no progress.
  if (moved && !begins_anew && !decoded->resync) brake_.progress();
  if (!moved && !begins_anew) co_return Error{ErrorCode::kUnavailable, "POST reports: not all was acknowledged"};
  co_return Result<>{};
}

}  // namespace dray::gateway
