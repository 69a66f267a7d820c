#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

namespace dray::bench {

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error{"load: " + what}; }

class Client {
 public:
  Client(const Load& load, int epoll, const std::string& request) : request_{request} {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(load.port);
    if (::inet_pton(AF_INET, load.host.c_str(), &to.sin_addr) != 1) fail(load.host + " is no IPv4 address");
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      fail("connect to " + load.host + ": " + ::strerror(errno));
    int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd_, &event);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void ask() {
    head_.clear();
    left_ = 0;
    if (::send(fd_, request_.data(), request_.size(), MSG_NOSIGNAL) != std::ssize(request_))
      fail("a request did not go out");
  }

  // True when the answer is complete.
  bool take(std::uint64_t& body_bytes) {
    if (left_ == 0 && !take_head(body_bytes)) return false;
    while (left_ > 0) {
      auto got = ::recv(fd_, nullptr, std::min<std::uint64_t>(left_, 1 << 20), MSG_TRUNC | MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) return false;
      if (got <= 0) fail("an answer was cut");
      left_ -= static_cast<std::uint64_t>(got);
      if (left_ > 0 && ++turns_ % 8 == 0) return false;  // epoll is level-triggered: others have their turn
    }
    return true;
  }

 private:
  bool take_head(std::uint64_t& body_bytes) {
    char buffer[2048];
    auto got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) fail("an answer was cut");
    head_.append(buffer, static_cast<std::size_t>(got));
    auto end = head_.find("\r\n\r\n");
    if (end == head_.npos) return false;
    if (!head_.starts_with("HTTP/1.1 200")) fail("answered " + head_.substr(0, head_.find('\r')));
    auto at = head_.find("Content-Length: ");
    if (at > end) fail("an answer without Content-Length");
    auto length = std::stoull(head_.substr(at + 16, 20));
    body_bytes += length;
    left_ = length - (head_.size() - end - 4);
    return true;
  }

  const std::string& request_;
  int fd_ = -1;
  std::string head_;
  std::uint64_t left_ = 0;
  unsigned turns_ = 0;
};

}  // namespace

double cpu_seconds_of(pid_t pid) {
  double nanoseconds = 0;
  for (const auto& task : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task"}) {
    std::ifstream file{task.path() / "schedstat"};
    double on_cpu = 0;
    file >> on_cpu;
    nanoseconds += on_cpu;
  }
  return nanoseconds / 1e9;
}

Served run_load(const Load& load, pid_t server) {
  std::string request =
      "GET " + load.target + " HTTP/1.1\r\nHost: " + load.host + "\r\n" + load.headers + "\r\n";
  int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < load.connections; ++i)
    clients.push_back(std::make_unique<Client>(load, epoll, request));

  Served served;
  auto before = cpu_seconds_of(server);
  std::uint64_t asked = 0;
  for (auto& client : clients) {
    if (asked == load.requests) break;
    ++asked;
    client->ask();
  }
  std::vector<epoll_event> events(load.connections);
  while (served.requests < load.requests) {
    int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 20'000);
    if (ready == 0) fail("nothing moved for 20 s");
    for (int i = 0; i < ready; ++i) {
      auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!client->take(served.body_bytes)) continue;
      ++served.requests;
      if (asked < load.requests) {
        ++asked;
        client->ask();
      }
    }
  }
  served.cpu_seconds = cpu_seconds_of(server) - before;
  clients.clear();
  ::close(epoll);
  return served;
}

}  // namespace dray::bench
