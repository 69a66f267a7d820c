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
#include <stdexcept>

namespace dray::bench {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error{"load: " + what}; }

// A head of an answer, as far as we need it.
struct Head {
  std::size_t end = 0;  // behind the empty line
  std::uint64_t length = 0;
};

// Nothing where it is not all there.
std::optional<Head> parse_head(const std::string& text) {
  const auto end = text.find("\r\n\r\n");
  if (end == text.npos) return {};
  if (!text.starts_with("HTTP/1.1 200")) fail("answered " + text.substr(0, text.find('\r')));
  const auto at = text.find("Content-Length: ");
  if (at > end) fail("an answer without Content-Length");
  return Head{end + 4, std::stoull(text.substr(at + 16, 20))};
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    fail(std::string{"connect: "} + ::strerror(errno));
  int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

void send_all(int fd, const std::string& text) {
  if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL) != std::ssize(text))
    fail("a request did not go out");
}

}  // namespace

class Clients::Client {
 public:
  Client(std::uint16_t port, int epoll, std::string request)
      : fd_{connect_to(port)}, request_{std::move(request)} {
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
    send_all(fd_, request_);
  }

  // True when the answer is complete.
  bool take(std::uint64_t& body_bytes) {
    if (left_ == 0 && !take_head(body_bytes)) return false;
    while (left_ > 0) {
      const auto got =
          ::recv(fd_, nullptr, std::min<std::uint64_t>(left_, 1 << 20), MSG_TRUNC | MSG_DONTWAIT);
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
    const auto got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) fail("an answer was cut");
    head_.append(buffer, static_cast<std::size_t>(got));
    const auto head = parse_head(head_);
    if (!head) return false;
    body_bytes += head->length;
    left_ = head->length - (head_.size() - head->end);
    return true;
  }

  int fd_;
  std::string request_, head_;
  std::uint64_t left_ = 0;
  unsigned turns_ = 0;
};

Clients::Clients(std::uint16_t port, pid_t server, const std::vector<std::string>& requests)
    : epoll_{::epoll_create1(EPOLL_CLOEXEC)}, server_{server} {
  for (const auto& request : requests) clients_.push_back(std::make_unique<Client>(port, epoll_, request));
}

Clients::~Clients() {
  clients_.clear();
  ::close(epoll_);
}

Served Clients::run(std::uint64_t requests) {
  Served served;
  const double before = cpu_seconds_of(server_);
  std::uint64_t asked = 0;
  for (auto& client : clients_) {
    if (asked == requests) break;
    ++asked;
    client->ask();
  }
  std::vector<epoll_event> events(clients_.size());
  while (served.requests < requests) {
    const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 20'000);
    if (ready == 0) fail("nothing moved for 20 s");
    for (int i = 0; i < ready; ++i) {
      auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!client->take(served.body_bytes)) continue;
      ++served.requests;
      if (asked < requests) {
        ++asked;
        client->ask();
      }
    }
  }
  served.cpu_seconds = cpu_seconds_of(server_) - before;
  return served;
}

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

std::string body_of(std::uint16_t port, const std::string& request) {
  const int fd = connect_to(port);
  send_all(fd, request);
  std::string text;
  for (std::optional<Head> head; !head || text.size() < head->end + head->length; head = parse_head(text)) {
    char buffer[4096];
    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) fail("an answer was cut: " + text);
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text.substr(parse_head(text)->end);
}

}  // namespace dray::bench
