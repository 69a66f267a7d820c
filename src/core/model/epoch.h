// Epochs of a site's gateway, and the action ids that they are given. Pure.
//
// A gateway that finds itself restored from an older state begins a new epoch, and may use no action id of an
// earlier one. Done by a machine that loses its state at each start, or by two with one identity, that would
// use up the ids of a site for ever within minutes. So both are paced: the first of a day at once and plenty,
// each further one later and with less.
#pragma once

#include <cstdint>

#include "core/model/plan.h"

namespace dray::core {

// How often something was done within 24 hours, beginning with the first of them. Kept with the site.
struct Paced {
  WallTime from;           // the first of this day
  std::int64_t count = 0;  // since then; 0: none, the times mean nothing
  WallTime last;
  friend bool operator==(const Paced&, const Paced&) = default;
};

// As of now: a day that is over is none, and a clock that was set back keeps nobody waiting.
Paced as_of(const Paced& paced, WallTime now);
// When the next one may be done: the first at once, the k-th after it min(2^k minutes, 1 h) behind the one
// before.
WallTime next_at(const Paced& paced, WallTime now);
// It is done now.
Paced done(const Paced& paced, WallTime now);

inline constexpr std::int64_t kIdsOfFirst = 1'000'000, kIdsOfFurther = 10'000;
// How many ids the next lease holds: the first of a day an outage of any length, a further one enough to go
// on.
std::int64_t ids_of_next(const Paced& paced, WallTime now);

// Some clients keep action ids in 32 bits (docs/ddi.md 1.1). Beyond them only where an operator has allowed
// it.
inline constexpr std::int64_t kMostActionId = 0x7fffffff;
inline constexpr std::int64_t kMostWideActionId = (std::int64_t{1} << 53) - 1;

// Ids from `next` on, `wanted` of them or what is left up to `most`; none: from > to.
ActionIdRange lease_of(std::int64_t next, std::int64_t wanted, std::int64_t most);

inline constexpr std::int64_t kMostEpochStep = 1'000;  // by how much an epoch may rise at once; docs/gateway-api.md
// Whether a report may be of this epoch, after what was seen: a number that is damaged, or made up, must not
// become the one that all later ones have to exceed.
bool is_likely_epoch(std::int64_t seen, std::int64_t reported);

}  // namespace dray::core
