// The peer: nginx as it is set up by those who know it. One process, no logs, sendfile, an open file cache.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "support/process.h"

namespace dray::bench {

class Nginx {
 public:
  struct Content {
    std::map<std::string, std::string> returned;  // prefix of a path -> what `return 200` answers
    std::map<std::string, std::string> files;     // path -> text of a static file
    std::map<std::string, std::filesystem::path>
        linked;  // path -> a file that is there already, the same pages
  };
  // Everything that it needs is below `folder`.
  Nginx(const std::string& program, const std::filesystem::path& folder, const Content& content);

  pid_t pid() const { return process_->pid(); }
  std::uint16_t return_port() const { return return_port_; }
  std::uint16_t file_port() const { return file_port_; }

 private:
  std::uint16_t return_port_, file_port_;
  std::unique_ptr<testing_support::Process> process_;
};

}  // namespace dray::bench
