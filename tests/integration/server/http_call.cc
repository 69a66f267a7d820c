#include "http_call.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace dray::testing_support {

boost::json::value Answer::json() const {
  auto parsed = wire::parse_json(body);
  return parsed ? *parsed : boost::json::value{};
}

std::string Answer::detail() const {
  const auto problem = json();
  const auto* text = problem.is_object() ? problem.get_object().if_contains("detail") : nullptr;
  return text != nullptr && text->is_string() ? std::string{text->get_string()} : body;
}

Connection::Connection(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  timeval limit{.tv_sec = 100, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("no connection to the server");
}

Connection::~Connection() { ::close(fd_); }

bool Connection::send_bytes(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (n <= 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

bool Connection::send_file(int fd, std::uint64_t length) {
  off_t at = 0;
  while (static_cast<std::uint64_t>(at) < length)
    if (::sendfile(fd_, fd, &at, std::min<std::uint64_t>(length - static_cast<std::uint64_t>(at), 1 << 30)) <=
        0)
      return false;
  return true;
}

void Connection::send(const Call& call) {
  std::string head = call.method + " " + call.path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  if (!call.token.empty()) head += "Authorization: Bearer " + call.token + "\r\n";
  for (const auto& [name, value] : call.headers) head += name + ": " + value + "\r\n";
  const std::uint64_t length = std::max<std::uint64_t>(call.announce, call.body.size());
  if (length > 0 || call.method != "GET") head += "Content-Length: " + std::to_string(length) + "\r\n";
  send_bytes(head + "\r\n" + call.body);
}

char Connection::peek() {
  char out = 0;
  [[maybe_unused]] const auto n = ::recv(fd_, &out, 1, MSG_PEEK);
  return out;
}

Answer Connection::receive(bool head) {
  std::string text;
  std::string buffer(65'536, '\0');
  for (;;) {
    const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (n <= 0) break;
    text.append(buffer, 0, static_cast<std::size_t>(n));
    if (head && text.find("\r\n\r\n") != std::string::npos) break;
  }
  Answer out;
  const auto end = text.find("\r\n\r\n");
  if (end == std::string::npos || !text.starts_with("HTTP/1.1 ")) return out;
  out.status = std::stoi(text.substr(9, 3));
  for (auto at = text.find("\r\n") + 2; at < end;) {
    const auto stop = text.find("\r\n", at);
    const auto colon = text.find(": ", at);
    std::string name = text.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    out.headers[name] = text.substr(colon + 2, stop - colon - 2);
    at = stop + 2;
  }
  out.body = text.substr(end + 4);
  return out;
}

Answer exchange(std::uint16_t port, const Call& call) {
  Connection connection{port};
  connection.send(call);
  return connection.receive(call.method == "HEAD");
}

}  // namespace dray::testing_support
