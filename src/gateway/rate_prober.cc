#include "gateway/rate_prober.h"

namespace dray::gateway {
namespace {

constexpr std::chrono::hours kFresh{24}, kAgain{6}, kLatest{1};
constexpr std::chrono::minutes kSoon{10}, kSpread{30};
constexpr std::uint64_t kFirst = 128 << 10, kSecond = 1 << 20;  // the server's limit
constexpr Duration kQuick{500};                                 // the first was over too soon to mean much
constexpr Duration kProbeStalled{30'000};
constexpr Duration kLongEnough{600'000};  // at the lowest caps, too

}  // namespace

class RateProber::Sink : public BodySink {
 public:
  Sink(RateProber& owner, std::uint64_t most, Stop& stop)
      : owner_{owner}, most_{most}, stop_{stop}, until_{owner.parts_.clock.steady() + kLongEnough}, body_{owner.parts_.wan} {}
  Result<> head(int status, const Headers& /*headers*/) override {
    if (status != 200) return Error{ErrorCode::kUnavailable, "GET probe: status " + std::to_string(status)};
    return {};
  }
  Task<Result<>> write(ByteView bytes) override {
    Clock& clock = owner_.parts_.clock;
    const SteadyTime on = body_.took(bytes.size());
    if (bytes.size() > most_) co_return Error{ErrorCode::kInvalid, "GET probe: more bytes than were asked for"};
    most_ -= bytes.size();
    if (clock.steady() >= until_) co_return Error{ErrorCode::kTimeout, "GET probe: long enough"};
    if (on > clock.steady()) co_return co_await clock.sleep_until(on, stop_);
    co_return Result<>{};
  }
  void end() { body_.end(); }

 private:
  RateProber& owner_;
  std::uint64_t most_;
  Stop& stop_;
  SteadyTime until_;
  Wan::Body body_;
};

std::optional<RateProber::Need> RateProber::need_of(const core::Job& job) const {
  const WallTime now = parts_.site.now();
  if (core::is_final(job) || job.update_at - now < kSoon) return {};
  bool missing = false;
  for (std::size_t step = job.step; step < job.terms.steps.size(); ++step)
    for (const auto& artifact : job.terms.steps[step])
      missing = missing || !parts_.blobs.has(artifact.sha256);
  const core::Assignment* assignment = parts_.site.plan().assignment(job.terms.assignment);
  if (!missing || assignment == nullptr) return {};
  const auto from = core::next_permitted(assignment->transfer, now);
  if (!from || job.update_at - *from < kSoon) return {};
  const WallTime until = std::min(job.update_at - kSoon, core::permitted_until(assignment->transfer, *from));
  return Need{*from, std::min<Duration>(kSpread, std::max(Duration{0}, Duration{until - *from}))};
}

std::optional<RateProber::Need> RateProber::need() const {
  const WallTime now = parts_.site.now();
  if (!parts_.site.time().contact() || parts_.identity.refused()) return {};
  const auto newest = parts_.rates.newest(DeviceId{});
  if (newest && now - *newest < kFresh) return {};
  std::optional<Need> first;
  for (const auto& [id, job] : parts_.site.jobs()) {
    if (core::wants_bytes(job, now)) return {};  // the fetch of it measures
    const auto one = need_of(job);
    if (one && (!first || one->from < first->from)) first = one;
  }
  return first;
}

Task<> RateProber::run(Stop& stop) {
  while (!stop.requested()) {
    const auto generation = parts_.site.work_changed.generation();
    const SteadyTime now = parts_.clock.steady();
    SteadyTime until = now + kLatest;
    if (const auto needed = need(); !needed) {
      at_.reset();
    } else if (needed->from > parts_.site.now()) {
      at_.reset();
      until = std::min(until, parts_.site.time().steady_at(needed->from));
    } else {
      if (!at_)
        at_ = now + Duration{static_cast<Duration::rep>(random_unit(parts_.random) *
                                                        static_cast<double>(needed->within.count()))};
      until = std::max(*at_, not_before_);
      if (until <= now) {
        co_await probe(stop);
        continue;
      }
    }
    co_await parts_.site.work_changed.wait_past(generation, parts_.clock, until, stop);
  }
}

Task<> RateProber::probe(Stop& stop) {
  at_.reset();
  not_before_ = parts_.clock.steady() + kAgain;  // whatever comes of it
  Result<Duration> took = co_await get(kFirst, stop);
  if (took && *took < kQuick) took = co_await get(kSecond, stop);
  if (!took) {
    parts_.site.log().info("probe_failed", {{"why", took.error().message()}});
    co_return;
  }
  parts_.site.log().info("probed", {{"rate", parts_.rates.wan().value}});
}

Task<Result<Duration>> RateProber::get(std::uint64_t bytes, Stop& stop) {
  const Settings& settings = parts_.site.settings();
  HttpRequest request{Method::kGet, settings.server_url + "/gateway/v1/probe?bytes=" + std::to_string(bytes)};
  request.headers.add("Authorization", "Bearer " + settings.token);
  request.idle_limit = kProbeStalled;
  const SteadyTime began = parts_.clock.steady();
  Sink sink{*this, bytes, stop};
  const Result<int> status = co_await parts_.server.send(std::move(request), sink, stop);
  sink.end();
  if (!status) co_return status.error();
  co_return parts_.clock.steady() - began;
}

}  // namespace dray::gateway
