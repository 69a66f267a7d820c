// What a child gets of its parent: nothing that is open, and what the program was started with.
#include "adapters/posix/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>

#include "adapters/posix/fd.h"
#include "adapters/posix/system_clock.h"

namespace dray::adapters {
namespace {

class ChildTest : public ::testing::Test {
 protected:
  Result<CommandResult> run(const std::string& script, std::optional<StartedWith> as) {
    return run({"/bin/sh", "-c", script}, as);
  }
  Result<CommandResult> run(std::vector<std::string> argv, std::optional<StartedWith> as) {
    Command command{std::move(argv), {}, as};
    std::optional<Result<CommandResult>> out;
    asio::co_spawn(io, call(std::move(command), out), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    io.restart();
    io.run();
    return std::move(*out);
  }
  Task<> call(Command command, std::optional<Result<CommandResult>>& out) {
    const CommandLimits limits{Duration{20'000}, Duration{100}};
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
  EXPECT_EQ(status->out, "SigBlk: 0000000000000800\n");  // bit 11: SIGUSR2 is 12
}

TEST_F(ChildTest, ThatCanNotBeStartedSaysWhy) {
  const Launch none{{"/no/such/program"}, {}, -1, -1, {}};
  EXPECT_EQ(launch(none).error().code(), ErrorCode::kNotFound);
  const Launch folder{{"/tmp"}, {}, -1, -1, {}};
  EXPECT_EQ(launch(folder).error().code(), ErrorCode::kDenied);
}

}  // namespace
}  // namespace dray::adapters
