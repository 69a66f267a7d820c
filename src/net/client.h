// HttpClient over plain TCP: HTTP/1.1 with kept connections, bodies in both directions as streams.
//
// A request on a kept connection that turns out to have been closed, before a byte of the answer, is sent
// once more on a fresh one where that is safe (GET and HEAD). Nothing else is repeated: what to do about an
// error is the caller's policy. Loop thread only; destroying it cuts what runs. Destroy it before the
// io_context.
#pragma once

#include <memory>

#include "ports/clock.h"
#include "ports/http.h"

namespace dray::net {

// Times are kept by one sweep while anything runs, so they are exact to `sweep`.
struct ClientLimits {
  Duration connect_time{10'000};  // name and connection together
  Duration pool_time{50'000};     // an unused connection is kept this long, less than servers keep it
  std::size_t pool_per_host = 4;
  std::size_t head_bytes = 64 * 1024;    // of an answer
  int interim_answers = 10;              // "100 Continue" and the like before an answer
  Duration head_time{30'000};            // from the first byte of a head to its last
  std::size_t buffer_bytes = 64 * 1024;  // largest piece given to a sink
  Duration sweep{1'000};
};

struct ClientCore;

class BeastClient : public HttpClient {
 public:
  BeastClient(asio::io_context& io, Clock& clock, ClientLimits limits = {});
  ~BeastClient() override;
  BeastClient(const BeastClient&) = delete;
  BeastClient& operator=(const BeastClient&) = delete;

  Task<Result<int>> send(HttpRequest request, BodySink& sink, Stop& stop) override;

  // Cuts what runs and drops the kept connections, whose watch would hold up the end of the loop for pool_time.
  void close();

 private:
  std::shared_ptr<ClientCore> core_;
};

}  // namespace dray::net
