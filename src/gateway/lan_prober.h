// Measures the way to a device where nothing fresh is known of it and a job is going to need it (M5, M11). The device
// decides: an agent of ours is shown a link in its poll, asks itself whether it may be disturbed, fetches at most
// 1.1 MB and says how long that took. It measures, not we: a megabyte vanishes in our kernel's buffers at once.
//
// One device of a site at a time, at most one result a day, none where the plan caps the LAN: the cap is the rate then.
// Foreign clients are never shown the link. docs/gateway-api.md, "Device door". Loop thread only.
#pragma once

#include "gateway/rates.h"

namespace dray::gateway {

class LanProber {
 public:
  static constexpr std::uint64_t kMostBytes = 1 << 20;  // of one request

  LanProber(Site& site, Rates& rates, Clock& clock) : site_{site}, rates_{rates}, clock_{clock} {}

  // Keeps what each device is shown up to date.
  Task<> run(Stop& stop);

  // The device wants bytes. False: another one is at it, it may come again.
  bool begin(const DeviceState& device);
  // It says that so many bytes took so long. Ignored where they can not have been ours.
  void end(DeviceState& device, std::uint64_t bytes, Duration took);

 private:
  bool is_due(const DeviceState& device) const;
  void show(DeviceState& device, bool shown);

  Site& site_;
  Rates& rates_;
  Clock& clock_;
  DeviceId running_;
  SteadyTime running_until_{};
};

}  // namespace dray::gateway
