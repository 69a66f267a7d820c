#include "gateway/wan.h"

namespace dray::gateway {
namespace {

constexpr Duration kNotWorthIt{20};  // a shorter wait is left to grow

}  // namespace

std::uint64_t cap_at(const std::vector<core::RateLimit>& limits, WallTime now) {
  std::uint64_t cap = 0;
  for (const core::RateLimit& limit : limits)
    if (limit.from <= now && now < limit.to && limit.rate > 0)
      cap = cap == 0 ? limit.rate : std::min(cap, limit.rate);
  return cap;
}

SteadyTime Wan::Body::took(std::uint64_t bytes) {
  total_ += bytes;
  const SteadyTime now = wan_.clock_.steady();
  if (const auto piece = meter_.progress(now, total_)) wan_.rates_.take(DeviceId{}, *piece);
  wan_.bucket_.set_rate(cap_at(wan_.site_.plan().plan().limits.wan, wan_.site_.now()), now);
  wan_.bucket_.spend(bytes);
  const SteadyTime on = wan_.bucket_.free_at(now);
  if (on - now < kNotWorthIt) return now;
  meter_.hold();
  return on;
}

void Wan::Body::end() {
  if (const auto piece = meter_.end()) wan_.rates_.take(DeviceId{}, *piece);
  wan_.rates_.keep();
}

}  // namespace dray::gateway
