// A core::Brake at a loop that another side's words drive: waits before the turns that are held, says in the log when
// holding begins and when it ends (with a count, not once a turn), and gives the sentence for the loop's subject.
//
//   while (!stop.requested()) {
//     co_await brake_.turn(stop);   // at the top: whatever the body's ways round are
//     ...
//     if (brought_something) brake_.progress();
//   }
//
// Loop thread only.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "core/schedule/brake.h"
#include "ports/clock.h"
#include "ports/random.h"

namespace dray {

class LoopBrake {
 public:
  // what: what the loop does, as the beginning of a sentence: "Asking the server for the plan".
  LoopBrake(std::string what, Clock& clock, Random& random, Log log, core::Brake::Limits limits = {})
      : what_{std::move(what)}, clock_{clock}, random_{random}, log_{std::move(log)}, brake_{limits} {}

  // Waits where this turn is held; ends early where stop is requested.
  Task<> turn(Stop& stop) {
    const SteadyTime until = begin();
    if (until > clock_.steady()) [[maybe_unused]]
      const auto how = co_await clock_.sleep_until(until, stop);
  }

  // For what does not wait but leaves its turn out: false while it is held.
  bool may_turn() {
    if (!due_) due_ = begin();
    if (clock_.steady() < *due_) return false;
    due_.reset();
    return true;
  }

  void progress() { brake_.progress(); }
  bool holds() const { return brake_.holds(clock_.steady()); }

  // Why its subject is slow, for people; nothing where it is not.
  std::optional<std::string> sentence() const {
    if (!holds()) return {};
    return what_ + " is slowed down: the other side made it turn " + std::to_string(brake_.held()) +
           " times without bringing anything new.";
  }

 private:
  SteadyTime begin() {
    const SteadyTime now = clock_.steady();
    const core::Brake::Turn turn = brake_.turn(now, [this] { return random_unit(random_); });
    if (turn.begins) log_.warn("loop_slowed", {{"what", what_}});
    if (turn.ended > 0) log_.info("loop_free_again", {{"what", what_}, {"held", turn.ended}});
    return now + turn.pause;
  }

  std::string what_;
  Clock& clock_;
  Random& random_;
  Log log_;
  core::Brake brake_;
  std::optional<SteadyTime> due_;
};

}  // namespace dray
