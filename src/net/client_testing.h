// For tests of the client: a raw server that a test scripts, and a sink that remembers.
#pragma once

#include "net/net_testing.h"

namespace dray::net {

// Listens, and does what the test says with each connection.
class RawServer {
 public:
  RawServer(asio::io_context& io, int family = AF_INET) : io_{io} {
    fd_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_storage at{};
    at.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET)
      reinterpret_cast<sockaddr_in&>(at).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
      reinterpret_cast<sockaddr_in6&>(at).sin6_addr = in6addr_loopback;
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    usable_ = ::bind(fd_, reinterpret_cast<sockaddr*>(&at), size) == 0 && ::listen(fd_, 16) == 0;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(reinterpret_cast<sockaddr_in&>(at).sin_port);  // at the same place for both families
  }
  ~RawServer() {
    hang_up();
    ::close(fd_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  bool usable() const { return usable_; }
  std::string url(std::string_view target = "/", std::string_view host = "127.0.0.1") const {
    return "http://" + std::string{host} + ":" + std::to_string(port_) + std::string{target};
  }
  bool accept() {
    hang_up();
    return turn_until(
        io_, [&] { return (peer_ = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0; });
  }
  // Everything up to `mark`.
  std::string expect(std::string_view mark = "\r\n\r\n") {
    std::string all;
    char one = 0;
    EXPECT_TRUE(turn_until(io_, [&] {
      while (!all.ends_with(mark) && ::recv(peer_, &one, 1, 0) == 1) all += one;
      return all.ends_with(mark);
    })) << all;
    return all;
  }
  void say(std::string_view text) {
    ASSERT_EQ(::send(peer_, text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
  }
  void hang_up() {
    if (peer_ >= 0) ::close(peer_);
    peer_ = -1;
  }
  int peer() const { return peer_; }

 private:
  asio::io_context& io_;
  int fd_ = -1, peer_ = -1;
  std::uint16_t port_ = 0;
  bool usable_ = false;
};

struct Collect : BodySink {
  int status = 0;
  Headers headers;
  std::string body;
  std::size_t pieces = 0, largest = 0;
  std::uint64_t bytes = 0;
  bool keep = true;
  std::optional<Error> refuse;
  Clock* slow_clock = nullptr;

  Result<> head(int s, const Headers& h) override {
    status = s;
    headers = h;
    if (refuse) return *refuse;
    return {};
  }
  Task<Result<>> write(ByteView piece) override {
    ++pieces;
    bytes += piece.size();
    largest = std::max(largest, piece.size());
    if (keep) body += as_text(piece);
    if (slow_clock != nullptr) {
      Stop never;
      (void)co_await slow_clock->sleep_until(slow_clock->steady() + 1ms, never);
    }
    co_return Result<>{};
  }
};

}  // namespace dray::net
