// Transmission slots: at most `concurrency` devices of a site receive at a time.
//
// A client that can be told to come again (our agent: 503 + Retry-After) takes a slot at its first artifact byte. A
// foreign client obeys no Retry-After, so it is shown its link only while it holds a slot; a link that it does not use
// goes to the next one. Pure bookkeeping; the site asks and acts.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/id.h"
#include "base/time.h"

namespace dray::gateway {

class Slots {
 public:
  static constexpr Duration kNoProgress{60'000};  // a transfer that stands still is over

  bool holds(const JobId& job) const { return holders_.contains(job); }
  std::size_t taken() const { return holders_.size(); }
  bool has_room_for(const JobId& job, std::size_t limit) const { return holds(job) || holders_.size() < limit; }
  // A link was shown, or bytes are asked for.
  void take(const JobId& job, SteadyTime now) { holders_.try_emplace(job, Holder{now, false, 0}); }
  void begin(const JobId& job, SteadyTime now) {
    Holder& holder = holders_.try_emplace(job, Holder{now, true, 0}).first->second;
    holder = {now, true, holder.bodies + 1};
  }
  void progress(const JobId& job, SteadyTime now) {
    if (const auto found = holders_.find(job); found != holders_.end()) found->second.last = now;
  }
  // A body ended; true: it was the last one that ran.
  bool end(const JobId& job, SteadyTime now) {
    const auto found = holders_.find(job);
    if (found == holders_.end()) return false;
    found->second.last = now;
    if (found->second.bodies > 0) --found->second.bodies;
    return found->second.bodies == 0;
  }
  bool release(const JobId& job) { return holders_.erase(job) > 0; }

  // Those who hold without using: a link for `unused`, a transfer for kNoProgress.
  std::vector<JobId> idle(SteadyTime now, Duration unused) const {
    std::vector<JobId> out;
    for (const auto& [job, holder] : holders_)
      if (now >= deadline(holder, unused)) out.push_back(job);
    return out;
  }
  SteadyTime next_deadline(Duration unused) const {
    SteadyTime out = kSteadyMax;
    for (const auto& [job, holder] : holders_) out = std::min(out, deadline(holder, unused));
    return out;
  }

 private:
  struct Holder {
    SteadyTime last;
    bool used = false;
    int bodies = 0;
  };
  static SteadyTime deadline(const Holder& holder, Duration unused) {
    return holder.last + (holder.used ? kNoProgress : unused);
  }
  std::map<JobId, Holder> holders_;
};

}  // namespace dray::gateway
