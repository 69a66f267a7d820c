// Stored artifacts: blobs/<sha256>, immutable, each verified when it is first read after a start and again when a device
// failed with it. One that fails is never sent: it is removed, and the site is told.
//
// The index and all waiting are on the loop; files are touched on the `bytes` worker only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/digest.h"
#include "base/log.h"
#include "drive/signal.h"
#include "gateway/documents/stored.h"
#include "gateway/store.h"
#include "ports/clock.h"
#include "ports/disk.h"
#include "ports/worker.h"

namespace dray::gateway {

struct Blob : documents::ArtifactRecord {
  // in memory
  WallTime used_at;
  bool verified = false;            // since the start
  bool verifying = false;
  std::shared_ptr<const File> file;  // open once verified
};

class Blobs {
 public:
  static constexpr std::string_view kFolder = "blobs", kIncoming = "incoming";
  static Path path_of(const Sha256& sha) { return std::string{kFolder} + "/" + sha.hex(); }

  Blobs(Disk& disk, Worker& worker, Clock& clock, Log log) : disk_{disk}, worker_{worker}, clock_{clock}, log_{std::move(log)} {}

  // From a document of the store. Then prepare(): makes the folders, drops what is not on the disk.
  Result<> restore(const Document& document);
  Task<Result<>> prepare();

  bool has(const Sha256& sha) const { return index_.contains(sha); }
  const Blob* find(const Sha256& sha) const;
  const std::map<Sha256, Blob>& all() const { return index_; }
  std::uint64_t used() const;
  // It is on the disk, synced and hashed. The Write makes that durable.
  Write add(const Sha256& sha, Blob blob);
  // Removes the file, then calls back for the document.
  Task<> remove(Sha256 sha);

  // Open and verified already: no waiting.
  std::shared_ptr<const File> ready(const Sha256& sha, WallTime now);
  // Verifies where that is due. kNotFound; kCorrupt: it was lost just now.
  Task<Result<std::shared_ptr<const File>>> open(Sha256 sha);
  // A device failed with it: hash it again before it is sent again.
  void doubt(const Sha256& sha);

  std::function<void(Writes)> save;               // set by the composer
  std::function<void(const Sha256&)> on_lost;

 private:
  Task<Result<bool>> is_sound(const Sha256& sha, std::shared_ptr<const File> file, std::uint64_t size);
  Disk& disk_;
  Worker& worker_;
  Clock& clock_;
  Log log_;
  std::map<Sha256, Blob> index_;
  Signal verified_;
};

}  // namespace dray::gateway
