// What the way from the gateway can do, where it would like to know: a planner needs it before the first update.
// The device decides; bounded bytes and a bounded time; nothing depends on it.
#include "agent/session.h"
#include "wire/json.h"

namespace dray::agent {

namespace at = core::attempt;

namespace {

constexpr std::uint64_t kFirst = 64 << 10, kSecond = 1 << 20;
constexpr Duration kTooQuick{500};      // the first was over too soon to mean much
constexpr Duration kLongest{10'000};
constexpr Duration kAgain{600'000};  // asked again whether it may be disturbed

class ProbeSink final : public BodySink {
 public:
  ProbeSink(std::uint64_t most, const Clock& clock) : most_{most}, clock_{clock}, began_{clock.steady()} {}

  Result<> head(int status, const Headers& /*headers*/) override {
    status_ = status;
    if (status != 200) return Error{ErrorCode::kUnavailable, "status " + std::to_string(status)};
    return {};
  }
  Task<Result<>> write(ByteView bytes) override {
    count_ += bytes.size();
    took_ = clock_.steady() - began_;
    if (count_ > most_) co_return Error{ErrorCode::kInvalid, "more bytes than were asked for"};
    if (took_ > kLongest) co_return Error{ErrorCode::kTimeout, "long enough"};
    co_return Result<>{};
  }

  bool began() const { return status_ == 200; }
  Ddi::Probed probed() const { return count_ <= most_ ? Ddi::Probed{count_, took_} : Ddi::Probed{}; }

 private:
  std::uint64_t most_, count_ = 0;
  const Clock& clock_;
  SteadyTime began_;
  Duration took_{0};
  int status_ = 0;
};

}  // namespace

// Its installer is not asked: that is for updates, and may ask a person. Nor is anything done where an operator says when.
Task<bool> Agent::Session::may_be_disturbed(Stop& stop) {
  const bool idle = at::is_final(attempt()) || std::holds_alternative<at::Idle>(attempt().phase);
  if (!idle || !has_nothing_to_do() || settings_.asks_operator) co_return false;
  if (prohibited_hours() || operators_objection()) co_return false;
  const auto file = co_await busy_file();
  if (!file || file->has_value()) co_return false;
  const auto check = co_await busy_check(stop);
  co_return !check.has_value() && !stop.requested();
}

Task<> Agent::Session::measure_link(Stop& stop) {
  probe_at_ = parts_.clock.steady() + kAgain;
  const bool free = co_await may_be_disturbed(stop);
  if (!free) co_return;
  auto probed = co_await ddi_.fetch_probe(probe_href_, kFirst, parts_.clock, stop);
  if (probed && probed->bytes == kFirst && probed->took < kTooQuick)
    probed = co_await ddi_.fetch_probe(probe_href_, kSecond, parts_.clock, stop);
  if (!probed) co_return;  // another device is at it, or the offer is gone
  parts_.log.info("link_measured", {{"bytes", probed->bytes}, {"took_ms", probed->took.count()}});
  [[maybe_unused]] const auto told = co_await ddi_.tell_probe(probe_href_, *probed, stop);
}

Task<Result<Ddi::Probed>> Ddi::fetch_probe(std::string href, std::uint64_t bytes, Clock& clock, Stop& stop) {
  HttpRequest ask = request(Method::kGet, std::move(href) + "?bytes=" + std::to_string(bytes));
  ask.idle_limit = kLongest;
  ProbeSink sink{bytes, clock};
  const auto status = co_await http_.send(std::move(ask), sink, stop);
  if (!status && !sink.began()) co_return status.error();
  co_return sink.probed();
}

Task<Result<>> Ddi::tell_probe(std::string href, Probed probed, Stop& stop) {
  std::string body = wire::to_text(wire::json::object{{"bytes", probed.bytes}, {"ms", probed.took.count()}});
  co_return co_await send(Method::kPost, std::move(href), std::move(body), stop);
}

}  // namespace dray::agent
