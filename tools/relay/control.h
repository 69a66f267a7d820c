// Orders to a running relay: one line each over TCP, one line of JSON as the answer (the counts after the
// order).
//
//   stats | cut | drop | heal | rate <bytes per second, or "2 MB/s">
//
// Serves one caller at a time; for loopback.
#pragma once

#include <string>
#include <string_view>

#include "relay/relay.h"

namespace dray::tools {

std::string obey(Relay& relay, std::string_view order);

class Control {
 public:
  Control(asio::io_context& io, const asio::ip::tcp::endpoint& listen, Relay& relay);
  asio::ip::tcp::endpoint address() const { return acceptor_.local_endpoint(); }

 private:
  Task<> serve();

  Relay& relay_;
  asio::basic_socket_acceptor<asio::ip::tcp, Executor> acceptor_;
};

}  // namespace dray::tools
