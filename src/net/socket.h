// A TCP socket with the concrete executor (nothing type-erased), and its calls without waiting. TLS on the
// descriptor takes the place of these three calls.
#pragma once

#include <sys/types.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cstdint>
#include <span>
#include <string_view>

#include "ports/task.h"

namespace dray::net {

using Tcp = asio::ip::tcp;
using Socket = asio::basic_stream_socket<Tcp, Executor>;

// What a call that does not wait gave.
struct Moved {
  enum class How { kSome, kWouldBlock, kEnd, kFailed };
  How how = How::kFailed;
  std::size_t count = 0;

  explicit Moved(How h, std::size_t n = 0) : how{h}, count{n} {}
  bool some() const { return how == How::kSome; }
  bool would_block() const { return how == How::kWouldBlock; }
};

Moved receive(int fd, std::span<char> out);
// `more`: further bytes follow at once, do not send a small segment (MSG_MORE). Never raises SIGPIPE.
Moved send(int fd, std::string_view bytes, bool more = false);
// From the page cache straight to the socket; kEnd: the file has become shorter.
Moved send_file(int fd, int file, std::uint64_t offset, std::size_t count);

// Has the other side closed, or sent something, without taking it? kWouldBlock: neither.
Moved peek(int fd);

// sendfile(2) raises SIGPIPE and has no flag against it. Once per process; children should restore the
// default.
void ignore_sigpipe();

}  // namespace dray::net
