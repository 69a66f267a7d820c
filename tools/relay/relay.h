// A bad network in user space: a TCP relay with a limited rate, that can be cut, broken and healed.
//
//   client --> [listen]  Relay  --> [to]        "up" is client to target, "down" is target to client
//
// The rate holds for each direction by itself, for all connections together, as on a real link: whoever wants
// to send takes the next free piece of the line's time, in the order of asking. Bytes are those of TCP
// payload, HTTP heads included. A cut resets connections (RST), as a line that fails does; it never closes
// them politely. Runs on one io_context, on one thread; needs no root, unlike tc and netem.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <set>

#include "base/bytes.h"
#include "ports/task.h"

namespace dray::tools {

struct RelayOptions {
  asio::ip::tcp::endpoint listen;
  asio::ip::tcp::endpoint to;
  BytesPerSecond rate{0};       // each direction; 0: as fast as it goes
  std::uint64_t cut_after = 0;  // cut when so many more bytes went down; 0: never
  std::uint64_t cuts = 1;       // how often at most
};

struct RelayCounts {
  std::uint64_t up = 0, down = 0;  // bytes handed on
  std::uint64_t connections = 0;   // accepted so far
  std::uint64_t cuts = 0;          // made by cut_after
  std::uint64_t open = 0;          // connections now
};

class Relay {
 public:
  // Binds and begins at once; throws boost::system::system_error where the address is taken.
  Relay(asio::io_context& io, RelayOptions options);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

  asio::ip::tcp::endpoint address() const { return acceptor_.local_endpoint(); }
  RelayCounts counts() const;
  BytesPerSecond rate() const { return options_.rate; }
  bool dropping() const { return dropping_; }

  void cut();   // resets what is open; new connections are welcome
  void drop();  // cut, and reset every new connection until heal()
  void heal();
  void set_rate(BytesPerSecond rate) { options_.rate = rate; }

 private:
  using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, Executor>;
  struct Session {
    explicit Session(asio::io_context& io) : client{io}, target{io} {}
    Socket client, target;
    int directions = 2;  // that have not ended
  };
  struct Line {  // one direction
    std::uint64_t bytes = 0;
    std::chrono::steady_clock::time_point free;
  };

  Task<> accept();
  Task<> serve(std::shared_ptr<Session> session);
  Task<> pump(std::shared_ptr<Session> session, bool down);
  std::chrono::steady_clock::time_point reserve(Line& line, std::size_t bytes) const;
  void count_down(std::size_t bytes);

  asio::io_context& io_;
  RelayOptions options_;
  asio::basic_socket_acceptor<asio::ip::tcp, Executor> acceptor_;
  Line up_, down_;
  std::uint64_t since_cut_ = 0;
  RelayCounts counts_;
  bool dropping_ = false;
  std::set<std::shared_ptr<Session>> sessions_;
};

}  // namespace dray::tools
