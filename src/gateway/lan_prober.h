// Measures the way to a device where nothing fresh is known of it and a job is going to need it (M5, M11). The device
// decides: an agent of ours is shown a link in its poll, asks itself whether it may be disturbed, fetches twice at most
// and says how long that took. It measures, not we: a megabyte vanishes in our kernel's buffers at once.
//
// One device of a site at a time, two fetches of at most 1 MiB in six hours and one result a day; none where the plan
// caps the LAN (the cap is the rate then) or the device is busy or put off. Foreign clients are never shown the link.
// docs/gateway-api.md, "The probe of a device's link". Loop thread only.
#pragma once

#include "gateway/rates.h"

namespace dray::gateway {

class LanProber {
 public:
  static constexpr std::uint64_t kMostBytes = 1 << 20;  // of one fetch
  static constexpr int kMostFetches = 2;

  LanProber(Site& site, Rates& rates, Clock& clock) : site_{site}, rates_{rates}, clock_{clock} {}

  // Keeps what each device is shown up to date.
  Task<> run(Stop& stop);

  enum class Grant { kYes, kNotNow, kNo };
  // The device wants bytes. kNotNow: another one is at it, it may come again. kNo: it is shown no probe (any more).
  Grant begin(DeviceState& device, std::uint64_t bytes);
  // It says that so many bytes took so long; 0: nothing came of it. False: it is not at it. What can not be true of
  // what it was sent is ignored.
  bool end(DeviceState& device, std::uint64_t bytes, Duration took);

 private:
  bool is_due(const DeviceState& device) const;
  bool is_running(const DeviceId& device) const;
  void show(DeviceState& device, bool shown);

  Site& site_;
  Rates& rates_;
  Clock& clock_;
  struct Running {
    DeviceId device;  // empty: none
    SteadyTime until{}, began{};
    int fetches = 0;
    std::uint64_t bytes = 0;  // of the last fetch
  };
  Running running_;
};

}  // namespace dray::gateway
