// What a child gets of its parent: nothing that is open, and what the program was started with.
#include "adapters/posix/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "adapters/posix/fd.h"
#include "adapters/posix/system_clock.h"

namespace dray::adapters {
namespace {

class ChildTest : public ::testing::Test {
 protected:
  Result<CommandResult> run(const std::string& script, std::optional<StartedWith> as) {
    return run({"/bin/sh", "-c", script}, as);
  }
  Result<CommandResult> run(std::vector<std::string> argv, std::optional<StartedWith> as,
                            CommandLimits limits = {Duration{20'000}, Duration{100}}) {
    Command command{std::move(argv), {}, as};
    std::optional<Result<CommandResult>> out;
    asio::co_spawn(io, call(std::move(command), limits, out), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    io.restart();
    io.run();
    return std::move(*out);
  }
  Task<> call(Command command, CommandLimits limits, std::optional<Result<CommandResult>>& out) {
    auto result = co_await run_command(io, clock, std::move(command), limits, stop);
    out.emplace(std::move(result));
  }

  asio::io_context io;
  SystemClock clock{io};
  Stop stop;
};

TEST_F(ChildTest, InheritsNothingThatIsOpenHere) {
  // As Asio and others open them: without the mark.
  const Fd plain{::socket(AF_INET, SOCK_STREAM, 0)}, far{::fcntl(plain.get(), F_DUPFD, 700)};
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  const Fd a{pair[0]}, b{pair[1]};
  ASSERT_GE(far.get(), 700);
  const auto result = run("cd /proc/self/fd && echo *", {});  // the shell's own
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out.substr(0, 5), "0 1 2");
  EXPECT_EQ(result->out.find("socket"), std::string::npos);
  const auto links = run("for f in /proc/$$/fd/*; do readlink $f; done", {});
  ASSERT_TRUE(links);
  EXPECT_EQ(links->out.find("socket:"), std::string::npos) << links->out;
  EXPECT_EQ(links->out.find("anon_inode"), std::string::npos) << links->out;
}

TEST_F(ChildTest, GetsWhatTheProgramWasStartedWith) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 300;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const mode_t mask = ::umask(027);
  sigset_t blocked, old;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR2);
  ::pthread_sigmask(SIG_SETMASK, &blocked, &old);
  const StartedWith as = StartedWith::now();

  EXPECT_GT(raise_file_limit(), 300u);
  ::umask(0);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
  const auto result = run("umask; ulimit -n", as);
  const auto status = run({"/bin/grep", "SigBlk", "/proc/self/status"}, as);  // a shell clears its mask
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  ::umask(mask);
  ::setrlimit(RLIMIT_NOFILE, &before);

  ASSERT_TRUE(result && status);
  EXPECT_EQ(result->out, "0027\n300\n");
  EXPECT_EQ(status->out, "SigBlk:\t0000000000000800\n");  // bit 11: SIGUSR2 is 12
}

// Whether a process still does anything; one that has ended and that nobody has asked for is over.
bool runs(const std::string& pid) {
  std::ifstream file{"/proc/" + pid + "/stat"};
  std::string line;
  std::getline(file, line);
  const std::size_t name_ends = line.rfind(')');
  return name_ends != std::string::npos && name_ends + 2 < line.size() && line[name_ends + 2] != 'Z' && line[name_ends + 2] != 'X';
}
// A process that got SIGKILL needs a moment.
bool ends(const std::string& pid) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (runs(pid))
    if (std::chrono::steady_clock::now() > until) return false;
  return true;
}
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

TEST_F(ChildTest, ThatLeavesSomethingBehindIsOverAllTheSameAndTakesItWithIt) {
  // It holds both pipes, for longer than any limit here.
  const auto result = run("sleep 600 & echo $!; echo printing; exit 10", {});
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->timed_out);
  EXPECT_EQ(result->status, 10);
  EXPECT_NE(result->out.find("printing"), std::string::npos);
  EXPECT_TRUE(ends(first_line(result->out)));
}

