#include "core/schedule/site_clock.h"

namespace dray::core {
namespace {

constexpr Duration kMostAhead = std::chrono::hours{24};  // of two words of the server that agree
constexpr Duration kAgrees{5'000}, kApart{20'000};       // two words, and how far apart they are heard

}  // namespace

bool SiteClock::contact(WallTime server_time, SteadyTime heard) {
  const bool fell = agrees_below(server_time, heard);
  if (fell) floor_ = server_time;
  base_ = floor_ ? std::max(server_time, *floor_) : server_time;
  at_ = heard;
  floor_ = base_;
  known_ = true;
  heard_ = true;
  return fell;
}

// The second of two that are so far below the floor.
bool SiteClock::agrees_below(WallTime server_time, SteadyTime heard) {
  if (!floor_ || *floor_ - server_time <= kMostAhead) {
    below_.reset();
    return false;
  }
  const bool agrees = below_ && std::chrono::abs((server_time - below_->time) - (heard - below_->heard)) <= kAgrees;
  if (!agrees) below_ = Said{server_time, heard};
  if (heard - below_->heard < kApart) return false;
  below_.reset();
  return true;
}

}  // namespace dray::core
