#include "core/schedule/growing_pause.h"

#include <algorithm>

namespace dray::core {
namespace {
constexpr int kMostDoublings = 20;
constexpr int kRefusedFactor = 5;
}  // namespace

Duration GrowingPause::next(double chance, bool refused) {
  const int doublings = std::min(failures_, kMostDoublings);
  failures_ = std::min(failures_, kMostDoublings) + 1;
  const Duration most = refused ? limits_.most * kRefusedFactor : limits_.most;
  const Duration ceiling = std::min<Duration>(most, limits_.first * (1LL << doublings));
  const auto drawn = static_cast<Duration::rep>(chance * static_cast<double>((ceiling - limits_.least).count()));
  return limits_.least + Duration{std::max<Duration::rep>(0, drawn)};
}

}  // namespace dray::core
