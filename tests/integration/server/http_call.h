// A plain blocking HTTP client for tests: one connection a call, so that a test can also say half of
// something and go.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "wire/json.h"

namespace dray::testing_support {

struct Answer {
  int status = 0;                              // 0: none came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  boost::json::value json() const;  // null where the body is none
  std::string detail() const;       // of a problem
};

struct Call {
  std::string method = "GET", path, token, body;
  std::map<std::string, std::string> headers;
  std::uint64_t announce =
      0;  // Content-Length, where it is not the body's; the connection then stays open for more
};

class Connection {
 public:
  explicit Connection(std::uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  void send(const Call& call);
  bool send_bytes(const std::string& bytes);     // false: the other side is gone
  bool send_file(int fd, std::uint64_t length);  // by sendfile
  char peek();                                   // waits for the first byte of the answer and leaves it
  Answer receive(bool head = false);

 private:
  int fd_ = -1;
};

Answer exchange(std::uint16_t port, const Call& call);

}  // namespace dray::testing_support