TEST_F(ChildTest, WhatItLeavesBehindEndsAlsoWhereItHoldsNoPipeOrHearsNoSignal) {
  const auto quiet = run("sleep 600 >/dev/null 2>&1 & echo $!", {});
  ASSERT_TRUE(quiet);
  EXPECT_EQ(quiet->status, 0);
  EXPECT_TRUE(ends(first_line(quiet->out)));
  const auto deaf = run("(trap '' TERM; echo ready; sleep 600 & wait; sleep 600) & echo $! >&2; read word < /dev/null; exit 3", {});
  ASSERT_TRUE(deaf);
  EXPECT_EQ(deaf->status, 3);
  EXPECT_TRUE(ends(first_line(deaf->err)));
}

TEST_F(ChildTest, ManyThatLeaveSomethingBehindHoldNoDescriptor) {
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, std::filesystem::directory_iterator{});
  };
  ASSERT_TRUE(run("exit 0", {}));
  const auto before = count();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(run("sleep 600 & exit 0", {}));
  EXPECT_EQ(count(), before);
}

// Where its orphans get a parent that never asks for them they stay as zombies in its group, which no signal ends.
TEST_F(ChildTest, WhatHasEndedIsNotWaitedForWhereNobodyBuriesIt) {
  const pid_t parent = ::fork();
  if (parent == 0) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t runner = ::fork();
    if (runner == 0) {
      asio::io_context own;
      SystemClock time{own};
      const SteadyTime began = time.steady();
      Command command{{"/bin/sh", "-c", "sleep 600 & exit 0"}, {}, {}};
      Stop never;
      asio::co_spawn(own, run_command(own, time, std::move(command), {Duration{120'000}, Duration{60'000}}, never),
                     [&](std::exception_ptr, Result<CommandResult> result) {
                       ::_exit(result && time.steady() - began < Duration{30'000} ? 0 : 1);
                     });
      own.run();
      ::_exit(2);
    }
    int raw = 0;
    ::waitpid(runner, &raw, 0);
    ::_exit(WIFEXITED(raw) ? WEXITSTATUS(raw) : 3);
  }
  int raw = 0;
  ASSERT_EQ(::waitpid(parent, &raw, 0), parent);
  ASSERT_TRUE(WIFEXITED(raw));
  EXPECT_EQ(WEXITSTATUS(raw), 0);
}

TEST_F(ChildTest, WhatItStartedHasTheSameTimeForItsEndWhereItEndsFirst) {
  // The shell ends of the signal at once; its helper first says good-bye.
  const auto result = run({"/bin/sh", "-c", "(trap 'echo good-bye; exit 0' TERM; echo ready >&2; sleep 600 & wait) & exec sleep 600"}, {},
                          CommandLimits{Duration{2'000}, Duration{20'000}});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->timed_out);
  EXPECT_EQ(result->out, "good-bye\n");
}

TEST_F(ChildTest, TheLastWordsOfItsHelpersAreRead) {
  const auto result = run({"/bin/sh", "-c", "(read word < /dev/null; exec 3>&1; echo from the helper) & exit 0"}, {},
                          CommandLimits{Duration{20'000}, Duration{100}, Duration{20'000}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "from the helper\n");
}

TEST_F(ChildTest, ThatPrintsWithoutEndIsEndedAtItsTime) {
  const auto result = run({"/bin/sh", "-c", "yes & yes >&2 & exec sleep 600"}, {}, CommandLimits{Duration{2'000}, Duration{5'000}});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->timed_out);
  EXPECT_EQ(result->out.size(), 64u * 1024);
}

TEST_F(ChildTest, ThatCanNotBeStartedSaysWhy) {
  const Launch none{{"/no/such/program"}, {}, -1, -1, {}};
  EXPECT_EQ(launch(none).error().code(), ErrorCode::kNotFound);
  const Launch folder{{"/tmp"}, {}, -1, -1, {}};
  EXPECT_EQ(launch(folder).error().code(), ErrorCode::kDenied);
}

}  // namespace
}  // namespace dray::adapters
