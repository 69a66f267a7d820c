// A child process in a process group of its own, and one small command run to its end.
//
// What a child started and left behind ends with it, unless it has a session or group of its own (setsid): nothing of a
// command goes on beside the next one, and nothing piles up. Every child of ours that may be somebody else's program is
// started here, so the rule holds for installers, status checks and the program of a device.
//
// Loop thread only; the io_context outlives both. A Child that is destroyed before its group has ended kills all of it.
#pragma once

#include <sys/types.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <map>
#include <string>
#include <vector>

#include "adapters/posix/launch.h"
#include "ports/clock.h"

namespace dray::adapters {

struct Command {
  std::vector<std::string> argv;                   // argv[0]: a path, or a name to look up in PATH
  std::map<std::string, std::string> environment;  // added to ours
  std::optional<StartedWith> as = {};              // none: as we are now
};

class Child {
 public:
  // out, err: descriptors that become its standard output and error; -1: ours.
  static Result<Child> start(asio::io_context& io, const Command& command, int out = -1, int err = -1);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  // Exit status, 128 + signal where it was killed; kStopped leaves it running. One waiter at a time. What it left behind
  // still runs: end_rest().
  Task<Result<int>> wait(Stop& stop);
  // After wait(): SIGTERM to what is left of its group, SIGKILL after `grace`. Returns at once where nothing is, or only
  // what has ended already (process_group.h).
  Task<> end_rest(Clock& clock, Duration grace);
  // SIGTERM to the group, SIGKILL to what is left of all of it after `grace`; its status. Takes no Stop: this is how one
  // stops.
  Task<int> end(Clock& clock, Duration grace);
  void signal_group(int number) const;

 private:
  Child(asio::io_context& io, pid_t pid, int pidfd);
  int reap();
  void has_ended(int raw);  // raw: as waitpid says it
  Task<> await_rest(Clock& clock, SteadyTime until);
  pid_t pid_ = -1;
  bool group_ended_ = false;  // found empty: it gets no signal any more, because its number may be another's
  std::optional<int> status_;
  asio::posix::basic_stream_descriptor<Executor> pidfd_;
};

struct CommandResult {
  int status = 0;
  bool timed_out = false;
  // Valid UTF-8, whatever it printed; lines stay lines (clean_lines).
  std::string out;  // of the first 64 KiB
  std::string err;  // of the last 10 KiB
};
struct CommandLimits {
  Duration time{600'000};
  Duration grace{10'000};  // between SIGTERM and SIGKILL
  Duration last_words{500};  // what it left behind may still print so long after its end
};
// Runs it and ends what it left behind. kStopped: was asked to stop, and the command was ended. kNotFound, kDenied: could
// not be started.
Task<Result<CommandResult>> run_command(asio::io_context& io, Clock& clock, Command command,
                                        CommandLimits limits, Stop& stop);

}  // namespace dray::adapters
