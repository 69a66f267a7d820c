// For tests of net: one loop that the test itself turns, a raw client, and a handler made of functions.
// Nothing sleeps and nothing runs beside the test, so what a test sees is what has happened.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "adapters/posix/posix_disk.h"
#include "adapters/posix/system_clock.h"
#include "net/server.h"

namespace dray::net {

using namespace std::chrono_literals;

// Turns the loop until `done`, at most 20 s (a failed test, not a hang).
template <class Done>
[[nodiscard]] bool turn_until(asio::io_context& io, Done done, std::chrono::milliseconds limit = 20s) {
  auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    io.restart();
    io.run_one_for(1ms);
  }
  return true;
}

// A non-blocking TCP client that knows nothing of HTTP.
class RawClient {
 public:
  RawClient(asio::io_context& io, std::uint16_t port, int receive_buffer = 0) : io_{io} {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);  // the backlog takes it
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset() {  // RST
    linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void shutdown_send() { ::shutdown(fd_, SHUT_WR); }

  void send(std::string_view text) {
    while (!text.empty()) {
      auto sent = ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0)
        text.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno != EAGAIN)
        return;  // the server has closed: what it said is still to be read
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds{sent > 0 ? 0 : 1});
    }
  }
  void get(std::string_view target, std::string_view headers = {}) {
    send("GET " + std::string{target} + " HTTP/1.1\r\nHost: x\r\n" + std::string{headers} + "\r\n");
  }

  // What has come by the time that it ends with `mark`, or the server has closed (ended()).
  std::string read_until(std::string_view mark) {
    return read([&] { return received_.find(mark) != received_.npos; });
  }
  std::string read_to_end() {
    return read([] { return false; });
  }
  // One response by its Content-Length; a response to HEAD or a 204/304 with has_body = false.
  std::string response(bool has_body = true) {
    std::size_t size = 0;
    (void)read([&] {
      auto end = received_.find("\r\n\r\n");
      if (end == received_.npos) return false;
      auto at = received_.find("Content-Length: ");
      auto length = has_body && at < end ? std::stoull(received_.substr(at + 16)) : 0;
      size = end + 4 + length;
      return received_.size() >= size;
    });
    auto out = received_.substr(0, size);
    received_.erase(0, size);
    return out;
  }
  // Takes at most `count` bytes, now.
  std::size_t take(std::size_t count) {
    std::vector<char> buffer(count);
    auto got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) ended_ = true;
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  bool ended() const { return ended_; }
  const std::string& received() const { return received_; }

 private:
  template <class Done>
  std::string read(Done done) {
    std::vector<char> buffer(64 * 1024);
    EXPECT_TRUE(turn_until(io_,
                           [&] {
                             while (!ended_ && !done()) {
                               auto got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
                               if (got < 0 && errno == EAGAIN) break;
                               if (got > 0)
                                 received_.append(buffer.data(), static_cast<std::size_t>(got));
                               else
                                 ended_ = true;
                             }
                             return ended_ || done();
                           }))
        << "received so far: " << received_;
    return received_;
  }

  asio::io_context& io_;
  int fd_ = -1;
  std::string received_;
  bool ended_ = false;
};

struct FunctionHandler : HttpHandler {
  std::function<std::optional<HttpResponse>(const HttpRequest&)> on_now;
  std::function<Task<HttpResponse>(HttpRequest, Stop&)> on_handle;

  const HttpResponse* now(const HttpRequest& request) override {
    lent_ = on_now ? on_now(request) : std::nullopt;
    return lent_ ? &*lent_ : nullptr;
  }
  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override {
    return on_handle(std::move(request), stop);
  }

 private:
  std::optional<HttpResponse> lent_;
};

inline HttpResponse text_response(int status, std::string text) {
  HttpResponse response{status};
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(text);
  return response;
}

// Limits that tests need not wait for.
inline Limits quick_limits() {
  Limits limits;
  limits.sweep = Duration{5};
  limits.pause_time = Duration{1};
  return limits;
}

class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture() {
    std::string name = std::filesystem::temp_directory_path() / "dray-net-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    disk_ = std::make_unique<adapters::PosixDisk>(folder_);
  }
  ~ServerFixture() override { std::filesystem::remove_all(folder_); }
  // Here and not in the destructor: what a test's own handlers are at ends while the test's members are there.
  void TearDown() override {
    server_.reset();
    io_.restart();
    io_.poll();
  }

  void start(Limits limits = quick_limits(), Worker* bytes = nullptr) {
    server_ = std::make_unique<HttpServer>(io_, clock_, log(), handler_, limits, bytes, knows_);
    ASSERT_TRUE(server_->listen("127.0.0.1", 0));
  }
  Log log() {
    return Log{Level::kWarn, [this] { return clock_.wall(); },
               [this](Level, std::string_view line) { logged_.emplace_back(line); }};
  }
  std::unique_ptr<RawClient> client(int receive_buffer = 0) {
    return std::make_unique<RawClient>(io_, server_->port(), receive_buffer);
  }
  template <class Done>
  bool turn_until(Done done, std::chrono::milliseconds limit = 20s) {
    return net::turn_until(io_, done, limit);
  }

  std::filesystem::path folder_;
  asio::io_context io_;
  adapters::SystemClock clock_{io_};
  FunctionHandler handler_;
  HttpServer::Knows knows_;
  std::vector<std::string> logged_;
  std::unique_ptr<adapters::PosixDisk> disk_;
  std::unique_ptr<HttpServer> server_;
};

// Counts what a Transfer is told.
struct WatchedTransfer : Transfer {
  std::uint64_t sent = 0;
  std::vector<Result<>> ends;
  std::uint64_t allowed = UINT64_MAX;  // in all
  bool stop = false;

  void on_sent(std::uint64_t total) override {
    EXPECT_GT(total, sent);
    sent = total;
  }
  void on_end(Result<> how) override { ends.push_back(std::move(how)); }
  std::uint64_t allowance(SteadyTime) override { return allowed - sent; }
  bool stopped() const override { return stop; }
};

}  // namespace dray::net
