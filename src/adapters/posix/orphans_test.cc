// In processes of its own: they are the parent of orphans, and end.
#include "adapters/posix/orphans.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "adapters/posix/fd.h"

namespace dray::adapters {
namespace {

// Given orphans, it splits; what goes on runs the script as a shell. The status with which the other one ends.
pid_t split_and_run(const char* script, int out) {
  const pid_t parent = ::fork();
  if (parent != 0) return parent;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (!is_given_orphans()) ::_exit(100);
  const auto ended = mind_orphans();
  if (!ended) ::_exit(101);
  if (*ended) ::_exit(**ended);
  if (is_given_orphans()) ::_exit(102);
  ::dup2(out, 1);
  ::execl("/bin/sh", "sh", "-c", script, nullptr);
  ::_exit(103);
}
int status_of(pid_t process) {
  int raw = 0;
  EXPECT_EQ(::waitpid(process, &raw, 0), process);
  return WIFEXITED(raw) ? WEXITSTATUS(raw) : -WTERMSIG(raw);
}

TEST(Orphans, AreBuriedByTheProcessThatStaysBehind) {
  // The orphan is alone in a session, so that nobody else has a cause to ask for it. Until it is buried its name is there.
  const char* script =
      "orphan=$(setsid sh -c 'sleep 0 >/dev/null 2>&1 & echo $!');"
      "while [ -e /proc/$orphan ]; do :; done; exit 7";
  EXPECT_EQ(status_of(split_and_run(script, 1)), 7);
}

TEST(Orphans, ASignalIsHandedOnAndTheEndIsThePrograms) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Fd read{ends[0]}, write{ends[1]};
  const pid_t stays = split_and_run("trap 'exit 9' TERM; echo; while :; do sleep 0.01; done", write.get());
  char ready = 0;
  ASSERT_EQ(::read(read.get(), &ready, 1), 1);
  ::kill(stays, SIGTERM);
  EXPECT_EQ(status_of(stays), 9);
  EXPECT_EQ(status_of(split_and_run("kill -KILL $$", 1)), 128 + SIGKILL);
}

}  // namespace
}  // namespace dray::adapters
