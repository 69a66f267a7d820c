// How long a gateway takes to update the devices of a site once the bytes are there, and when. Pure.
//
// A device occupies one of the site's transmission slots while it receives (bytes / LAN rate) and is busy by
// itself afterwards (its learned install time, restart included). In which order devices poll is nobody's to
// say, so the time is the most that any order takes: with n devices on m slots that is Graham's bound on list
// scheduling, extended by the install times as tails,
//   sum(receive) / m + max((1 - 1/m) receive + install),   and max(receive + install) where n <= m
// (R. L. Graham, Bounds on multiprocessing timing anomalies, SIAM J. Appl. Math. 17, 1969). A device is not
// begun where the rest of the window is too short for the slowest one.
#pragma once

#include <span>

#include "base/bytes.h"
#include "core/model/interval.h"

namespace dray::core {

inline constexpr double kLongestMs = 10.0 * 366 * 86'400'000;  // ten years: longer is as good as never

struct DeviceWork {
  Bytes bytes;          // it still has to receive
  BytesPerSecond lan;   // as it is planned with: a low percentile
  Duration install{0};  // learned: from the last byte to the power-on report
};

struct Distribution {
  Duration work{0};      // sum(receive) / m; 0 where all can receive at once
  Duration tail{0};      // of the last ones
  Duration longest{0};   // the slowest device, from its first byte to its end
  bool possible = true;  // false: a device has bytes to receive and no rate
  Duration total() const { return work + tail; }
  friend bool operator==(const Distribution&, const Distribution&) = default;
};
Distribution distribution_of(std::span<const DeviceWork> devices, int concurrency);

// Receiving begins and the last device is done. Update windows are normal; `end` is the expiry. split: the
// devices may be spread over several windows, else all of them must be done in one.
struct Distributed {
  WallTime begin, finish;
  friend bool operator==(const Distributed&, const Distributed&) = default;
};
// Nothing where it does not fit.
std::optional<Distributed> distribute(const Distribution& distribution, WallTime from,
                                      std::span<const Interval> update, WallTime end, bool split);
// The latest `from` with which distribute() fits.
std::optional<WallTime> latest_distribution(const Distribution& distribution,
                                            std::span<const Interval> update, WallTime end, bool split);

}  // namespace dray::core
