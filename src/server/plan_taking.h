// Whether a gateway takes the plans that it is given: it says which one it has when it asks for the next. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace dray::server {

class PlanTaking {
 public:
  // It was asked for the plan, by a gateway that has this one; nothing: none, or it does not say.
  void asked(std::optional<std::int64_t> has) {
    last_has_ = has;
    if (waits_ && has && *has >= waits_->revision) waits_.reset();
  }
  // The answer was this plan.
  void given(std::int64_t revision, SteadyTime now, WallTime at) {
    if (!waits_) waits_ = Waits{revision, 0, now, at};
    ++waits_->times;
  }

  // In a sentence without a full stop, once it was given several times within some minutes and not taken; an answer that
  // was lost, and a gateway that was started anew, are no such case. Nothing: there is nothing to say.
  std::optional<std::string> trouble(SteadyTime now) const {
    if (!waits_ || waits_->times < kTimes || now - waits_->since < kLong) return {};
    return "it was given revision " + std::to_string(waits_->revision) + " or a later one " + std::to_string(waits_->times) +
           " times since " + to_rfc3339(std::chrono::floor<std::chrono::seconds>(waits_->at)) + ", and when it asks it has " +
           (last_has_ ? "revision " + std::to_string(*last_has_) : std::string{"none"}) +
           "; its own log says why it does not take it";
  }

 private:
  static constexpr std::int64_t kTimes = 3;
  static constexpr Duration kLong{120'000};

  struct Waits {
    std::int64_t revision = 0, times = 0;  // the first that was not taken; how often it, or a later one, was given
    SteadyTime since;
    WallTime at;
  };
  std::optional<Waits> waits_;
  std::optional<std::int64_t> last_has_;
};

}  // namespace dray::server
