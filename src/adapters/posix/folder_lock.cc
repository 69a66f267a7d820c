#include "adapters/posix/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace dray::adapters {

Result<FolderLock> FolderLock::take(const std::filesystem::path& folder, const std::string& file) {
  const std::string path = (folder / file).string();
  Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) return errno_error(errno, path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error(errno, path);
    std::string holder(20, '\0');
    const auto got = ::pread(fd.get(), holder.data(), holder.size(), 0);
    holder.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    holder.erase(std::min(holder.find('\n'), holder.size()));
    return Error{ErrorCode::kConflict, folder.string() + " is in use by another process" +
                                           (holder.empty() ? "" : " (" + holder + ")") +
                                           ": a data folder belongs to one at a time"};
  }
  const std::string mine = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), mine.data(), mine.size(), 0) < 0)
    return errno_error(errno, path);
  return FolderLock{std::move(fd)};
}

}  // namespace dray::adapters
