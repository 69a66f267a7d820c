#include "net/socket.h"

#include <errno.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

namespace dray::net {

namespace {

template <class Call>
Moved moved(Call call) {
  while (true) {
    auto count = call();
    if (count > 0) return Moved{Moved::How::kSome, static_cast<std::size_t>(count)};
    if (count == 0) return Moved{Moved::How::kEnd};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Moved{Moved::How::kWouldBlock};
    if (errno != EINTR) return Moved{Moved::How::kFailed};
  }
}

}  // namespace

Moved receive(int fd, std::span<char> out) {
  return moved([&] { return ::recv(fd, out.data(), out.size(), MSG_DONTWAIT); });
}

Moved send(int fd, std::string_view bytes, bool more) {
  return moved([&] {
    return ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  });
}

Moved send_file(int fd, int file, std::uint64_t offset, std::size_t count) {
  auto at = static_cast<off_t>(offset);
  return moved([&] { return ::sendfile(fd, file, &at, count); });
}

Moved peek(int fd) {
  char one = 0;
  return moved([&] { return ::recv(fd, &one, 1, MSG_DONTWAIT | MSG_PEEK); });
}

void ignore_sigpipe() { ::signal(SIGPIPE, SIG_IGN); }

}  // namespace dray::net
