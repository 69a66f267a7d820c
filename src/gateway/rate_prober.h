// Measures the WAN where nothing fresh is known of it and a job is going to need it: GET probe, at most 1.2
// MB a day, in the permitted transfer intervals and under the caps of the plan, at a random moment so that
// ten thousand gateways do not ask at once. A job whose bytes are due soon is its own measurement.
//
// Devices: lan_prober.h.
#pragma once

#include <optional>

#include "gateway/blobs.h"
#include "gateway/identity.h"
#include "gateway/metered_client.h"
#include "gateway/wan.h"

namespace dray::gateway {

class RateProber {
 public:
  struct Parts {
    Site& site;
    Blobs& blobs;
    Identity& identity;
    Rates& rates;
    Wan& wan;
    MeteredClient& server;
    Clock& clock;
    Random& random;
  };
  explicit RateProber(Parts parts) : parts_{parts} {}
  Task<> run(Stop& stop);

 private:
  class Sink;

  // From when on a probe makes sense, within how long; nothing: not as things are.
  struct Need {
    WallTime from;
    Duration within;
  };
  std::optional<Need> need() const;
  std::optional<Need> need_of(const core::Job& job) const;
  Task<> probe(Stop& stop);
  // How long it took.
  Task<Result<Duration>> get(std::uint64_t bytes, Stop& stop);

  Parts parts_;
  std::optional<SteadyTime> at_;  // the moment that was drawn
  SteadyTime not_before_{};
};

}  // namespace dray::gateway
