// Decides how long a loop waits before its next turn, where another side's words make it turn without waiting.
//
// Ordinary work is not slowed: `burst` turns follow one another at once, and a loop that rests by itself (`rest` or
// more between two turns, a second) is never held. Where the burst is used up, turns are some seconds apart, and while nothing
// changes the pauses double, up to `longest`; each is drawn from its upper half. Resting and progress give back what was
// used.
//
// Whatever the times at which it turns: no 60 seconds hold more than 60 turns that brought nothing. The 60 last ones are
// remembered, and the next one waits for `window` after the first of them. A loop that rests by itself and only comes
// too close to that, as one that is told to come each second, is not called slowed. Pure: time and chance are given.
#pragma once

#include <array>
#include <functional>

#include "base/time.h"

namespace dray::core {

class Brake {
 public:
  struct Limits {
    int burst = 20;      // turns that follow at once
    int paced = 20;      // then so many with pauses of `pace` at most, before they grow
    Duration pace{3'000};
    Duration longest{300'000};
    Duration rest{1'000};  // whoever waits so long between two turns is not held
  };

  static constexpr std::size_t kMost = 60;  // turns without progress within...
  // ...a minute, and a second: what a turn sends may arrive sooner or later than what the others sent.
  static constexpr Duration kWindow{61'000};

  Brake() : Brake{Limits{}} {}
  explicit Brake(Limits limits);

  struct Turn {
    Duration pause{0};  // before it
    bool begins = false;  // it is the first one that is held
    int ended = 0;        // so many were held, and no more are
  };
  // A turn is to begin. chance: uniform in [0, 1), drawn only where the turn is held.
  Turn turn(SteadyTime now, const std::function<double()>& chance);
  // The last turn brought something that the other side can't bring for ever: nothing of it counts.
  void progress();
  // Turns are being held.
  bool holds(SteadyTime now) const { return held_ > 0 && now < free_at_ + limits_.rest * kCalm; }
  int held() const { return held_; }
  SteadyTime free_at() const { return free_at_; }  // when the last turn could begin

 private:
  static constexpr int kCalm = 30;  // after so many rests without a turn nothing is held any more
  SteadyTime window_opens() const;
  void remember(SteadyTime turn);
  Duration full() const { return limits_.rest * limits_.burst; }
  Duration ceiling() const;

  Limits limits_;
  Duration credit_;  // what is left of the burst, `rest` a turn
  SteadyTime free_at_{};
  int level_ = 0;  // held turns, less those that rested since
  int held_ = 0;   // since it began to hold
  std::array<SteadyTime, kMost> turns_{};  // a ring of the last ones; the oldest is at `next_` where it is full
  std::size_t next_ = 0, known_ = 0;
  bool counted_ = false;  // the last turn is among them
};

}  // namespace dray::core
