// Bytes of files: writes, syncs, and what a power cut makes of them.
#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "sim/disk.h"

namespace dray::sim {
namespace {

constexpr std::size_t kSector = SimDisk::kSector;

// [from, to)
void soil(Inode& file, std::size_t from, std::size_t to) {
  if (file.dirty.size() < to) file.dirty.resize(to);
  std::fill(file.dirty.begin() + static_cast<std::ptrdiff_t>(from),
            file.dirty.begin() + static_cast<std::ptrdiff_t>(to), true);
  const bool clean = file.dirty_from == file.dirty_to;
  file.dirty_from = clean ? from : std::min(file.dirty_from, from);
  file.dirty_to = clean ? to : std::max(file.dirty_to, to);
}

void resize_live(Inode& file, std::size_t size) {
  const std::size_t low = std::min(size, file.live.size()), high = std::max(size, file.live.size());
  if (low == high) return;
  soil(file, low / kSector, (high + kSector - 1) / kSector);
  file.live.resize(size);
  file.resized = true;
}

// Makes one sector of `live` durable, as far as the durable size goes.
void keep_sector(Inode& file, std::size_t sector) {
  const std::size_t begin = sector * kSector;
  const std::size_t end = std::min({begin + kSector, file.live.size(), file.durable->size()});
  if (begin < end) std::memcpy(file.durable.own().data() + begin, file.live.data() + begin, end - begin);
}

void keep_all(Inode& file) {
  if (file.durable->size() != file.live.size()) file.durable.own().resize(file.live.size());
  for (std::size_t i = file.dirty_from; i < file.dirty_to; ++i)
    if (file.dirty[i]) keep_sector(file, i);
}

void clean(Inode& file) {
  std::fill(file.dirty.begin() + static_cast<std::ptrdiff_t>(file.dirty_from),
            file.dirty.begin() + static_cast<std::ptrdiff_t>(file.dirty_to), false);
  file.dirty_from = file.dirty_to = 0;
  file.resized = false;
}

}  // namespace

SimFile::SimFile(SimDisk& disk, std::shared_ptr<Inode> inode, Path path, bool writable)
    : disk_{disk}, inode_{std::move(inode)}, path_{std::move(path)}, writable_{writable}, boot_{disk.boot_} {}

Result<> SimFile::change(std::string_view what) const {
  if (boot_ != disk_.boot_) return Error{ErrorCode::kUnavailable, path_ + " was opened before the power cut"};
  if (!writable_) return Error{ErrorCode::kDenied, path_ + " is open for reading only: " + std::string{what}};
  return {};
}

Result<std::size_t> SimFile::read(std::uint64_t at, std::span<std::byte> out) const {
  if (disk_.frozen_ || boot_ != disk_.boot_)
    return Error{ErrorCode::kUnavailable, "reading " + path_ + ": no power"};
  if (at >= inode_->live.size()) return std::size_t{0};
  const std::size_t n = std::min<std::size_t>(out.size(), inode_->live.size() - at);
  std::memcpy(out.data(), inode_->live.data() + at, n);
  return n;
}

Result<> SimFile::write(std::uint64_t at, ByteView bytes) {
  DRAY_CHECK(change("write"));
  if (bytes.empty()) return {};
  const std::size_t had = inode_->live.size();
  std::size_t n = bytes.size();
  if (at + n > had)
    n -= std::min<std::uint64_t>(n, at + n - had - std::min(at + n - had, disk_.free_bytes()));
  const bool full = n < bytes.size();
  DRAY_CHECK(disk_.change("write " + path_, [&] {
    if (n == 0) return;
    if (at + n > had) resize_live(*inode_, at + n);
    soil(*inode_, at / kSector, (at + n - 1) / kSector + 1);
    std::memcpy(inode_->live.data() + at, bytes.data(), n);
    if (full)
      inode_->torn_from = at;
    else if (at <= inode_->torn_from)
      inode_->torn_from = std::string::npos;
  }));
  if (full) return Error{ErrorCode::kExhausted, "disk full writing " + path_};
  return {};
}

Result<> SimFile::truncate(std::uint64_t size) {
  DRAY_CHECK(change("truncate"));
  return disk_.change("truncate " + path_, [&] { resize_live(*inode_, size); });
}

Result<> SimFile::sync() {
  if (boot_ != disk_.boot_) return change("sync");
  return disk_.change("sync " + path_, [&] {
    keep_all(*inode_);
    clean(*inode_);
  });
}

void SimDisk::tear(Inode& file, bool lose_all) {
  const bool touched = file.resized || file.dirty_from != file.dirty_to;
  if (!touched) return;
  const std::uint64_t fate = lose_all ? 0 : random_.uniform(4);  // 0 lost, 1 kept, else torn
  if (fate == 1) keep_all(file);
  if (fate > 1) {
    if (random_.one_in(2)) file.durable.own().resize(file.live.size());
    for (std::size_t i = file.dirty_from; i < file.dirty_to; ++i)
      if (file.dirty[i] && random_.one_in(2)) keep_sector(file, i);
  }
  file.live = *file.durable;
  clean(file);
}

Result<> SimDisk::flip_byte(const Path& path, std::uint64_t at) {
  DRAY_TRY(const Place place, find(path, true));
  if (!place.what || at >= place.what->live.size() || at >= place.what->durable->size())
    return Error{ErrorCode::kNotFound, path + " has no durable byte " + std::to_string(at)};
  place.what->live[at] = static_cast<char>(place.what->live[at] ^ 0x10);
  place.what->durable.own()[at] = place.what->live[at];
  return {};
}

}  // namespace dray::sim
