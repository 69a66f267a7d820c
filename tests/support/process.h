// A child process of a test: started, watched line by line, killed by pid, always ended.
//
// A reader thread collects its output, so that the child never blocks on it and a test waits on a condition,
// never on a clock. `on_line` is called on that thread as each line comes: a test kills another process at
// that very moment.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace dray::testing_support {

class Process {
 public:
  using OnLine = std::function<void(Process&, const std::string&)>;
  struct Options {
    std::map<std::string, std::string> environment;  // added to ours
    std::string folder;                              // working directory; empty = ours
    OnLine on_line;
  };

  explicit Process(std::vector<std::string> argv) : Process{std::move(argv), Options{}} {}
  Process(std::vector<std::string> argv, Options options);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  // SIGKILL to it and what it has started, where it still runs

  pid_t pid() const { return pid_; }
  void signal(int number);
  // Exit status (128 + signal where killed); nothing where it still runs at the deadline.
  std::optional<int> wait(std::chrono::seconds at_most = std::chrono::seconds{30});
  // True as soon as a line holds `text`, also one that came before; false when the process ended or time is
  // over.
  bool wait_for(const std::string& text, std::chrono::seconds at_most = std::chrono::seconds{60});
  std::vector<std::string> lines() const;
  std::string output() const;

 private:
  void read_lines(int fd, const OnLine& on_line);

  pid_t pid_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::optional<int> status_;
  std::thread reader_;
};

// A folder of its own, removed with everything in it.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// SIGKILL to a process and all that it has started, also in groups of their own; none of them sees another
// one end.
void kill_tree(pid_t pid);

void write_file(const std::string& path, const std::string& text);
std::string read_file(const std::string& path);

}  // namespace dray::testing_support
