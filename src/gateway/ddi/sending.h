// Artifact bodies on their way to devices: progress drives the job and measures the device's rate, a cut stops them, a
// cap of the plan paces them.
#pragma once

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "gateway/wan.h"
#include "ports/http.h"

namespace dray::gateway::ddi {

class Sending {
 public:
  Sending(Site& site, Rates& rates, Blobs& blobs, Clock& clock)
      : site_{site}, rates_{rates}, blobs_{blobs}, clock_{clock}, alive_{std::make_shared<Sending*>(this)} {}
  ~Sending() { *alive_ = nullptr; }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  // A body from `offset` of an artifact begins, for the job's open action. The slot was looked for before.
  std::shared_ptr<Transfer> begin(const core::Job& job, const Sha256& sha, std::uint64_t offset);
  // Every body of this action ends now.
  void cut(ActionId action);
  std::size_t running() const { return running_.size(); }
  // A device can't take the places of others by asking for its bytes many times at once.
  static constexpr int kMostOfAction = 16;
  bool has_place_for(ActionId action) const {
    const auto [begin, end] = running_.equal_range(action);
    return std::count_if(begin, end, [](const auto& one) { return !one.second.expired(); }) < kMostOfAction;
  }

 private:
  class Body;
  std::uint64_t allowance(SteadyTime now);

  Site& site_;
  Rates& rates_;
  Blobs& blobs_;
  Clock& clock_;
  // A body may outlive us where a whole node goes at once; it asks here first.
  std::shared_ptr<Sending*> alive_;
  std::unordered_multimap<ActionId, std::weak_ptr<Body>> running_;
  core::TokenBucket bucket_;  // of all bodies together
};

}  // namespace dray::gateway::ddi
