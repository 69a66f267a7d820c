// What a server allows its clients. Times are kept by one sweep, so they are exact to `sweep`.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace dray::net {

struct Limits {
  std::size_t connections = 12'000;    // one more gets 503 and is closed
  std::size_t head_bytes = 16 * 1024;  // 431
  Duration head_time{30'000};          // from the first byte of a head to its last; 408
  Duration idle_time{120'000};         // between requests of a kept connection; a long poll does not count
  Duration body_idle{60'000};          // without a byte of a request's body while the handler waits for it
  Duration send_idle{60'000};          // without the client taking a byte; a paused Transfer does not count
  Duration linger_time{2'000};  // after our last byte, for the client to read it (RFC 9112 section 9.6)
  Duration drain_time{10'000};  // stop(): how long running responses may still take
  Duration pause_time{20};      // how often a Transfer without allowance is asked again
  Duration sweep{1'000};
  std::size_t send_turn = 2 * 1024 * 1024;  // bytes one file sends before others get their turn
  std::size_t requests_per_turn = 32;  // pipelined requests one connection gets before others get their turn
};

}  // namespace dray::net
