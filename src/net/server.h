// An HTTP/1.1 server on one loop, over any HttpHandler. What it promises is in limits.h and ports/http.h;
// every error of its own (400, 408, 431, 503) has an empty body, because DDI clients install error bodies.
//
// Loop thread only. The handler, clock and worker outlive it; destroy it before the io_context. It sets
// SIGPIPE to be ignored, which children inherit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "net/limits.h"
#include "ports/clock.h"
#include "ports/http.h"
#include "ports/worker.h"

namespace dray::net {

struct ServerCore;

class HttpServer {
 public:
  // bytes: where files that are not in the page cache are read; null = on the loop.
  HttpServer(asio::io_context& io, Clock& clock, Log log, HttpHandler& handler, Limits limits = {},
             Worker* bytes = nullptr);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // host: an address ("127.0.0.1", "::" for all of both kinds) or "localhost". port 0: the system chooses.
  // May be called several times. kConflict: in use; kDenied; kInvalid: no address of this machine.
  Result<> listen(const std::string& host, std::uint16_t port);
  // Of the n-th listener.
  std::uint16_t port(std::size_t n = 0) const;

  // No new connections; idle ones close, handlers' Stops are requested, responses may end within drain_time;
  // then everything is cut. Returns when nothing of it runs any more.
  Task<> stop();

  std::size_t connections() const;

 private:
  struct Listener;

  std::shared_ptr<ServerCore> core_;
  std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace dray::net
