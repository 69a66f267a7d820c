#include "agent/image.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/mutant.h"

namespace dray::agent {
namespace {

constexpr std::size_t kReadAtOnce = 256 * 1024;

Result<Digested> digest_of_file(const File& file, const Stopping& stopping) {
  Hasher hasher;
  std::vector<std::byte> buffer(kReadAtOnce);
  std::uint64_t at = 0;
  for (;;) {
    if (stopping) return Error{ErrorCode::kStopped, "stopped"};
    DRAY_TRY(const std::size_t n, file.read(at, buffer));
    hasher.update(ByteView{buffer}.first(n));
    at += n;
    if (n < buffer.size()) break;
  }
  return Digested{hasher.finish_sha256(), at};
}

Result<> copy(const File& from, File& to, const Stopping& stopping) {
  std::vector<std::byte> buffer(kReadAtOnce);
  for (std::uint64_t at = 0;;) {
    if (stopping) return Error{ErrorCode::kStopped, "stopped"};
    DRAY_TRY(const std::size_t n, from.read(at, buffer));
    if (n > 0) DRAY_CHECK(to.write(at, ByteView{buffer}.first(n)));
    at += n;
    if (n < buffer.size()) return {};
  }
}

}  // namespace

Path parent_of(const Path& path) {
  const auto slash = path.rfind('/');
  return slash == Path::npos ? Path{} : path.substr(0, slash);
}

Result<> make_dir_durable(Disk& disk, const Path& path) {
  DRAY_CHECK(disk.make_dir(path));
  for (Path at = path; !at.empty();) {
    at = parent_of(at);
    DRAY_CHECK(disk.sync_dir(at));
  }
  return disk.sync_dir(path);
}

Result<> unlink_if_there(Disk& disk, const Path& path) {
  auto done = disk.unlink(path);
  if (!done && done.error().code() == ErrorCode::kNotFound) return {};
  return done;
}

Result<Digested> digest_of(Disk& disk, const Path& path, const Stopping& stopping) {
  DRAY_TRY(const auto file, disk.open(path, Mode::kRead));
  return digest_of_file(*file, stopping);
}

Result<> copy_verified(const CopyJob& job, const Stopping& stopping) {
  {
    DRAY_TRY(const auto source, job.from_disk.open(job.from, Mode::kRead));
    DRAY_TRY(const auto target, job.to_disk.open(job.to, Mode::kTruncate));
    DRAY_CHECK(copy(*source, *target, stopping));
    if (!DRAY_MUTANT("skip_sync_image")) DRAY_CHECK(target->sync());
  }
  DRAY_CHECK(job.to_disk.sync_dir(parent_of(job.to)));
  DRAY_TRY(const auto written, job.to_disk.open(job.to, Mode::kRead));
  // Clean pages are dropped, so that the medium is read and not what we just wrote.
  if (written->fd() >= 0) ::posix_fadvise(written->fd(), 0, 0, POSIX_FADV_DONTNEED);
  DRAY_TRY(const auto found, digest_of_file(*written, stopping));
  if (found.sha256 != job.sha256 && !DRAY_MUTANT("skip_hash"))
    return Error{ErrorCode::kCorrupt, job.to + " holds " + found.sha256.short_hex() + " after writing, not " +
                                          job.sha256.short_hex()};
  return {};
}

std::string version_in(const File& file) {
  std::array<std::byte, 0x210> head{};
  const auto n = file.read(0, head);
  if (!n || *n < head.size() || as_text(ByteView{head}.subspan(0x202, 4)) != "HdrS") return "";
  const auto pointer = static_cast<unsigned>(head[0x20e]) | static_cast<unsigned>(head[0x20f]) << 8;
  if (pointer == 0) return "";
  std::array<std::byte, 256> text{};
  const auto m = file.read(pointer + 0x200U, text);
  if (!m) return "";
  const std::string_view words = as_text(ByteView{text}.first(*m));
  const std::string_view word = words.substr(0, words.find_first_of(std::string_view{" \t\n\0", 4}));
  const bool printable = std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return printable ? std::string{word} : "";
}

}  // namespace dray::agent
