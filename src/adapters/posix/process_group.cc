#include "adapters/posix/process_group.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/posix/fd.h"

namespace dray::adapters {
namespace {

struct Member {
  char state = 0;
  pid_t group = 0;
};

// "7 (a name) S 1 7 ...": state, parent, group. The name may hold anything.
std::optional<Member> parse_member(std::string_view stat) {
  const std::size_t name_ends = stat.rfind(')');
  if (name_ends == stat.npos || stat.size() < name_ends + 5) return {};
  Member out{stat[name_ends + 2], 0};
  stat.remove_prefix(name_ends + 4);
  const std::size_t group_at = stat.find(' ');
  if (group_at == stat.npos) return {};
  const std::string_view digits = stat.substr(group_at + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.group);
  if (error != std::errc{}) return {};
  return out;
}

std::optional<Member> member(const std::filesystem::path& process) {
  const Fd file{::open((process / "stat").c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.get() < 0) return {};
  std::array<char, 512> text{};
  const ssize_t n = ::read(file.get(), text.data(), text.size());
  return n > 0 ? parse_member({text.data(), static_cast<std::size_t>(n)}) : std::nullopt;
}

// All that can be seen of it have ended, and some can.
bool only_zombies(pid_t group) {
  bool some = false;
  std::error_code error;
  for (std::filesystem::directory_iterator it{"/proc", error}, end; !error && it != end; it.increment(error)) {
    const char first = it->path().filename().native()[0];
    if (first < '0' || first > '9') continue;
    const auto one = member(it->path());
    if (!one || one->group != group) continue;
    if (one->state != 'Z' && one->state != 'X') return false;
    some = true;
  }
  return some && !error;
}

}  // namespace

bool group_runs(pid_t group) {
  while (::waitpid(-group, nullptr, WNOHANG) > 0) {
  }
  if (::kill(-group, 0) != 0 && errno == ESRCH) return false;
  return !only_zombies(group);
}

}  // namespace dray::adapters
