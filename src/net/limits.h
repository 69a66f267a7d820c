// What a server allows its clients. Times are kept by one sweep, so they are exact to `sweep`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace dray::net {

struct Limits {
  std::size_t connections = 12'000;    // one more gets 503 and is closed
  std::size_t strangers = 1'500;       // of these, at least and at most for those that have proven no token
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

// For a program that may have so many files open: what it does not need for its own files is for connections, so that
// accepting does not fail; at least 256 of them are for strangers.
constexpr Limits limits_for(std::uint64_t files) {
  Limits out;
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(files, 1 << 20));
  out.connections = std::min(out.connections, std::max<std::size_t>(most * 3 / 4, 16));
  out.strangers = std::min(out.connections, std::max<std::size_t>(256, out.connections / 8));
  return out;
}

// A door where nobody proves anything: all of its connections are strangers'.
constexpr Limits open_to_all(std::size_t connections) {
  Limits out;
  out.connections = out.strangers = connections;
  return out;
}

}  // namespace dray::net
