// The gateway's time: its steady clock, corrected by the server's time. A gateway may have no clock of its
// own that survives a power cut (no RTC), and one that it has may be wrong by hours; so the server's word
// counts, and the last time known from it is persisted as a floor. Pure value; the shell feeds it.
//
// The server may have been wrong, too: a floor that is more than a day ahead of what it says now follows it down as soon
// as two of its words agree. One alone may be an old answer that a cache has kept; so may several at one instant.
//
// Before the first contact since the start the own wall clock counts, unless it is below the floor: then only
// the floor is known, and nothing new is started (`clock_unknown`).
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.h"

namespace dray::core {

class SiteClock {
 public:
  // What is there at the start. floor: as persisted; nothing at the very first start.
  SiteClock(WallTime own_wall, SteadyTime own_steady, std::optional<WallTime> floor)
      : base_{floor ? std::max(own_wall, *floor) : own_wall},
        at_{own_steady},
        floor_{floor},
        known_{!floor || own_wall >= *floor} {}

  // The floor can't be read: any clock may be too early.
  void doubt() { known_ = false; }

  // The server said `server_time` (server_time of a plan, or the Date of a 304), heard at `heard`. True: the floor has
  // gone down.
  bool contact(WallTime server_time, SteadyTime heard);

  WallTime now(SteadyTime steady) const { return base_ + std::max(Duration{0}, steady - at_); }
  bool known() const { return known_; }

  // The floor to persist now. Only what comes from the server raises it: an own clock that is ahead by years
  // must not outlive its mistake.
  std::optional<WallTime> floor(SteadyTime steady) const {
    return heard_ ? std::optional{now(steady)} : floor_;
  }

 private:
  bool agrees_below(WallTime server_time, SteadyTime heard);

  struct Said {
    WallTime time;
    SteadyTime heard;
  };
  std::optional<Said> below_;  // the first of the two
  WallTime base_;
  SteadyTime at_;
  std::optional<WallTime> floor_;
  bool known_;
  bool heard_ = false;
};

}  // namespace dray::core
