#include "core/model/epoch.h"

#include <algorithm>

namespace dray::core {
namespace {

constexpr Duration kDay = std::chrono::hours{24};

Duration pause_before(std::int64_t k) {
  constexpr std::int64_t kHourReached = 6;  // 2^6 minutes are more than one
  if (k >= kHourReached) return std::chrono::hours{1};
  return std::chrono::minutes{std::int64_t{1} << k};
}

}  // namespace

Paced as_of(const Paced& paced, WallTime now) {
  if (paced.count == 0) return {};
  Paced out = paced;
  out.from = std::min(out.from, now);
  out.last = std::min(out.last, now);
  return now - out.from >= kDay ? Paced{} : out;
}

WallTime next_at(const Paced& paced, WallTime now) {
  const Paced today = as_of(paced, now);
  return today.count == 0 ? now : today.last + pause_before(today.count);
}

Paced done(const Paced& paced, WallTime now) {
  Paced out = as_of(paced, now);
  if (out.count == 0) out.from = now;
  ++out.count;
  out.last = now;
  return out;
}

std::int64_t ids_of_next(const Paced& paced, WallTime now) {
  return as_of(paced, now).count == 0 ? kIdsOfFirst : kIdsOfFurther;
}

ActionIdRange lease_of(std::int64_t next, std::int64_t wanted, std::int64_t most) {
  return {next, next > most ? next - 1 : most - next < wanted ? most : next + wanted - 1};
}

bool is_likely_epoch(std::int64_t seen, std::int64_t reported) { return reported - seen <= kMostEpochStep; }

}  // namespace dray::core
