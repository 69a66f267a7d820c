// The WAN as the gateway's own transfers use it: every body is measured, and all of them together are slowed
// to the cap that the plan has for this hour. Loop thread only.
#pragma once

#include "core/schedule/token_bucket.h"
#include "gateway/rates.h"

namespace dray::gateway {

class Wan {
 public:
  Wan(Site& site, Rates& rates, Clock& clock) : site_{site}, rates_{rates}, clock_{clock} {}

  // One body on its way in.
  class Body {
   public:
    explicit Body(Wan& wan) : wan_{wan}, meter_{core::TransferMeter::kReceiving, wan.clock_.steady()} {}
    // They have come. When to read on: at once, or when the cap allows it.
    SteadyTime took(std::uint64_t bytes);
    // It has ended, however.
    void end();

   private:
    Wan& wan_;
    core::TransferMeter meter_;
    std::uint64_t total_ = 0;
  };

 private:
  Site& site_;
  Rates& rates_;
  Clock& clock_;
  core::TokenBucket bucket_;
};

// The lowest cap that holds now, bytes per second; 0: none.
std::uint64_t cap_at(const std::vector<core::RateLimit>& limits, WallTime now);

}  // namespace dray::gateway
