// Turns the progress of one running body into samples of its link's rate. Pure; fed by whoever moves the
// bytes.
//
// What buffers do must not look like the link: a kernel takes the first megabytes at once, and sockets wake
// up in bursts. So nothing counts until the body has settled, and a piece reaches from one pause of the
// stream to another: right before a pause the buffer is as full as it was before the last one. Only time
// between two progresses counts: not the wait for a peer's first byte, not the silence before a connection is
// given up.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "core/schedule/rate.h"

namespace dray::core {

struct RatePiece {
  std::uint64_t bytes = 0;
  Duration took{0};
  bool capped = false;
  friend bool operator==(const RatePiece&, const RatePiece&) = default;
};

class TransferMeter {
 public:
  struct Settling {
    Duration time;
    std::uint64_t bytes;  // whichever comes first
    bool buffered;        // on the far side of a buffer
  };
  // Bytes that arrive are on this side of all buffers.
  static constexpr Settling kReceiving{Duration{0}, 0, false};
  // Bytes that were handed to the kernel: Linux keeps at most 4 MiB of a connection (tcp_wmem).
  static constexpr Settling kSending{Duration{200}, 4 << 20, true};

  TransferMeter(Settling settling, SteadyTime began) : settling_{settling}, began_{began} {}

  // `total` bytes of this body have gone by now. Gives a piece where one is complete.
  std::optional<RatePiece> progress(SteadyTime now, std::uint64_t total);
  // Our own cap made the body wait: the piece it happened in says what the cap is, not what the link can.
  void hold() { held_ = true; }
  // No more will come. Gives the last piece, unless it is too short to mean anything.
  std::optional<RatePiece> end();

 private:
  struct Point {
    SteadyTime at;
    std::uint64_t total = 0;
  };
  bool settled(const Point& p) const { return p.at - began_ >= settling_.time || p.total >= settling_.bytes; }
  RatePiece cut(const Point& to);

  Settling settling_;
  SteadyTime began_;
  std::optional<Point> start_, last_;
  std::optional<Point> full_;  // right before the last pause
  SteadyTime looked_{};
  bool held_ = false;
};

}  // namespace dray::core
