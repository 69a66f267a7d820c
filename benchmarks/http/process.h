// Programs that the bench starts and ends, each on its own processor away from the load.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace dray::bench {

// Runs `words` with standard output to us, on processor 0 where there is another; ends it (SIGTERM, then
// waits) with the object, and with us.
class Process {
 public:
  explicit Process(std::vector<std::string> words);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  std::string read_line();  // of its standard output; throws where it ended before

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

// Puts the calling process on the other processor.
void run_on_other_processor();

// nginx with one worker process, its configuration and all its files below `folder`, serving /return, /static
// (files with what /return says) and the files of `files`. Listens on a free port of loopback.
class Nginx {
 public:
  Nginx(const std::string& program, const std::filesystem::path& folder, const std::filesystem::path& files);
  pid_t pid() const { return process_->pid(); }
  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace dray::bench
