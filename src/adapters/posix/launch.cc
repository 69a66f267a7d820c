#include "adapters/posix/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "adapters/posix/fd.h"

namespace dray::adapters {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// What the child needs, made before the fork: it must not ask for memory.
struct Image {
  char** argv;
  char** environment;
  int out, err, report;
  const StartedWith* as;
  const sigset_t* blocked;
};

void close_others_on_exec() {
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  constexpr int kMost = 65'536;  // a kernel before 5.11
  for (int fd = 3; fd < kMost; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// Between fork and exec. Only calls that are safe there.
[[noreturn]] void become(const Image& image) {
  ::setpgid(0, 0);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing > 0) ::dup2(nothing, 0);
  if (image.out >= 0) ::dup2(image.out, 1);
  if (image.err >= 0) ::dup2(image.err, 2);
  close_others_on_exec();
  if (image.as != nullptr) {
    ::umask(image.as->umask);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = std::min(image.as->files, files.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  ::sigprocmask(SIG_SETMASK, image.blocked, nullptr);
  ::execvpe(image.argv[0], image.argv, image.environment);
  const int number = errno;
  [[maybe_unused]] const auto told = ::write(image.report, &number, sizeof number);
  ::_exit(127);
}

// 0: it runs. Else the errno of what failed.
int read_report(int fd) {
  int number = 0;
  ssize_t n = 0;
  do n = ::read(fd, &number, sizeof number);
  while (n < 0 && errno == EINTR);
  return n == sizeof number ? number : 0;
}

}  // namespace

Result<pid_t> launch(const Launch& what) {
  std::vector<std::string> arguments = what.argv, environment = what.environment;
  const auto argv = pointers(arguments), variables = pointers(environment);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  const Fd report{ends[0]};
  Fd told{ends[1]};
  // A signal that comes between fork and exec must not run a handler of ours.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const Image image{
      const_cast<char**>(argv.data()), const_cast<char**>(variables.data()), what.out, what.err, told.get(),
      what.as ? &*what.as : nullptr,   what.as ? &what.as->blocked : &before};
  const pid_t pid = ::fork();
  if (pid == 0) become(image);
  const int failed = pid < 0 ? errno : 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return errno_error(failed, "fork");
  ::setpgid(pid, pid);  // whoever of the two is first: it is in its group when we go on
  told = Fd{};
  const int number = read_report(report.get());
  if (number == 0) return pid;
  ::waitpid(pid, nullptr, 0);
  return errno_error(number, what.argv[0]);
}

}  // namespace dray::adapters
