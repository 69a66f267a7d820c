#include "support/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace dray::testing_support {

Process::Process(std::vector<std::string> argv, Options options) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  std::vector<char*> args;
  for (std::string& arg : argv) args.push_back(arg.data());
  args.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies leaves nothing behind
    if (::getppid() != parent) ::_exit(127);
    ::dup2(pipe_fds[1], 1);
    ::dup2(pipe_fds[1], 2);
    if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(127);
    for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::execvp(args[0], args.data());
    ::_exit(127);
  }
  ::setpgid(pid_, pid_);
  ::close(pipe_fds[1]);
  reader_ = std::thread(
      [this, fd = pipe_fds[0], on_line = std::move(options.on_line)] { read_lines(fd, on_line); });
}

Process::~Process() {
  {
    const std::lock_guard lock{mutex_};
    if (!status_) kill_tree(pid_);
  }
  ::kill(-pid_, SIGKILL);
  if (reader_.joinable()) reader_.join();
}

void Process::read_lines(int fd, const OnLine& on_line) {
  std::string rest;
  char buffer[8192];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    rest.append(buffer, static_cast<std::size_t>(n));
    for (std::size_t end; (end = rest.find('\n')) != rest.npos; rest.erase(0, end + 1)) {
      const std::string line = rest.substr(0, end);
      if (on_line) on_line(*this, line);
      const std::lock_guard lock{mutex_};
      lines_.push_back(line);
      changed_.notify_all();
    }
  }
  ::close(fd);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  const std::lock_guard lock{mutex_};
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  changed_.notify_all();
}

void Process::signal(int number) {
  const std::lock_guard lock{mutex_};
  if (!status_) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::seconds at_most) {
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, at_most, [&] { return status_.has_value(); });
  return status_;
}

bool Process::wait_for(const std::string& text, std::chrono::seconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  std::unique_lock lock{mutex_};
  std::size_t seen = 0;
  for (;;) {
    for (; seen < lines_.size(); ++seen)
      if (lines_[seen].find(text) != std::string::npos) return true;
    if (status_) return false;
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout && seen == lines_.size()) return false;
  }
}

std::vector<std::string> Process::lines() const {
  const std::lock_guard lock{mutex_};
  return lines_;
}

std::string Process::output() const {
  std::string out;
  for (const std::string& line : lines()) out += line + "\n";
  return out;
}

namespace {

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> out;
  std::error_code gone;
  for (const auto& thread :
       std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task", gone}) {
    std::ifstream in{thread.path() / "children"};
    for (pid_t child = 0; in >> child;) out.push_back(child);
  }
  return out;
}

}  // namespace

void kill_tree(pid_t pid) {
  ::kill(pid, SIGSTOP);  // from here on it starts nothing and sees nothing
  for (const pid_t child : children_of(pid)) kill_tree(child);
  ::kill(pid, SIGKILL);
}

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "dray-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream{path, std::ios::binary} << text;
}

std::string read_file(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream{path, std::ios::binary}.rdbuf();
  return out.str();
}

}  // namespace dray::testing_support
