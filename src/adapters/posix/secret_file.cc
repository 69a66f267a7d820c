#include "adapters/posix/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/bytes.h"

namespace dray::adapters {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestSecret = 4096;
constexpr std::string_view kMark = "\xEF\xBB\xBF", kBlanks = " \t\r\v\f";

// Of an open file, up to `most` bytes.
Result<std::string> read_up_to(int fd, std::size_t most, const std::string& name) {
  std::string out(most, '\0');
  std::size_t have = 0;
  while (have < most) {
    const ssize_t n = ::read(fd, out.data() + have, most - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error(errno, name);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

Result<> write_all(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error(errno, name);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return errno_error(errno, name);
  return {};
}

}  // namespace

Result<std::string> read_secret(const fs::path& file) {
  const std::string name = file.string();
  const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) return errno_error(errno, name);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return errno_error(errno, name);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::kInvalid, name + " is no file"};
  if ((status.st_mode & 077) != 0)
    return Error{ErrorCode::kDenied, name + " can be read by others; its mode must be 0600 (chmod 600)"};
  // With what may stand around it.
  DRAY_TRY(const std::string text, read_up_to(fd.get(), kLongestSecret + 64, name));
  std::string_view line{text};
  if (line.starts_with(kMark)) line.remove_prefix(kMark.size());
  line = line.substr(0, line.find('\n'));
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
  if (line.empty()) return Error{ErrorCode::kInvalid, name + " is empty"};
  if (line.size() > kLongestSecret)
    return Error{ErrorCode::kInvalid, name + ": its first line is longer than " + std::to_string(kLongestSecret) + " bytes"};
  if (std::any_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }))
    return Error{ErrorCode::kInvalid, name + ": its first line must hold a token and nothing else, without blanks inside"};
  return std::string{line};
}

Result<NewSecret> NewSecret::make(fs::path file) {
  Fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!fd && errno == EEXIST)
    return Error{ErrorCode::kConflict, file.string() + " is there already, and is not overwritten; name another file or move it away"};
  if (!fd) return errno_error(errno, file.string());
  if (::fchmod(fd.get(), 0600) != 0) return errno_error(errno, file.string());  // whatever the umask
  return NewSecret{std::move(file), std::move(fd)};
}

NewSecret::NewSecret(NewSecret&& other) noexcept
    : file_{std::move(other.file_)}, fd_{std::move(other.fd_)}, written_{other.written_} {}

NewSecret& NewSecret::operator=(NewSecret&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(fd_, other.fd_);
  std::swap(written_, other.written_);
  return *this;
}

NewSecret::~NewSecret() {
  if (fd_ && !written_) ::unlink(file_.c_str());
}

Result<> NewSecret::write(std::string_view secret) {
  DRAY_CHECK(write_all(fd_.get(), std::string{secret} + "\n", file_.string()));
  written_ = true;
  return {};
}

Result<> replace_public_file(const fs::path& file, std::string_view text) {
  std::string temporary = file.string() + ".XXXXXX";
  const Fd fd{::mkostemp(temporary.data(), O_CLOEXEC)};
  if (!fd) return errno_error(errno, file.string());
  Result<> done = write_all(fd.get(), text, file.string());
  if (done && (::fchmod(fd.get(), 0644) != 0 || ::rename(temporary.c_str(), file.c_str()) != 0))
    done = errno_error(errno, file.string());
  if (!done) ::unlink(temporary.c_str());
  return done;
}

}  // namespace dray::adapters
