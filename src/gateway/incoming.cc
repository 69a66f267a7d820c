#include "gateway/incoming.h"

#include <algorithm>
#include <vector>

namespace dray::gateway {

Result<> Incoming::resume(std::uint64_t safe) {
  const bool fresh = safe == 0;
  DRAY_TRY(file_, disk_.open(path(), fresh ? Mode::kTruncate : Mode::kWrite));
  if (fresh) DRAY_CHECK(disk_.sync_dir("incoming"));  // the name must be as safe as the bytes
  if (file_->size() < safe) return restart();
  std::vector<std::byte> piece(1 << 20);
  while (have_ < safe) {
    const auto most = std::min<std::uint64_t>(piece.size(), safe - have_);
    DRAY_TRY(const std::size_t n, file_->read(have_, std::span{piece}.first(most)));
    if (n == 0) return restart();
    const auto part = std::span{piece}.first(n);
    sha256_.update(part);
    sha1_.update(part);
    md5_.update(part);
    have_ += n;
  }
  safe_ = have_;
  return {};
}

Result<> Incoming::restart() {
  DRAY_TRY(file_, disk_.open(path(), Mode::kTruncate));
  sha256_ = Hasher{};
  sha1_ = Hasher{Hasher::Kind::kSha1};
  md5_ = Hasher{Hasher::Kind::kMd5};
  have_ = safe_ = 0;
  return {};
}

Result<> Incoming::append(ByteView bytes) {
  if (bytes.size() > size_ - have_) return Error{ErrorCode::kCorrupt, "more bytes than the plan says"};
  DRAY_CHECK(file_->write(have_, bytes));
  sha256_.update(bytes);
  sha1_.update(bytes);
  md5_.update(bytes);
  have_ += bytes.size();
  return {};
}

Result<> Incoming::sync() {
  DRAY_CHECK(file_->sync());
  safe_ = have_;
  return {};
}

Incoming::Hashes Incoming::finish() { return {sha256_.finish_sha256(), sha1_.finish_hex(), md5_.finish_hex()}; }

Result<> Incoming::keep(const Path& place) {
  DRAY_CHECK(file_->sync());
  DRAY_CHECK(disk_.rename(path(), place));
  DRAY_CHECK(disk_.sync_dir("blobs"));
  return disk_.sync_dir("incoming");
}

Result<> Incoming::discard() {
  file_.reset();
  const auto done = disk_.unlink(path());
  if (!done && done.error().code() != ErrorCode::kNotFound) return done;
  return disk_.sync_dir("incoming");
}

}  // namespace dray::gateway
