// A bounded load over keep-alive connections, by epoll on one thread, and what it cost the serving process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace dray::bench {

struct Load {
  std::string host = "127.0.0.1";  // an IPv4 address
  std::uint16_t port = 0;
  std::string target = "/";
  std::string headers;  // further header lines, each with its CRLF
  std::size_t connections = 64;
  std::uint64_t requests = 15'000;  // in all
};

struct Served {
  std::uint64_t requests = 0;
  std::uint64_t body_bytes = 0;
  double cpu_seconds = 0;  // of the serving process, all its threads
};

// Sum of the time on a processor of all threads, /proc/PID/task/*/schedstat. Throws where there is no such
// process.
double cpu_seconds_of(pid_t pid);

// Runs the load to its end. Bodies are discarded in the kernel (MSG_TRUNC). Throws std::runtime_error when an
// answer is not 200, a connection is lost, or nothing moves for 20 s.
Served run_load(const Load& load, pid_t server);

}  // namespace dray::bench
