// An HTTP/1.1 server on one loop, over any HttpHandler. What it promises is in limits.h and ports/http.h;
// every error of its own (400, 408, 431, 503) has an empty body, because DDI clients install error bodies.
//
// Loop thread only. The handler, clock and worker outlive it; destroy it before the io_context. It sets
// SIGPIPE to be ignored.
//
// A connection begins as a stranger's. Once a request has shown a token that is known it is no stranger's any more. Strangers have their share of the connections and no more: where it is used
// up, the oldest of them that no request of is in work makes room for the newcomer, so that whoever has a token always
// gets in to show it; where all are in work the newcomer gets 503.
#pragma once

#include <cstdint>
#include <functional>
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
  // True: the token that this request carries is known. Asked of strangers only; none: nobody is known.
  using Knows = std::function<bool(const HttpRequest&)>;
  // bytes: where files that are not in the page cache are read; null = on the loop.
  HttpServer(asio::io_context& io, Clock& clock, Log log, HttpHandler& handler, Limits limits = {},
             Worker* bytes = nullptr, Knows knows = {});
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
  std::size_t strangers() const;  // of these, those that have proven no token

 private:
  struct Listener;

  std::shared_ptr<ServerCore> core_;
  std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace dray::net
