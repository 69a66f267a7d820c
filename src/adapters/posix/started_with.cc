#include "adapters/posix/started_with.h"

#include <sys/stat.h>

#include <algorithm>

namespace dray::adapters {
namespace {

constexpr rlim_t kEnough = 1 << 20;  // of a hard limit without end

rlimit limit_of_files() {
  rlimit out{};
  ::getrlimit(RLIMIT_NOFILE, &out);
  return out;
}

}  // namespace

StartedWith StartedWith::now() {
  StartedWith out;
  out.umask = ::umask(077);  // it can only be read by setting it
  ::umask(out.umask);
  out.files = limit_of_files().rlim_cur;
  ::sigprocmask(SIG_SETMASK, nullptr, &out.blocked);
  return out;
}

std::uint64_t raise_file_limit() {
  rlimit limit = limit_of_files();
  const rlim_t wanted = std::max(limit.rlim_cur, std::min(limit.rlim_max, kEnough));
  if (wanted != limit.rlim_cur) {
    limit.rlim_cur = wanted;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit_of_files().rlim_cur;
}

}  // namespace dray::adapters
