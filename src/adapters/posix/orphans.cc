#include "adapters/posix/orphans.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "adapters/posix/fd.h"

namespace dray::adapters {
namespace {

constexpr std::array kHandedOn{SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// Until `program` ends.
int stay_behind(pid_t program, const sigset_t& heard) {
  for (;;) {
    int raw = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &raw, WNOHANG)) > 0;)
      if (ended == program) return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    const int number = ::sigwaitinfo(&heard, nullptr);
    if (number > 0 && number != SIGCHLD) ::kill(program, number);
  }
}

}  // namespace

bool is_given_orphans() {
  int given = 0;
  return ::getpid() == 1 || (::prctl(PR_GET_CHILD_SUBREAPER, &given) == 0 && given != 0);
}

Result<std::optional<int>> mind_orphans() {
  // Blocked, because the first process of all never gets a signal that it does not handle.
  sigset_t heard, before;
  ::sigemptyset(&heard);
  ::sigaddset(&heard, SIGCHLD);
  for (const int number : kHandedOn) ::sigaddset(&heard, number);
  ::sigprocmask(SIG_BLOCK, &heard, &before);
  const pid_t program = ::fork();
  if (program < 0) return errno_error(errno, "fork");
  if (program > 0) return std::optional<int>{stay_behind(program, heard)};
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::setpgid(0, 0);  // a key of the terminal goes to the other one, which hands it on: once
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return std::optional<int>{};
}

}  // namespace dray::adapters
