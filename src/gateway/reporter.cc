#include "gateway/reporter.h"

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
    const bool may_tell = heard && !identity_.refused();  // another gateway speaks for the site: nothing is told
    if (site_.outbox().empty() || !may_tell) {
      const SteadyTime until = heard ? kSteadyMax : began + kPatience;
      co_await site_.reports_waiting.wait(clock_, until, stop);
      continue;
    }
    // What is told must be true after a power cut too, and its number never used again: first what is told is fixed,
    // then it is made durable, then it is told.
    Outbox::Batch batch = site_.outbox().batch();
    const auto saved = co_await site_.settled();
    if (!saved) break;
    site_.outbox().sending(batch);
    const Result<> done = co_await send(std::move(batch), stop);
    if (stop.requested()) break;
    if (done) {
      backoff.reset();
      continue;
    }
    if (backoff.failures() == 0) site_.log().warn("reports_not_taken", {{"why", done.error().message()}});
    const SteadyTime until = clock_.steady() + backoff.next(random_);
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
  if (answer->status != 200)
    co_return Error{ErrorCode::kUnavailable, "POST reports: status " + std::to_string(answer->status)};
  const auto decoded = wire::decode_answer(answer->body);
  if (!decoded) co_return decoded.error().with_context("POST reports");
  const bool moved = decoded->acknowledged.epoch == batch.last.epoch && decoded->acknowledged.seq >= batch.last.seq;
  const std::int64_t epoch = site_.outbox().last().epoch;
  site_.acknowledge(*decoded);
  const bool begins_anew = site_.outbox().last().epoch != epoch;
  if (!moved && !begins_anew) co_return Error{ErrorCode::kUnavailable, "POST reports: not all was acknowledged"};
  co_return Result<>{};
}

}  // namespace dray::gateway
