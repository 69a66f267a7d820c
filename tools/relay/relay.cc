#include "relay/relay.h"

#include <algorithm>
#include <array>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

namespace dray::tools {
namespace {

using asio::ip::tcp;
using std::chrono::steady_clock;

constexpr std::size_t kPiece = 16 * 1024;
// Small buffers in the kernel, so that a sender feels the line instead of filling a megabyte of memory.
constexpr int kSocketBuffer = 64 * 1024;
// A pause of the relay's process is caught up with so much line time, not more.
constexpr auto kBurst = std::chrono::milliseconds{50};

template <class Socket>
void reset(Socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::socket_base::linger{true, 0}, ignored);
  socket.close(ignored);
}

}  // namespace

Relay::Relay(asio::io_context& io, RelayOptions options) : io_{io}, options_{options}, acceptor_{io} {
  acceptor_.open(options_.listen.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address{true});
  acceptor_.set_option(
      asio::socket_base::receive_buffer_size{kSocketBuffer});  // inherited by what it accepts
  acceptor_.bind(options_.listen);
  acceptor_.listen();
  asio::co_spawn(io_, accept(), asio::detached);
}

Relay::~Relay() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  cut();
}

RelayCounts Relay::counts() const {
  auto out = counts_;
  out.up = up_.bytes;
  out.down = down_.bytes;
  out.open = sessions_.size();
  return out;
}

void Relay::cut() {
  for (const auto& session : std::exchange(sessions_, {})) {
    reset(session->client);
    reset(session->target);
  }
  since_cut_ = 0;
}

void Relay::drop() {
  dropping_ = true;
  cut();
}

void Relay::heal() { dropping_ = false; }

Task<> Relay::accept() {
  while (acceptor_.is_open()) {
    auto session = std::make_shared<Session>(io_);
    boost::system::error_code error;
    co_await acceptor_.async_accept(session->client, asio::redirect_error(kAwait, error));
    if (error == asio::error::operation_aborted) co_return;  // the relay may be gone by now
    if (error) {  // out of descriptors: the others go on, and end some time
      Timer pause{io_, std::chrono::milliseconds{100}};
      co_await pause.async_wait(asio::redirect_error(kAwait, error));
      if (error) co_return;
      continue;
    }
    ++counts_.connections;
    if (dropping_) {
      reset(session->client);
      continue;
    }
    sessions_.insert(session);
    asio::co_spawn(io_, serve(std::move(session)), asio::detached);
  }
}

Task<> Relay::serve(std::shared_ptr<Session> session) {
  boost::system::error_code error;
  session->target.open(options_.to.protocol(), error);
  session->target.set_option(asio::socket_base::receive_buffer_size{kSocketBuffer}, error);
  co_await session->target.async_connect(options_.to, asio::redirect_error(kAwait, error));
  if (!session->client.is_open()) co_return;  // cut meanwhile
  if (error) {
    sessions_.erase(session);
    reset(session->client);
    co_return;
  }
  for (auto* socket : {&session->client, &session->target}) socket->set_option(tcp::no_delay{true}, error);
  asio::co_spawn(io_, pump(session, true), asio::detached);
  co_await pump(session, false);
}

// Ends when its source does. A polite end is passed on as one, and the other direction goes on by itself.
Task<> Relay::pump(std::shared_ptr<Session> session, bool down) {
  Socket& from = down ? session->target : session->client;
  Socket& to = down ? session->client : session->target;
  Timer timer{io_};
  std::array<char, kPiece> piece;
  boost::system::error_code error;
  while (true) {
    const auto size = co_await from.async_read_some(asio::buffer(piece), asio::redirect_error(kAwait, error));
    if (!from.is_open()) co_return;  // cut; the relay itself may be gone
    if (error == asio::error::eof) {
      to.shutdown(tcp::socket::shutdown_send, error);
      break;
    }
    if (!error && options_.rate.count != 0) {
      timer.expires_at(reserve(down ? down_ : up_, size));
      co_await timer.async_wait(asio::redirect_error(kAwait, error));
      if (!from.is_open()) co_return;
    }
    if (!error)
      co_await asio::async_write(to, asio::buffer(piece.data(), size), asio::redirect_error(kAwait, error));
    if (!from.is_open()) co_return;
    if (error) {
      reset(from);
      reset(to);
      break;
    }
    (down ? down_ : up_).bytes += size;
    if (down) count_down(size);
    if (!from.is_open()) co_return;
  }
  if (--session->directions == 0) sessions_.erase(session);
}

steady_clock::time_point Relay::reserve(Line& line, std::size_t bytes) const {
  const auto takes = std::chrono::nanoseconds{
      static_cast<std::int64_t>(1e9 * static_cast<double>(bytes) / static_cast<double>(options_.rate.count))};
  line.free = std::max(line.free, steady_clock::now() - kBurst) + takes;
  return line.free;
}

void Relay::count_down(std::size_t bytes) {
  since_cut_ += bytes;
  if (options_.cut_after == 0 || since_cut_ < options_.cut_after || counts_.cuts >= options_.cuts) return;
  ++counts_.cuts;
  cut();
}

}  // namespace dray::tools
