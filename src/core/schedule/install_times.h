// How long devices of a type take from their last byte to their end, from what all sites have said. Pure.
//
// The times come from gateways, so each is worth as much as the clock and the honesty of one site. A site
// counts as one however much it says: its own estimate is a high percentile of its own times, because a
// window is lost by the slow ones, and the type's is the median of those. For the site itself its own
// estimate counts, within what the others show to be possible. Until three sites have been heard nobody can
// tell who is wrong, so no other site is planned with more than some times what is assumed of a type that
// nobody knows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace dray::core {

// A time beyond is a clock that was set in the middle, not an installation.
inline constexpr Duration kLongestInstall = std::chrono::hours{24};
bool is_install_time(Duration took);

// Of one device type, by site; "": nobody knows any more of which. What is no install time is ignored.
using InstallTimes = std::map<std::string, std::vector<Duration>>;

// What each site says, once for all, and what that says of the type: made once, asked for every device.
struct InstallEstimates {
  explicit InstallEstimates(const InstallTimes& times);
  // What a device of the type is planned with at this site; kAssumedInstall where nothing is known.
  Duration at(const std::string& site) const;
  bool enough() const;  // sites to tell who is wrong

  std::map<std::string, Duration> each;
  Duration median{0};  // 0: nothing is known
};

// What a site says is far off from what all others say, where these are enough to tell.
struct FarOff {
  Duration said{0}, others{0};
};
std::optional<FarOff> far_off(const InstallTimes& times, const std::string& site);

// To draw from, at any site: what is far off is moved to the end of what is possible.
std::vector<Duration> likely_times(const InstallTimes& times);

}  // namespace dray::core
