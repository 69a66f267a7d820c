#include "gateway/blobs.h"

#include <set>

namespace dray::gateway {
namespace {

constexpr std::size_t kPiece = 1 << 20, kPiecesAtATime = 8;  // the worker serves others in between

// Hashes up to kPiecesAtATime pieces from `at`; how far it came.
Result<std::uint64_t> hash_some(const File& file, std::uint64_t at, std::uint64_t size, Hasher& hasher) {
  std::vector<std::byte> piece(kPiece);
  for (std::size_t i = 0; i < kPiecesAtATime && at < size; ++i) {
    DRAY_TRY(const std::size_t n, file.read(at, piece));
    if (n == 0) return Error{ErrorCode::kCorrupt, "the file ends early"};
    hasher.update(std::span{piece}.first(n));
    at += n;
  }
  return at;
}

}  // namespace

Result<> Blobs::restore(const Document& document) {
  DRAY_TRY(const auto sha, Sha256::parse(document.id));
  DRAY_TRY(auto record, documents::read_artifact(document.text));
  Blob& blob = index_[sha];
  static_cast<documents::ArtifactRecord&>(blob) = std::move(record);
  blob.used_at = blob.stored_at;
  return {};
}

Task<Result<>> Blobs::prepare() {
  std::set<std::string> names;
  std::function<Result<>()> f = [this, &names]() -> Result<> {
    DRAY_CHECK(disk_.make_dir(std::string{kFolder}));
    DRAY_CHECK(disk_.make_dir(std::string{kIncoming}));
    DRAY_CHECK(disk_.sync_dir(""));
    DRAY_TRY(const auto found, disk_.list(std::string{kFolder}));
    names.insert(found.begin(), found.end());
    return {};
  };
  const auto done = co_await on<Result<>>(worker_, std::move(f));
  if (!done) co_return done.error();
  for (auto it = index_.begin(); it != index_.end();) {
    if (names.contains(it->first.hex())) {
      ++it;
      continue;
    }
    log_.error("artifact_file_missing", {{"sha256", it->first.hex()}});
    save({Write::erase(kind::kArtifact, it->first.hex())});
    it = index_.erase(it);
  }
  co_return Result<>{};
}

const Blob* Blobs::find(const Sha256& sha) const {
  const auto found = index_.find(sha);
  return found == index_.end() ? nullptr : &found->second;
}

std::uint64_t Blobs::used() const {
  std::uint64_t sum = 0;
  for (const auto& [sha, blob] : index_) sum += blob.size;
  return sum;
}

Write Blobs::add(const Sha256& sha, Blob blob) {
  Write write = Write::put(kind::kArtifact, sha.hex(), documents::write_artifact(blob));
  index_[sha] = std::move(blob);
  return write;
}

Task<> Blobs::remove(Sha256 sha) {
  index_.erase(sha);
  save({Write::erase(kind::kArtifact, sha.hex())});
  std::function<void()> f = [this, &sha] {
    if (const auto done = disk_.unlink(path_of(sha)); !done && done.error().code() != ErrorCode::kNotFound)
      log_.warn("artifact_not_removed", {{"sha256", sha.hex()}, {"why", done.error().message()}});
    [[maybe_unused]] const auto synced = disk_.sync_dir(std::string{kFolder});
  };
  co_await worker_.run(std::move(f));
}

std::shared_ptr<const File> Blobs::ready(const Sha256& sha, WallTime now) {
  const auto found = index_.find(sha);
  if (found == index_.end() || !found->second.verified) return nullptr;
  found->second.used_at = now;
  return found->second.file;
}

void Blobs::doubt(const Sha256& sha) {
  if (const auto found = index_.find(sha); found != index_.end()) found->second.verified = false;
}

Task<Result<bool>> Blobs::is_sound(const Sha256& sha, std::shared_ptr<const File> file, std::uint64_t size) {
  Hasher hasher;
  std::uint64_t at = 0;
  if (file->size() != size) co_return false;
  while (at < size) {
    std::function<Result<std::uint64_t>()> f = [&] { return hash_some(*file, at, size, hasher); };
    const auto now = co_await on<Result<std::uint64_t>>(worker_, std::move(f));
    if (!now && now.error().code() == ErrorCode::kCorrupt) co_return false;
    if (!now) co_return now.error();
    at = *now;
  }
  co_return hasher.finish_sha256() == sha;
}

Task<Result<std::shared_ptr<const File>>> Blobs::open(Sha256 sha) {
  const Error gone{ErrorCode::kNotFound, "artifact " + sha.short_hex() + " is not stored"};
  Stop never;
  for (;;) {
    const auto found = index_.find(sha);
    if (found == index_.end()) co_return gone;
    if (found->second.verified) co_return found->second.file;
    if (!found->second.verifying) break;
    const auto generation = verified_.generation();
    co_await verified_.wait_past(generation, clock_, kSteadyMax, never);
  }
  index_[sha].verifying = true;
  const std::uint64_t size = index_[sha].size;
  std::function<Result<std::shared_ptr<File>>()> f = [this, &sha] { return disk_.open(path_of(sha), Mode::kRead); };
  const auto file = co_await on<Result<std::shared_ptr<File>>>(worker_, std::move(f));
  Result<bool> sound = false;
  if (file) {
    std::shared_ptr<const File> reading = *file;
    sound = co_await is_sound(sha, std::move(reading), size);
  } else if (file.error().code() != ErrorCode::kNotFound) {
    sound = file.error();
  }
  if (const auto found = index_.find(sha); found != index_.end()) {
    found->second.verifying = false;
    found->second.verified = sound && *sound;
    if (sound && *sound) found->second.file = *file;
  }
  verified_.notify();
  if (!sound) co_return sound.error();  // the disk can't be read now; that says nothing about the bytes
  if (*sound) {
    std::shared_ptr<const File> out = *file;
    co_return out;
  }
  co_await remove(sha);
  on_lost(sha);
  co_return Error{ErrorCode::kCorrupt, "artifact " + sha.short_hex() + " is not what it was"};
}

}  // namespace dray::gateway
