// One artifact on its way: incoming/<sha256>.part, written in order, hashed as it is written, synced step by step.
//
// Only bytes that a sync has made safe are trusted after a restart: `safe` is kept in the store. The rest is cut off by
// being overwritten. All methods but the ones marked so run on the `bytes` worker.
#pragma once

#include <memory>
#include <string>

#include "base/digest.h"
#include "ports/disk.h"

namespace dray::gateway {

class Incoming {
 public:
  Incoming(Disk& disk, Sha256 sha, std::uint64_t size) : disk_{disk}, sha_{std::move(sha)}, size_{size} {}

  // Opens it and hashes the first `safe` bytes again; starts at 0 where the file is shorter.
  Result<> resume(std::uint64_t safe);
  Result<> restart();  // empties it
  Result<> append(ByteView bytes);
  Result<> sync();     // then all that was appended is safe
  struct Hashes {
    Sha256 sha256;
    std::string sha1, md5;
  };
  Hashes finish();     // once, when complete
  // Moves it to its place among the blobs, durable when it returns.
  Result<> keep(const Path& place);
  Result<> discard();

  // Loop thread, while no method runs:
  std::uint64_t have() const { return have_; }
  std::uint64_t safe() const { return safe_; }
  std::uint64_t size() const { return size_; }
  bool complete() const { return have_ == size_; }
  bool sync_due() const { return have_ - safe_ >= sync_step(); }
  const Sha256& sha() const { return sha_; }

 private:
  // 8 MiB: a flush is short enough for the commits beside it. Small files more often: a power cut costs a 16th.
  std::uint64_t sync_step() const { return std::clamp<std::uint64_t>(size_ / 16, 64 << 10, 8 << 20); }
  Path path() const { return "incoming/" + sha_.hex() + ".part"; }

  Disk& disk_;
  Sha256 sha_;
  std::uint64_t size_ = 0, have_ = 0, safe_ = 0;
  std::shared_ptr<File> file_;
  Hasher sha256_, sha1_{Hasher::Kind::kSha1}, md5_{Hasher::Kind::kMd5};
};

}  // namespace dray::gateway
