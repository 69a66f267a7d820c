#include "adapters/posix/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>

#include "adapters/posix/fd.h"
#include "adapters/posix/process_group.h"
#include "adapters/posix/timer.h"
#include "base/text.h"

extern char** environ;

namespace dray::adapters {
namespace {

constexpr std::size_t kMostOut = 64 * 1024;
constexpr std::size_t kErrTail = 10 * 1024;
constexpr int kPiecesAtOnce = 64;  // of 4 KiB: somebody who prints without end holds up nobody
constexpr Duration kLook{20};      // between two looks at what ends soon
constexpr Duration kLongestLook{200};  // each next one later: a look at a group reads all processes

std::vector<std::string> environment_of(const Command& command) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text{*entry};
    if (!command.environment.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [key, value] : command.environment) out.push_back(key + "=" + value);
  return out;
}

// Collects what comes out of a pipe, while the command runs and what is left when it has ended.
class Collector : public std::enable_shared_from_this<Collector> {
 public:
  Collector(asio::io_context& io, Fd end, bool tail) : pipe_{io, end.release()}, tail_{tail} {
    pipe_.non_blocking(true);
  }

  // Waits, then reads: bytes are never in a handler that has not run yet when finish() comes.
  void start() {
    pipe_.async_wait(asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this()](boost::system::error_code error) {
                       if (!error && !self->done_ && self->drain()) self->start();
                     });
  }
  // Everybody who could print has closed it.
  bool has_ended() {
    if (!ended_) drain();
    return ended_;
  }
  std::string finish() {
    drain();
    done_ = true;
    boost::system::error_code ignored;
    pipe_.close(ignored);
    return std::move(text_);
  }

 private:
  // What is there now. False: the end, or broken.
  bool drain() {
    for (int i = 0; i < kPiecesAtOnce; ++i) {
      boost::system::error_code error;
      const std::size_t n = pipe_.read_some(asio::buffer(buffer_), error);
      if (error) {
        ended_ = error != asio::error::would_block;
        return !ended_;
      }
      take(n);
    }
    return true;
  }
  void take(std::size_t n) {
    text_.append(buffer_.data(), n);
    if (tail_ && text_.size() > kErrTail) text_.erase(0, text_.size() - kErrTail);
    if (!tail_ && text_.size() > kMostOut) text_.resize(kMostOut);
  }
  asio::posix::basic_stream_descriptor<Executor> pipe_;
  bool tail_;
  bool done_ = false, ended_ = false;
  std::array<char, 4096> buffer_{};
  std::string text_;
};

// What a program printed, as text; `cut`: its front is missing, and the rest of a character with it.
std::string as_lines(std::string_view printed, bool cut) {
  for (int i = 0; cut && i < 3 && !printed.empty() && (static_cast<unsigned char>(printed[0]) & 0xC0) == 0x80; ++i)
    printed.remove_prefix(1);
  return clean_fields(printed, 3 * kMostOut);  // a byte that is no character becomes three
}

struct PipePair {
  Fd read, write;
};
Result<PipePair> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  return PipePair{Fd{ends[0]}, Fd{ends[1]}};
}

}  // namespace

Child::Child(asio::io_context& io, pid_t pid, int pidfd) : pid_{pid}, pidfd_{io, pidfd} {}
Child::Child(Child&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)},
      group_ended_{other.group_ended_},
      status_{other.status_},
      pidfd_{std::move(other.pidfd_)} {}

Child::~Child() {
  if (pid_ <= 0 || group_ended_) return;
  if (status_ && !group_runs(pid_)) return;
  signal_group(SIGKILL);
  if (!status_) ::waitpid(pid_, nullptr, 0);
}

Result<Child> Child::start(asio::io_context& io, const Command& command, int out, int err) {
  if (command.argv.empty()) return Error{ErrorCode::kInvalid, "no command"};
  const Launch what{command.argv, environment_of(command), out, err, command.as};
  DRAY_TRY(const pid_t pid, launch(what));
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    const int number = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return errno_error(number, "pidfd_open");
  }
  return Child{io, pid, pidfd};
}

int Child::reap() {
  if (!status_) {
    int raw = 0;
    while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
    }
    has_ended(raw);
  }
  return *status_;
}

