// What the way from the gateway can do, where it would like to know: a planner needs it before the first update.
// The device decides, as for an update; bounded bytes; nothing depends on it.
#include "agent/session.h"
#include "wire/json.h"

namespace dray::agent {

namespace at = core::attempt;

namespace {

constexpr std::uint64_t kFirst = 64 << 10, kSecond = 1 << 20;
constexpr Duration kQuick{500};  // the first was over too soon to mean much

class CountingSink final : public BodySink {
 public:
  Result<> head(int status, const Headers& /*headers*/) override {
    if (status != 200) return Error{ErrorCode::kUnavailable, "status " + std::to_string(status)};
    return {};
  }
  Task<Result<>> write(ByteView bytes) override {
    count += bytes.size();
    co_return Result<>{};
  }
  std::uint64_t count = 0;
};

}  // namespace

// False: not now; it is shown again.
Task<bool> Agent::Session::measure_link(std::string href, Stop& stop) {
  const bool free = at::is_final(attempt()) || std::holds_alternative<at::Idle>(attempt().phase);
  if (!free) co_return false;
  const auto ready = co_await readiness(stop);
  if (!ready || ready->kind != at::AnswerKind::kReady) co_return false;
  std::uint64_t bytes = kFirst;
  Result<Duration> took = co_await ddi_.fetch_probe(href, bytes, parts_.clock, stop);
  if (took && *took < kQuick) {
    bytes = kSecond;
    took = co_await ddi_.fetch_probe(href, bytes, parts_.clock, stop);
  }
  if (!took) co_return false;
  parts_.log.info("link_measured", {{"bytes", bytes}, {"took_ms", took->count()}});
  const auto told = co_await ddi_.tell_probe(std::move(href), bytes, *took, stop);
  co_return told.has_value();
}

Task<Result<Duration>> Ddi::fetch_probe(std::string href, std::uint64_t bytes, Clock& clock, Stop& stop) {
  HttpRequest ask = request(Method::kGet, std::move(href) + "?bytes=" + std::to_string(bytes));
  CountingSink sink;
  const SteadyTime began = clock.steady();
  const auto status = co_await http_.send(std::move(ask), sink, stop);
  if (!status) co_return status.error();
  if (sink.count != bytes) co_return Error{ErrorCode::kInvalid, "not the bytes that were asked for"};
  co_return clock.steady() - began;
}

Task<Result<>> Ddi::tell_probe(std::string href, std::uint64_t bytes, Duration took, Stop& stop) {
  std::string body = wire::to_text(wire::json::object{{"bytes", bytes}, {"ms", took.count()}});
  co_return co_await send(Method::kPost, std::move(href), std::move(body), stop);
}

}  // namespace dray::agent
