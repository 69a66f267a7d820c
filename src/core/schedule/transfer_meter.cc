#include "core/schedule/transfer_meter.h"

namespace dray::core {
namespace {

constexpr Duration kPause{5};  // shorter ones are the work between two reads
constexpr Duration kAnyway{
    100};  // a stream that never pauses: a buffer matters little to one that moves so fast
constexpr Duration kLeast{50};
constexpr std::uint64_t kLeastBytes = 32 << 10;

}  // namespace

std::optional<RatePiece> TransferMeter::progress(SteadyTime now, std::uint64_t total) {
  if (last_ && (total <= last_->total || now < last_->at)) return {};
  std::optional<RatePiece> out;
  if (last_ && (now - last_->at >= kPause || now - looked_ >= kAnyway)) {
    looked_ = now;
    full_ = last_;
    if (!start_ && settled(*last_)) {
      start_ = last_;
    } else if (start_ && last_->at - start_->at >= kRatePiece) {
      out = cut(*last_);
    }
  }
  if (!last_) looked_ = now;
  last_ = Point{now, total};
  return out;
}

std::optional<RatePiece> TransferMeter::end() {
  // The last bytes of a body leave its buffer less than full: what they took can't be told from here.
  const std::optional<Point>& to = settling_.buffered ? full_ : last_;
  if (!start_ || !to) return {};
  if (to->at - start_->at < kLeast || to->total < start_->total + kLeastBytes) return {};
  return cut(*to);
}

RatePiece TransferMeter::cut(const Point& to) {
  const RatePiece piece{to.total - start_->total, to.at - start_->at, held_};
  start_ = to;
  held_ = false;
  return piece;
}

}  // namespace dray::core
