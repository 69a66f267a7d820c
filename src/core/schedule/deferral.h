// How late an update may still begin: what a deferral is measured against.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "base/digest.h"
#include "base/time.h"
#include "core/model/interval.h"

namespace dray::core {

// What is left of an assignment's share of a site, in numbers. Rates are bytes per second, measured where
// they are known.
struct WorkLeft {
  std::uint64_t wan_bytes =
      0;  // that the gateway does not hold yet, where it fetches them only at the update time
  std::optional<std::uint64_t> wan_rate;
  std::uint64_t lan_bytes = 0;  // of the device that needs most
  std::optional<std::uint64_t> lan_rate;
  std::uint64_t devices = 0;
  int concurrency = 1;                          // that may receive at a time
  std::optional<std::chrono::seconds> install;  // of one device: writing, restart, power-on report
};

// Assumed where nothing was measured: cautious, so that a deferral is refused rather than an update lost.
inline constexpr std::uint64_t kAssumedWanRate = 1'000'000, kAssumedLanRate = 5'000'000;
inline constexpr std::chrono::seconds kAssumedInstall{120};

// The fetch, then the devices in as many rounds as the concurrency makes. Nothing to do: 0.
std::chrono::seconds time_needed(const WorkLeft& work);

// What one rollout has left to do for the jobs that a deferral means.
struct DeferredShare {
  Intervals update;
  WallTime expires_at;
  std::uint64_t devices = 0, widest = 0;    // widest: bytes of the device that needs most
  std::map<Sha256, std::uint64_t> missing;  // artifacts that the gateway does not hold yet, and their sizes
};

// The lowest rates that were measured at the site, bytes per second; nothing: none was. And who may receive at a time.
struct SitePace {
  std::optional<std::uint64_t> wan, lan;
  int concurrency = 1;
};

// The last instant to which all of it may be put off; nothing: there is nothing to do. Server and gateway ask this.
std::optional<WallTime> latest_possible(std::span<const DeferredShare> shares, const SitePace& pace);

// The last instant at which it may begin so that as much permitted time is left before the expiry. May be
// over already.
WallTime latest_start(const Intervals& update, WallTime expires_at, std::chrono::seconds needed);

}  // namespace dray::core
