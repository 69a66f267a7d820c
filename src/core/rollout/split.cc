#include "core/rollout/split.h"

#include <algorithm>
#include <numeric>
#include <string>

namespace dray::core {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

std::uint64_t mixed(std::uint64_t x) {  // the finalizer of MurmurHash3
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

Error bad(std::size_t phase, const std::string& what) {
  return Error{ErrorCode::kInvalid, "phases[" + std::to_string(phase) + "]: " + what};
}

class Split {
 public:
  Split(std::span<const PhaseTerms> phases, std::span<const Candidate> candidates)
      : phases_{phases}, candidates_{candidates}, phase_of_(candidates.size(), kNone) {
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (candidates[i].fits) queue_.push_back(i);
    if (phases.size() > 1)
      std::stable_sort(queue_.begin(), queue_.end(), [&](std::size_t a, std::size_t b) {
        return candidates_[a].place < candidates_[b].place;
      });
    devices_ = left_ = static_cast<std::int64_t>(queue_.size());
  }

  Result<std::vector<std::size_t>> run() {
    for (std::size_t phase = 0; phase < phases_.size(); ++phase) {
      const std::int64_t before = left_;
      take(phase);
      if (devices_ > 0 && left_ == before) return bad(phase, why_empty(phase));
    }
    if (left_ > 0)
      return bad(phases_.size() - 1, std::to_string(left_) + " of " + std::to_string(devices_) +
                                         " devices are in no phase: say no share for the last one, "
                                         "and it takes what is left");
    for (std::size_t i = 0; i < candidates_.size(); ++i)
      if (phase_of_[i] == kNone) phase_of_[i] = of_misfit(candidates_[i]);
    return std::move(phase_of_);
  }

 private:
  void take(std::size_t phase) {
    const Share& share = phases_[phase].share;
    if (std::holds_alternative<WhatIsLeft>(share)) return take_first(phase, left_);
    if (std::holds_alternative<Passing>(share)) return take_passing(phase);
    if (const auto* count = std::get_if<DeviceCount>(&share)) return take_first(phase, count->devices);
    // Rounded as a sum, so that shares of 100 % together are all devices; but a phase is not empty for its
    // smallness, nor because an earlier one was rounded up.
    percent_ += std::get<Percent>(share).hundredths;
    const std::int64_t upto = (devices_ * percent_ + kWhole / 2) / kWhole;
    std::int64_t n = std::max<std::int64_t>(1, upto - taken_by_percent_);
    n = std::min(n, std::max<std::int64_t>(1, left_ - phases_that_follow(phase)));
    n = std::min(n, left_);
    taken_by_percent_ += n;
    take_first(phase, n);
  }

  void take_first(std::size_t phase, std::int64_t n) {
    for (; n > 0 && next_ < queue_.size(); ++next_)
      if (give(queue_[next_], phase)) --n;
  }
  void take_passing(std::size_t phase) {
    for (const std::size_t i : queue_)
      if ((candidates_[i].passes >> phase & 1U) != 0) give(i, phase);
  }
  bool give(std::size_t candidate, std::size_t phase) {
    if (phase_of_[candidate] != kNone) return false;
    phase_of_[candidate] = phase;
    --left_;
    return true;
  }

  std::int64_t phases_that_follow(std::size_t phase) const {
    return static_cast<std::int64_t>(phases_.size() - phase) - 1;
  }

  std::string why_empty(std::size_t phase) const {
    if (std::holds_alternative<Passing>(phases_[phase].share))
      return "filter: no device passes it that the release fits and no earlier phase has";
    return "no device is left for it: the rollout has " + std::to_string(devices_) + " for " +
           std::to_string(phases_.size()) + " phases";
  }

  std::size_t of_misfit(const Candidate& candidate) const {
    for (std::size_t phase = 0; phase < phases_.size(); ++phase)
      if ((candidate.passes >> phase & 1U) != 0) return phase;
    return phases_.size() - 1;
  }

  std::span<const PhaseTerms> phases_;
  std::span<const Candidate> candidates_;
  std::vector<std::size_t> phase_of_, queue_;
  std::size_t next_ = 0;
  std::int64_t devices_ = 0, left_ = 0, percent_ = 0, taken_by_percent_ = 0;
};

}  // namespace

std::uint64_t place_in_queue(std::string_view salt, std::string_view device) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  };
  add(salt);
  add(std::string_view{"\n", 1});
  add(device);
  return mixed(hash);
}

Result<std::vector<std::size_t>> split(std::span<const PhaseTerms> phases,
                                       std::span<const Candidate> candidates) {
  return Split{phases, candidates}.run();
}

}  // namespace dray::core
