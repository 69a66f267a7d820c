#include "server/intake.h"

#include <utility>

namespace dray::server {

std::string Intake::refusal(const std::string& site, std::uint64_t bytes) const {
  const auto of_site = of_site_.find(site);
  if (of_site != of_site_.end() && of_site->second >= limits_.batches_of_site)
    return "two batches of this site are on their way already";
  const bool large = bytes > limits_.small;
  if (batches_ >= limits_.batches || (large && bytes_ > 0 && bytes_ + bytes > limits_.bytes))
    return "too many reports wait";
  return {};
}

Intake::Room::Room(Intake& intake, std::string site, std::uint64_t bytes)
    : intake_{intake},
      site_{std::move(site)},
      pooled_{bytes > intake.limits_.small ? bytes : 0},
      bytes_{bytes} {
  ++intake_.batches_;
  ++intake_.of_site_[site_];
  intake_.bytes_ += pooled_;
}

Intake::Room::~Room() {
  --intake_.batches_;
  intake_.bytes_ -= pooled_;
  intake_.decoding_ -= decoding_;
  const auto of_site = intake_.of_site_.find(site_);
  if (--of_site->second == 0) intake_.of_site_.erase(of_site);
  if (decoding_ > 0) intake_.freed_.notify();
}

Task<bool> Intake::Room::decode(Clock& clock, Stop& stop) {
  while (intake_.decoding_ > 0 && intake_.decoding_ + bytes_ > intake_.limits_.decoded) {
    const auto generation = intake_.freed_.generation();
    const bool freed = co_await intake_.freed_.wait_past(generation, clock, kSteadyMax, stop);
    if (!freed) co_return false;
  }
  decoding_ = bytes_;
  intake_.decoding_ += decoding_;
  co_return true;
}

}  // namespace dray::server
