// Room for what is fetched, in the quota and on the disk; and what is said where there is none.
#include <algorithm>

#include "base/bytes.h"
#include "gateway/fetcher.h"

namespace dray::gateway {
namespace {

constexpr std::chrono::minutes kRoomIsNews{15};

}  // namespace

// 2, 6, 18 and then 54 minutes at least.
void Fetcher::filled_up(const Sha256& sha) {
  core::GrowingPause& pause = effort(sha).spoilt;
  const Duration own = pause.next(random_unit(parts_.random));
  Duration least = std::chrono::minutes{2};
  for (int i = 1; i < std::min(pause.failures(), 4); ++i) least *= 3;
  put_off(sha, std::max(own, least), Why::kFailed);
}

std::string Fetcher::why_full(const Sha256& sha) const {
  const auto known = efforts_.find(sha);
  return known == efforts_.end() ? std::string{} : known->second.full;
}

void Fetcher::note_full(const Sha256& sha, std::string why) {
  Effort& tries = effort(sha);
  const bool first = tries.full.empty();
  if (first) parts_.site.log().error("store_full", {{"sha256", sha.hex()}, {"why", why}});
  if (!first && parts_.clock.steady() - tries.full_said < kRoomIsNews) return;
  tries.full = std::move(why);
  tries.full_said = parts_.clock.steady();
  parts_.site.refresh_all();
}

// Least recently used artifacts that no open job needs go first.
Task<Result<>> Fetcher::make_room(const Wanted& what) {
  const std::uint64_t have = safe_[what.sha];
  for (;;) {
    std::uint64_t free = 0;
    std::function<Result<>()> ask = [&]() -> Result<> {
      free = parts_.disk.free_bytes();
      return {};
    };
    DRAY_CO_CHECK(co_await work(std::move(ask)));
    std::uint64_t used = parts_.blobs.used();
    for (const auto& [sha, bytes] : safe_)
      if (sha != what.sha) used += bytes;
    const std::uint64_t missing = what.size - std::min(have, what.size);
    const bool in_quota = used + what.size <= parts_.site.store_quota();
    const std::uint64_t to_be_free = missing + parts_.site.settings().store_reserve;
    if (in_quota && free >= to_be_free) co_return Result<>{};
    const Sha256* oldest = nullptr;
    for (const auto& [sha, blob] : parts_.blobs.all())
      if (!parts_.site.is_referenced(sha) && (oldest == nullptr || blob.used_at < parts_.blobs.find(*oldest)->used_at))
        oldest = &sha;
    if (oldest == nullptr)
      co_return Error{ErrorCode::kExhausted, in_quota ? "the disk lacks " + human_bytes(to_be_free - free) + ": " + human_bytes(free) + " of " + human_bytes(to_be_free) + " are free"
                                                      : parts_.site.quota_lack(used + what.size)};
    Sha256 victim = *oldest;
    parts_.site.log().info("artifact_evicted", {{"sha256", victim.hex()}});
    co_await parts_.blobs.remove(std::move(victim));
    parts_.site.storage_changed();
  }
}

}  // namespace dray::gateway
