#include "core/schedule/brake.h"

#include <algorithm>
#include <utility>

namespace dray::core {

Brake::Brake(Limits limits) : limits_{limits}, credit_{limits.rest * limits.burst} {}

void Brake::progress() {
  if (std::exchange(counted_, false)) {
    next_ = (next_ + kMost - 1) % kMost;
    known_ -= 1;
  }
  credit_ = full();
  level_ = -limits_.burst;
}

Duration Brake::ceiling() const {
  const int doublings = std::clamp(level_ - limits_.paced, 0, 20);
  return std::min<Duration>(limits_.longest, limits_.pace * (1LL << doublings));
}

SteadyTime Brake::window_opens() const { return known_ < kMost ? SteadyTime::min() : turns_[next_] + kWindow; }

void Brake::remember(SteadyTime turn) {
  turns_[next_] = turn;
  next_ = (next_ + 1) % kMost;
  known_ = std::min(known_ + 1, kMost);
  counted_ = true;
}

Brake::Turn Brake::turn(SteadyTime now, const std::function<double()>& chance) {
  const Duration rest = std::max(Duration{0}, Duration{now - free_at_});
  Turn out;
  if (rest >= limits_.rest) {
    credit_ = std::min<Duration>(full(), credit_ + (rest - limits_.rest) / 2);  // what is used up comes back slowly
    level_ = credit_ == full() ? -limits_.burst : std::max(-limits_.burst, level_ - 1);
  } else if (credit_ >= limits_.rest) {
    credit_ -= limits_.rest;
  } else {
    level_ = std::max(0, level_) + 1;
    held_ += 1;
    out.begins = held_ == 1;
    const Duration most = ceiling();
    out.pause = most / 2 + Duration{static_cast<Duration::rep>(chance() * static_cast<double>(most.count() / 2))};
  }
  if (level_ == -limits_.burst) out.ended = std::exchange(held_, 0);
  free_at_ = std::max(now + out.pause, window_opens());
  out.pause = free_at_ - now;
  remember(free_at_);
  return out;
}

}  // namespace dray::core
