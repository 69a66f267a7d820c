// A UNIX socket for the people and programs of this machine: one line of JSON asks, one line answers, then it
// is closed. Who asks is what the kernel says (SO_PEERCRED). Loop thread only.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/time.h"
#include "ports/task.h"

namespace dray::adapters {

class LocalSocket {
 public:
  // line: without its end; who: the user's name, "uid 1000" where it has none. At most 64 KiB each way.
  using Answer = std::function<Task<std::string>(std::string line, std::string who)>;
  LocalSocket(asio::io_context& io, Answer answer);
  ~LocalSocket();
  LocalSocket(const LocalSocket&) = delete;
  LocalSocket& operator=(const LocalSocket&) = delete;

  // Replaces a socket that an earlier process left. Mode 0600; 0660 where a group is named, whose members may
  // then ask. kInvalid: the path is longer than a socket's may be (107 bytes), no such group; kDenied.
  Result<> listen(const std::filesystem::path& path, const std::string& group);
  void close();

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

// The other end, for a command: sends one line and gives the answer's. Blocks, at most `limit`. kNotFound:
// nobody listens there; kDenied; kTimeout.
Result<std::string> ask_local(const std::filesystem::path& path, const std::string& line,
                              Duration limit = Duration{30'000});

}  // namespace dray::adapters