void Child::has_ended(int raw) {
  status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  group_ended_ = ::kill(-pid_, 0) != 0 && errno == ESRCH;  // from now on its number may be another's
}

Task<Result<int>> Child::wait(Stop& stop) {
  if (status_) co_return *status_;
  Stop::Hook hook{stop, [this] {
                    boost::system::error_code ignored;
                    pidfd_.cancel(ignored);
                  }};
  if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped"};
  boost::system::error_code error;
  co_await pidfd_.async_wait(asio::posix::descriptor_base::wait_read, asio::redirect_error(kAwait, error));
  if (error) co_return Error{ErrorCode::kStopped, "stopped"};
  co_return reap();
}

Task<> Child::end_rest(Clock& clock, Duration grace) {
  if (!group_ended_ && group_runs(pid_)) {
    signal_group(SIGTERM);
    const SteadyTime until = clock.steady() + grace;
    co_await await_rest(clock, until);
  }
  group_ended_ = true;
}

Task<> Child::await_rest(Clock& clock, SteadyTime until) {
  Stop never;
  for (Duration look = kLook; clock.steady() < until; look = std::min(look * 2, kLongestLook)) {
    if (group_ended_ || !group_runs(pid_)) co_return;
    [[maybe_unused]] auto slept = co_await clock.sleep_until(clock.steady() + look, never);
  }
  signal_group(SIGKILL);
}

Task<int> Child::end(Clock& clock, Duration grace) {
  signal_group(SIGTERM);
  const SteadyTime until = clock.steady() + grace;
  Stop never;
  // Polled: a grace period is short, and a timer beside wait() would be two ends to join.
  while (!status_ && clock.steady() < until) {
    int raw = 0;
    if (::waitpid(pid_, &raw, WNOHANG) == pid_) {
      has_ended(raw);
      break;
    }
    [[maybe_unused]] auto slept = co_await clock.sleep_until(clock.steady() + kLook, never);
  }
  if (status_)
    co_await await_rest(clock, until);  // what it left behind has what is left of the time
  else
    signal_group(SIGKILL);
  const int status = reap();
  group_ended_ = true;
  co_return status;
}

void Child::signal_group(int number) const {
  if (pid_ > 0 && !group_ended_) ::kill(-pid_, number);
}

Task<Result<CommandResult>> run_command(asio::io_context& io, Clock& clock, Command command,
                                        CommandLimits limits, Stop& stop) {
  auto out = make_pipe();
  if (!out) co_return out.error();
  auto err = make_pipe();
  if (!err) co_return err.error();
  auto child = Child::start(io, command, out->write.get(), err->write.get());
  out->write = Fd{};
  err->write = Fd{};
  if (!child) co_return child.error();
  const auto words = std::make_shared<Collector>(io, std::move(out->read), false);
  const auto complaints = std::make_shared<Collector>(io, std::move(err->read), true);
  words->start();
  complaints->start();

  // Shared: an expiry that is queued already may run after this coroutine has gone on.
  const auto either = std::make_shared<Stop>();
  const auto expired = std::make_shared<bool>(false);
  Stop::Hook hook{stop, [either] { either->request(); }};
  Timer timer{io.get_executor(), limits.time};
  timer.async_wait([either, expired](boost::system::error_code error) {
    if (error) return;
    *expired = true;
    either->request();
  });
  auto status = co_await child->wait(*either);
  timer.cancel();
  CommandResult result;
  result.timed_out = !status && *expired;
  if (status) {
    result.status = *status;
    const SteadyTime until = clock.steady() + limits.last_words;
    while (!(words->has_ended() && complaints->has_ended()) && !stop.requested() && clock.steady() < until) {
      [[maybe_unused]] auto slept = co_await clock.sleep_until(clock.steady() + kLook, stop);
    }
    co_await child->end_rest(clock, limits.grace);
  } else {
    result.status = co_await child->end(clock, limits.grace);
  }
  result.out = as_lines(words->finish(), false);
  const std::string complaint = complaints->finish();
  result.err = as_lines(complaint, complaint.size() == kErrTail);
  if (!status && !result.timed_out) co_return Error{ErrorCode::kStopped, "stopped"};
  co_return result;
}

}  // namespace dray::adapters
