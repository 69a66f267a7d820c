#include "adapters/posix/posix_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <system_error>

#include "adapters/posix/fd.h"

namespace dray::adapters {

namespace {

class PosixFile : public File {
 public:
  PosixFile(Fd fd, Path path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      auto got = ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(at + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno_error(errno, path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<> write(std::uint64_t at, ByteView bytes) override {
    while (!bytes.empty()) {
      auto put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return errno_error(errno, path_);
      at += static_cast<std::uint64_t>(put);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }

  Result<> sync() override {
    // fdatasync writes the size too where it changed; only times are left out.
    if (::fdatasync(fd_.get()) != 0) return errno_error(errno, path_);
    return {};
  }

  std::uint64_t size() const override {
    struct stat status{};
    return ::fstat(fd_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  }

  int fd() const override { return fd_.get(); }

 private:
  Fd fd_;
  Path path_;
};

Error bad_path(const Path& path) {
  return Error{ErrorCode::kInvalid, "path \"" + path + "\" is not below the root"};
}

// Components of a path below the root, without empty ones and "."; nothing where it is absolute, holds ".."
// or a NUL.
std::optional<std::vector<std::string>> split(const Path& path) {
  if (path.starts_with('/') || path.find('\0') != Path::npos) return std::nullopt;
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    auto end = std::min(path.find('/', at), path.size());
    auto part = path.substr(at, end - at);
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    at = end + 1;
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : "/") + parts[i];
  return out.empty() ? "." : out;
}

int open_beneath(int root, const std::string& path, int flags, mode_t permissions = 0) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = permissions;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  while (true) {
    auto fd = static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
    // EAGAIN: something was renamed meanwhile and the kernel could not be sure.
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) return fd;
  }
}

// The folder of a name, opened, and the name in it.
struct Place {
  Fd folder;
  std::string name;
};

Result<Place> place_of(int root, const Path& path) {
  auto parts = split(path);
  if (!parts || parts->empty()) return bad_path(path);
  Fd folder{open_beneath(root, join(*parts, parts->size() - 1), O_PATH | O_DIRECTORY)};
  if (!folder) return errno_error(errno, path);
  return Place{std::move(folder), parts->back()};
}

Result<Fd> open_dir(int root, const Path& path) {
  auto parts = split(path);
  if (!parts) return bad_path(path);
  Fd folder{open_beneath(root, join(*parts, parts->size()), O_RDONLY | O_DIRECTORY)};
  if (!folder) return errno_error(errno, path);
  return folder;
}

// Does `to`, seen from the folder of `at`, stay below the root?
bool stays_below(const Path& to, const Path& at) {
  if (to.empty() || to.starts_with('/') || to.find('\0') != Path::npos) return false;
  auto whole = (std::filesystem::path{at}.parent_path() / to).lexically_normal();
  return whole.empty() || *whole.begin() != "..";
}

mode_t for_folder(mode_t file) {
  return file | ((file & 0444) >> 2);  // x where r
}

}  // namespace

PosixDisk::PosixDisk(std::filesystem::path root, mode_t permissions)
    : root_path_{std::move(root)}, permissions_{permissions} {
  std::filesystem::create_directories(root_path_);
  root_ = ::open(root_path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root_ < 0) throw std::system_error{errno, std::generic_category(), root_path_.string()};
}

PosixDisk::~PosixDisk() { ::close(root_); }

Result<std::shared_ptr<File>> PosixDisk::open(Path path, Mode mode) {
  auto parts = split(path);
  if (!parts || parts->empty()) return bad_path(path);
  // O_NONBLOCK: a FIFO somebody left there must not hang the worker.
  int flags = O_NONBLOCK | O_NOCTTY | (mode == Mode::kRead ? O_RDONLY : O_RDWR | O_CREAT);
  if (mode == Mode::kTruncate) flags |= O_TRUNC;
  Fd fd{open_beneath(root_, join(*parts, parts->size()), flags, mode == Mode::kRead ? 0 : permissions_)};
  if (!fd) return errno_error(errno, path);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return errno_error(errno, path);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::kInvalid, path + ": not a file"};
  return std::make_shared<PosixFile>(std::move(fd), std::move(path));
}

Result<> PosixDisk::rename(Path from, Path to) {
  DRAY_TRY(auto source, place_of(root_, from));
  DRAY_TRY(auto target, place_of(root_, to));
  if (::renameat(source.folder.get(), source.name.c_str(), target.folder.get(), target.name.c_str()) != 0)
    return errno_error(errno, from + " to " + to);
  return {};
}

Result<> PosixDisk::unlink(Path path) {
  DRAY_TRY(auto place, place_of(root_, path));
  if (::unlinkat(place.folder.get(), place.name.c_str(), 0) == 0) return {};
  if (errno == EISDIR && ::unlinkat(place.folder.get(), place.name.c_str(), AT_REMOVEDIR) == 0) return {};
  return errno_error(errno, path);
}

Result<> PosixDisk::make_dir(Path path) {
  auto parts = split(path);
  if (!parts) return bad_path(path);
  for (std::size_t count = 1; count <= parts->size(); ++count) {
    DRAY_TRY(auto place, place_of(root_, join(*parts, count)));
    if (::mkdirat(place.folder.get(), place.name.c_str(), for_folder(permissions_)) != 0 && errno != EEXIST)
      return errno_error(errno, path);
  }
  // EEXIST may have been a file or a link that leads out.
  DRAY_TRY([[maybe_unused]] auto folder, open_dir(root_, path));
  return {};
}

Result<> PosixDisk::symlink(Path to, Path at) {
  DRAY_TRY(auto place, place_of(root_, at));
  if (!stays_below(to, at)) return bad_path(to);
  if (::symlinkat(to.c_str(), place.folder.get(), place.name.c_str()) != 0) return errno_error(errno, at);
  return {};
}

Result<Path> PosixDisk::read_link(Path path) {
  DRAY_TRY(auto place, place_of(root_, path));
  Path out(4096, '\0');  // PATH_MAX: no link is longer
  auto size = ::readlinkat(place.folder.get(), place.name.c_str(), out.data(), out.size());
  if (size < 0) return errno_error(errno, path);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Result<> PosixDisk::sync_dir(Path path) {
  DRAY_TRY(auto folder, open_dir(root_, path));
  if (::fsync(folder.get()) != 0) return errno_error(errno, path);
  return {};
}

Result<std::vector<std::string>> PosixDisk::list(Path path) {
  DRAY_TRY(auto folder, open_dir(root_, path));
  std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })> dir{::fdopendir(folder.get())};
  if (!dir) return errno_error(errno, path);
  folder.release();  // closedir closes it
  std::vector<std::string> names;
  for (errno = 0; auto* entry = ::readdir(dir.get()); errno = 0) {
    std::string name{entry->d_name};
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  if (errno != 0) return errno_error(errno, path);
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t PosixDisk::free_bytes() const {
  struct statvfs status{};
  if (::fstatvfs(root_, &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace dray::adapters
