// Clients over keep-alive connections, by epoll on one thread, and what they cost the serving process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dray::bench {

struct Served {
  std::uint64_t requests = 0;
  std::uint64_t body_bytes = 0;
  double cpu_seconds = 0;  // of the serving process, all its threads
};

// Sum of the time on a processor of all threads, /proc/PID/task/*/schedstat. Throws where there is no such
// process.
double cpu_seconds_of(pid_t pid);

// One connection to 127.0.0.1 for each request text; it sends nothing else, again and again. Connections stay
// open between runs, as those of devices do.
class Clients {
 public:
  Clients(std::uint16_t port, pid_t server, const std::vector<std::string>& requests);
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  // `requests` in all. Bodies are discarded in the kernel (MSG_TRUNC). Throws std::runtime_error when an
  // answer is not 200, a connection is lost, or nothing moves for 20 s.
  Served run(std::uint64_t requests);

 private:
  class Client;
  int epoll_;
  pid_t server_;
  std::vector<std::unique_ptr<Client>> clients_;
};

// One request over a connection of its own; the body of a 200, else throws.
std::string body_of(std::uint16_t port, const std::string& request);

}  // namespace dray::bench
