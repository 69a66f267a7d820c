// The two transmission rates of a site (M5, M11): server to gateway, and gateway to each device, as real
// transfers showed them. Keeps one small document an hour of the week and link, written when a transfer ends
// and every few minutes while one runs: a power cut costs the last few samples. Reports an hour when it has
// become relevantly different, not with every sample. Loop thread only.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "core/schedule/transfer_meter.h"
#include "gateway/site.h"

namespace dray::gateway {

class Rates {
 public:
  static constexpr std::chrono::minutes kKeepEvery{5};

  explicit Rates(Site& site) : site_{site} {}

  // From a document of the store. What can't be read is measured again.
  Result<> restore(const Document& document);

  // `device` empty: the WAN. Ignored while the time is not known: a rate belongs to its hour.
  void take(const DeviceId& device, const core::RatePiece& piece);
  // Saves and reports what take() changed.
  void keep();
  // For a resync: every hour of every link.
  std::vector<wire::ReportBody> reports() const;

  // Now, with a prior where nothing was measured: the devices of the same type, then all of the site.
  core::LinkRate wan() const;
  std::map<DeviceId, core::LinkRate> devices() const;  // of the plan
  // The lowest that was measured in any hour, of any device; nothing: nothing was.
  std::optional<std::uint64_t> lowest_wan() const { return lowest(true); }
  std::optional<std::uint64_t> lowest_lan() const { return lowest(false); }
  // The newest sample of a link; `device` empty: of the WAN.
  std::optional<WallTime> newest(const DeviceId& device) const;

 private:
  struct Hour {
    DeviceId device;
    int hour = 0;
    friend auto operator<=>(const Hour&, const Hour&) = default;
  };
  std::optional<core::LinkRate> measured(const DeviceId& device) const;
  std::optional<std::uint64_t> lowest(bool wan) const;
  void drop_strangers();
  wire::RateReport report_of(const DeviceId& device, const core::HourRate& hour) const;

  Site& site_;
  std::map<DeviceId, core::RateHistory> links_;
  std::set<Hour> changed_;
  std::map<Hour, core::HourRate> told_;
};

}  // namespace dray::gateway
