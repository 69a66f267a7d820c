#include "core/schedule/continued_clock.h"

#include <algorithm>

#include "base/mutant.h"

namespace dray::core {
namespace {

constexpr Duration kNear{60'000};      // a wall clock that is set by less is followed
constexpr Duration kKeptFor{60'000};   // so long the kernel says that it is synchronised before a leap is believed
constexpr std::int64_t kDrift = 2'000; // one part of so many: 500 ppm

}  // namespace

Duration clock_tolerance(Duration elapsed) { return kNear + elapsed / kDrift; }

ContinuedClock::ContinuedClock(const ClockReading& now, const std::optional<TimeMark>& newest, bool same_boot)
    : trusted_{now.wall, now.boot}, last_{trusted_} {
  if (!newest) return;
  if (same_boot && newest->at <= now.boot) {
    trusted_ = last_ = {newest->time, newest->at};
  } else {
    const Duration off = now.wall - newest->time;
    if (now.synchronised || (off >= -kNear && off <= kMostTimeOff)) return;
    trusted_ = last_ = {newest->time, now.boot};
  }
  look(now);
}

WallTime ContinuedClock::look(const ClockReading& now) {
  note_service(now);
  const bool near = near_trusted(now) || DRAY_MUTANT("follows_leap");
  if (is_kept(now)) {
    trust(now);
  } else if (near) {
    last_ = {now.wall, now.boot};
    leapt_since_.reset();
  } else {
    last_ = {last_.after(now.boot), std::max(now.boot, last_.at)};
    if (!leapt_since_) leapt_since_ = now.boot;
  }
  return last_.time;
}

void ContinuedClock::confirm(const ClockReading& now) {
  note_service(now);
  trust(now);
}

void ContinuedClock::trust(const ClockReading& now) {
  trusted_ = last_ = {now.wall, now.boot};
  leapt_since_.reset();
}

bool ContinuedClock::near_trusted(const ClockReading& now) const {
  return std::chrono::abs(now.wall - trusted_.after(now.boot)) <= clock_tolerance(now.boot - trusted_.at);
}

// A clock that is set loses the word of its time service until that has looked at it again; where we did not look in
// between, it shows by the step.
void ContinuedClock::note_service(const ClockReading& now) {
  const Duration passed = before_ ? Duration{now.boot - before_->boot} : Duration{0};
  const bool even = !before_ || std::chrono::abs((now.wall - before_->wall) - passed) <= clock_tolerance(passed);
  if (!now.synchronised)
    kept_since_.reset();
  else if (!kept_since_ || !even)
    kept_since_ = now.boot;
  before_ = now;
}

bool ContinuedClock::is_kept(const ClockReading& now) const { return kept_since_ && now.boot - *kept_since_ >= kKeptFor; }

}  // namespace dray::core
