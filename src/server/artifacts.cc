#include "server/artifacts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/artifact_paths.h"

namespace dray::server {
namespace {

constexpr std::size_t kBuffer = 1 << 20;  // what a killed server loses of an upload at most,
constexpr Duration kBufferTime{1'000};    // and of a slow one what came within a second
constexpr std::uint64_t kSyncEvery = 8 << 20;  // a large flush at the end would stall commits of the database
constexpr std::uint64_t kKeepEvery = 64 << 20;
constexpr Duration kLongestRest{600'000}, kUploadsAgain{1'000};  // of hashing again, while uploads come

}  // namespace

struct Artifacts::Upload {
  Sha256 sha256;
  std::uint64_t size = 0, offset = 0;
  std::uint64_t durable = 0;  // known to survive a power cut
  bool doubtful = false;      // found at the start: bytes behind `durable` may be torn, the end will tell
  WallTime touched_at;
  bool recorded = false;  // in the database, so it was begun
  bool busy = false;      // somebody writes it, or removes it
  bool leaving = false;   // the latter
  std::shared_ptr<File> file;  // open while busy, and after, until it ends

  struct Digests {
    Hasher sha256{Hasher::Kind::kSha256}, sha1{Hasher::Kind::kSha1}, md5{Hasher::Kind::kMd5};
    void update(ByteView bytes) {
      sha256.update(bytes);
      sha1.update(bytes);
      md5.update(bytes);
    }
  };
  std::optional<Digests> digests;  // of the first `offset` bytes; none after a restart
};

Artifacts::Artifacts(Parts& parts, const Options& options) : parts_{parts}, options_{options}, alive_{std::make_shared<Artifacts*>(this)} {}
Artifacts::~Artifacts() { *alive_ = nullptr; }

Artifacts::State Artifacts::state_of(const Upload& upload) const {
  return {upload.offset, upload.size, false};
}

Task<Result<>> Artifacts::load_blobs() {
  std::function<Result<Kept<Blob>>()> work = [this] { return parts_.store.blobs(); };
  auto all = co_await on(parts_.store_worker, std::move(work));
  if (!all) co_return all.error().with_context("loading the artifacts");
  for (Blob& blob : all->rows) blobs_.insert_or_assign(blob.sha256, blob);
  say_set_aside(all->unreadable);
  co_return Result<>{};
}

// One row stops nothing else; as long as it can't be read it is as if the file had never come.
void Artifacts::say_set_aside(const std::vector<wire::Unreadable>& rows) {
  for (const wire::Unreadable& one : rows)
    parts_.log.error("row_set_aside", {{"what", wire::sentence_of(one)}, {"remedy", wire::remedy_of(one)}});
}

Task<Result<>> Artifacts::load() {
  auto loaded = co_await load_blobs();
  if (!loaded) co_return loaded.error();
  std::function<Result<Kept<UploadEntry>>()> uploads = [this] { return parts_.store.uploads(); };
  auto entries = co_await on(parts_.store_worker, std::move(uploads));
  if (!entries) co_return entries.error().with_context("loading the uploads");
  say_set_aside(entries->unreadable);
  std::function<Result<>()> folders = [this]() -> Result<> {
    DRAY_CHECK(parts_.disk.make_dir("uploads"));
    DRAY_CHECK(parts_.disk.make_dir("blobs"));
    DRAY_CHECK(parts_.disk.make_dir("damaged"));
    return parts_.disk.sync_dir("");
  };
  auto made = co_await on(parts_.bytes, std::move(folders));
  if (!made) co_return made.error().with_context("making the folders of artifacts");
  DRAY_CO_CHECK(co_await find_missing());
  for (const UploadEntry& entry : entries->rows) {
    auto settled = co_await settle(entry);
    if (!settled) co_return settled.error();
  }
  co_return Result<>{};
}

// A crash may have come between the rename to blobs/ and the database: then the bytes go back and are
// finished again by the next PATCH, hash and all.
Task<Result<>> Artifacts::settle(const UploadEntry& entry) {
  if (sound(entry.sha256) != nullptr) {
    std::function<Result<>()> drop = [this, sha = entry.sha256] { return parts_.store.drop_upload(sha); };
    co_return co_await on(parts_.store_worker, std::move(drop));
  }
  auto upload = std::make_shared<Upload>();
  upload->sha256 = entry.sha256;
  upload->size = entry.size;
  upload->recorded = true;
  upload->touched_at = entry.touched_at;
  std::function<Result<std::uint64_t>()> look = [this, sha = entry.sha256,
                                                 size = entry.size]() -> Result<std::uint64_t> {
    auto& disk = parts_.disk;
    if (disk.open(blob_path(sha), Mode::kRead)) {
      DRAY_CHECK(disk.rename(blob_path(sha), part_path(sha)));
      DRAY_CHECK(disk.sync_dir("uploads"));
      DRAY_CHECK(disk.sync_dir("blobs"));
    }
    auto file = disk.open(part_path(sha), Mode::kRead);
    if (!file) return std::uint64_t{0};
    if ((*file)->size() <= size) return (*file)->size();
    DRAY_CHECK(disk.unlink(part_path(sha)));
    return std::uint64_t{0};
  };
  auto offset = co_await on(parts_.bytes, std::move(look));
  if (!offset) co_return offset.error().with_context("upload " + entry.sha256.short_hex());
  upload->offset = *offset;
  upload->durable = std::min(entry.durable, *offset);
  upload->doubtful = upload->durable < *offset;
  uploads_.insert_or_assign(entry.sha256, std::move(upload));
  co_return Result<>{};
}

std::shared_ptr<Artifacts::Upload> Artifacts::find(const Sha256& sha256) const {
  const auto found = uploads_.find(sha256);
  return found == uploads_.end() ? nullptr : found->second;
}

// Finds the upload or makes its place, so that whoever comes meanwhile finds it. False: `out` says it all.
Result<bool> Artifacts::place(const wire::NewUpload& wanted, Begun& out) {
  if (const Blob* have = blob(wanted.sha256); have != nullptr && have->size != wanted.size)
    return Error{ErrorCode::kConflict, "size: these bytes are here with another size"};
  if (const Blob* have = sound(wanted.sha256)) {
    out.found = true;
    out.state = {have->size, have->size, true};
    return false;
  }
  if (const auto upload = find(wanted.sha256)) {
    if (upload->size != wanted.size)
      return Error{ErrorCode::kConflict,
                   "size: this upload was begun with " + std::to_string(upload->size) + " bytes"};
    if (upload->leaving)
      return Error{ErrorCode::kUnavailable, "this upload is being removed just now: begin it again"};
    upload->touched_at = parts_.clock.wall();  // the sweep lets it be
    out.found = true;
    return true;
  }
  if (uploads_.size() >= options_.most_uploads) {
    out.too_many = true;
    return false;
  }
  auto upload = std::make_shared<Upload>();
  upload->sha256 = wanted.sha256;
  upload->size = wanted.size;
  upload->touched_at = parts_.clock.wall();
  uploads_.emplace(wanted.sha256, std::move(upload));
  return true;
}

// A place that its upload never took, because it could not be recorded.
void Artifacts::withdraw(const Sha256& sha256) {
  const auto upload = find(sha256);
  if (upload && !upload->recorded && !upload->busy) uploads_.erase(sha256);
}

// There must be room for what is missing; then it is in the database.
Task<Result<>> Artifacts::record(Sha256 sha256, std::uint64_t size) {
  std::function<std::uint64_t()> look = [this] { return parts_.disk.free_bytes(); };
  const std::uint64_t free = co_await on(parts_.bytes, std::move(look));
  const auto upload = find(sha256);
  const std::uint64_t missing = size - (upload ? upload->offset : 0);
  if (free < missing + options_.reserve_bytes)
    co_return Error{ErrorCode::kExhausted,
                    "the disk has " + human_bytes(free) + " free, " + human_bytes(options_.reserve_bytes) +
                        " of it reserved; the upload needs " + human_bytes(missing)};
  const UploadEntry entry{sha256, size, parts_.clock.wall(), upload ? upload->durable : 0};
  std::function<Result<>()> save = [this, entry] { return parts_.store.save_upload(entry); };
  co_return co_await on(parts_.store_worker, std::move(save));
}

Task<Result<Artifacts::Begun>> Artifacts::begin(const wire::NewUpload& wanted) {
  Begun out;
  if (wanted.size == 0) co_return Error{ErrorCode::kInvalid, "size: an artifact has at least one byte"};
  if (wanted.size > options_.most_artifact_bytes) {
    out.too_large = true;
    co_return out;
  }
  const auto placed = place(wanted, out);
  if (!placed) co_return placed.error();
  if (!*placed) co_return out;
  const auto recorded = co_await record(wanted.sha256, wanted.size);
  if (!recorded) {
    withdraw(wanted.sha256);
    co_return recorded.error();
  }
  // Meanwhile others may have ended it or removed it. A row that has nothing beside it is found at the next
  // start: beside a blob it goes, else it is an upload of nothing, and swept.
  const bool found = out.found;
  const auto still = place(wanted, out);
  if (!still) co_return still.error();
  if (!*still) co_return out;
  out.found = found;
  const auto upload = find(wanted.sha256);
  upload->recorded = true;
  out.state = state_of(*upload);
  co_return out;
}

std::optional<Artifacts::State> Artifacts::state(const Sha256& sha256) const {
  if (const Blob* have = sound(sha256)) return State{have->size, have->size, true};
  const auto upload = find(sha256);
  if (!upload || !upload->recorded) return {};
  return state_of(*upload);
}

Task<Artifacts::Appended> Artifacts::append(Sha256 sha256, std::uint64_t offset,
                                            std::shared_ptr<BodySource> body) {
  Appended out;
  const std::shared_ptr<Upload> held = find(sha256);  // ours while it is busy, and in memory as long as we run
  if (!held || !held->recorded) {
    const Blob* have = sound(sha256);
    out.outcome = have == nullptr        ? Outcome::kNoSuch
                  : offset == have->size ? Outcome::kComplete
                                         : Outcome::kWrongOffset;
    if (have != nullptr) out.state = {have->size, have->size, true};
    co_return out;
  }
  Upload& upload = *held;
  out.state = state_of(upload);
  if (upload.busy || offset != upload.offset) {
    out.outcome = upload.busy ? Outcome::kBusy : Outcome::kWrongOffset;
    co_return out;
  }
  upload.busy = true;
  upload.touched_at = parts_.clock.wall();
  auto ready = co_await prepare(upload);
  if (!ready) {
    out = Appended{Outcome::kFailed, state_of(upload), ready.error()};
  } else {
    if (body) {
      out = co_await receive(upload, *body);
    } else {
      out.outcome = Outcome::kMore;
    }
    if (out.outcome == Outcome::kMore && upload.offset == upload.size) {
      out = co_await finish(upload);
    } else {
      auto kept = co_await keep(upload);
      if (!kept) out = Appended{Outcome::kFailed, {}, kept.error()};
    }
  }
  if (out.outcome == Outcome::kComplete || out.outcome == Outcome::kWrongHash) {
    uploads_.erase(sha256);
    co_return out;
  }
  upload.busy = false;
  upload.touched_at = parts_.clock.wall();
  out.state = state_of(upload);
  co_return out;
}

// Opens the part, and reads it once more where its digests are not known.
Task<Result<>> Artifacts::prepare(Upload& upload) {
  if (!upload.file) {
    std::function<Result<std::shared_ptr<File>>()> open = [this, path = part_path(upload.sha256)] {
      return parts_.disk.open(path, Mode::kWrite);
    };
    auto file = co_await on(parts_.bytes, std::move(open));
    if (!file) co_return file.error();
    upload.file = std::move(*file);
  }
  if (upload.digests) co_return Result<>{};
  Upload::Digests digests;
  for (std::uint64_t at = 0; at < upload.offset;
       at += kRehashPiece) {  // in pieces: others use this worker too
    std::function<Result<>()> piece = [&upload, &digests, at]() -> Result<> {
      std::vector<std::byte> buffer(std::min<std::uint64_t>(kRehashPiece, upload.offset - at));
      DRAY_TRY(const std::size_t n, upload.file->read(at, buffer));
      if (n != buffer.size()) return Error{ErrorCode::kCorrupt, "the part is shorter than it was"};
      digests.update(buffer);
      return {};
    };
    auto hashed = co_await on(parts_.bytes, std::move(piece));
    if (!hashed) co_return hashed.error();
  }
  upload.digests = std::move(digests);
  co_return Result<>{};
}

Task<Artifacts::Appended> Artifacts::receive(Upload& upload, BodySource& body) {
  std::string buffer;
  buffer.reserve(kBuffer);
  Appended out{Outcome::kMore, {}, {}};
  SteadyTime flushed_at = parts_.clock.steady();
  for (bool end = false; !end;) {
    auto piece = co_await body.read();
    if (!piece) {
      out = Appended{Outcome::kCut, {}, piece.error()};
      end = true;
    } else if (piece->empty()) {
      end = true;
    } else if (upload.offset + buffer.size() + piece->size() > upload.size) {
      out.outcome = Outcome::kTooLong;
      end = true;
    } else {
      buffer.append(as_text(*piece));
    }
    const bool due = buffer.size() >= kBuffer || parts_.clock.steady() - flushed_at >= kBufferTime;
    if (buffer.empty() || (!end && !due)) continue;
    auto flushed = co_await flush(upload, buffer);
    if (!flushed) co_return Appended{Outcome::kFailed, {}, flushed.error()};
    buffer.clear();
    flushed_at = parts_.clock.steady();
  }
  co_return out;
}

Task<Result<>> Artifacts::flush(Upload& upload, const std::string& buffer) {
  std::function<Result<>()> work = [&upload, &buffer]() -> Result<> {
    DRAY_CHECK(upload.file->write(upload.offset, as_bytes(buffer)));
    upload.digests->update(as_bytes(buffer));
    const bool due = (upload.offset + buffer.size()) / kSyncEvery != upload.offset / kSyncEvery;
    return due ? upload.file->sync() : Result<>{};
  };
  auto done = co_await on(parts_.bytes, std::move(work));
  if (done) {
    upload.offset += buffer.size();
  } else {
    upload.digests.reset();  // they may be ahead of the offset
    co_return done;
  }
  if (upload.offset < upload.durable + kKeepEvery) co_return done;
  co_return co_await keep(upload);
}

// What a client is told that we have is there after a power cut, too.
Task<Result<>> Artifacts::keep(Upload& upload) {
  if (upload.durable == upload.offset || upload.doubtful) co_return Result<>{};
  std::function<Result<>()> sync = [this, &upload]() -> Result<> {
    DRAY_CHECK(upload.file->sync());
    return upload.durable == 0 ? parts_.disk.sync_dir("uploads") : Result<>{};
  };
  auto synced = co_await on(parts_.bytes, std::move(sync));
  if (!synced) co_return synced;
  const UploadEntry entry{upload.sha256, upload.size, upload.touched_at, upload.offset};
  std::function<Result<>()> save = [this, entry] { return parts_.store.save_upload(entry); };
  auto saved = co_await on(parts_.store_worker, std::move(save));
  if (saved) upload.durable = entry.durable;
  co_return saved;
}

Task<Artifacts::Appended> Artifacts::finish(Upload& upload) {
  Blob blob{upload.sha256, upload.size, {}, {}};
  std::function<Result<>()> work = [this, &upload, &blob]() -> Result<> {
    DRAY_CHECK(upload.file->sync());
    const Sha256 is = upload.digests->sha256.finish_sha256();
    blob.sha1 = upload.digests->sha1.finish_hex();
    blob.md5 = upload.digests->md5.finish_hex();
    if (is != upload.sha256)
      return Error{ErrorCode::kCorrupt,
                   "sha256: the bytes have " + is.hex() + ", announced was " + upload.sha256.hex()};
    DRAY_CHECK(parts_.disk.rename(part_path(upload.sha256), blob_path(upload.sha256)));
    DRAY_CHECK(parts_.disk.sync_dir("blobs"));
    if (const auto gone = parts_.disk.unlink(damaged_path(upload.sha256)); !gone && gone.error().code() != ErrorCode::kNotFound)
      parts_.log.warn("damaged_artifact_not_removed", {{"sha256", upload.sha256.hex()}, {"error", gone.error().message()}});
    return parts_.disk.sync_dir("uploads");
  };
  auto done = co_await on(parts_.bytes, std::move(work));
  upload.digests.reset();
  upload.file.reset();
  if (!done && done.error().code() == ErrorCode::kCorrupt && upload.doubtful) {
    parts_.log.warn("upload_was_torn", {{"sha256", upload.sha256.hex()}, {"goes_on_at", upload.durable}});
    upload.offset = upload.durable;
    upload.doubtful = false;
    co_return Appended{Outcome::kFailed,
                       {},
                       Error{ErrorCode::kUnavailable, "a power cut has damaged the last bytes: go on at " +
                                                          std::to_string(upload.offset)}};
  }
  if (!done && done.error().code() == ErrorCode::kCorrupt) {
    upload.leaving = true;
    co_await discard(upload.sha256);
    co_return Appended{Outcome::kWrongHash, {}, done.error()};
  }
  if (!done) co_return Appended{Outcome::kFailed, {}, done.error()};

  std::function<Result<>()> save = [this, &blob, now = parts_.clock.wall()] {
    return parts_.store.add_blob(blob, now);
  };
  auto saved = co_await on(parts_.store_worker, std::move(save));
  if (!saved) {  // back to a part, so that the next PATCH ends it
    std::function<Result<>()> back = [this, sha = upload.sha256] {
      return parts_.disk.rename(blob_path(sha), part_path(sha));
    };
    [[maybe_unused]] auto undone = co_await on(parts_.bytes, std::move(back));
    co_return Appended{Outcome::kFailed, {}, saved.error()};
  }
  parts_.log.info("artifact_stored", {{"sha256", blob.sha256.hex()}, {"bytes", blob.size}});
  blobs_.insert_or_assign(blob.sha256, blob);
  mended(blob.sha256);
  co_return Appended{Outcome::kComplete, {blob.size, blob.size, true}, {}};
}

Task<> Artifacts::discard(Sha256 sha256) {
  std::function<Result<>()> remove = [this, sha256]() -> Result<> {
    DRAY_CHECK(parts_.disk.unlink(part_path(sha256)));
    return parts_.disk.sync_dir("uploads");
  };
  auto removed = co_await on(parts_.bytes, std::move(remove));
  if (!removed && removed.error().code() != ErrorCode::kNotFound)
    parts_.log.warn("upload_not_removed", {{"sha256", sha256.hex()}, {"error", removed.error().message()}});
  std::function<Result<>()> drop = [this, sha256] { return parts_.store.drop_upload(sha256); };
  auto dropped = co_await on(parts_.store_worker, std::move(drop));
  if (!dropped)
    parts_.log.warn("upload_not_removed", {{"sha256", sha256.hex()}, {"error", dropped.error().message()}});
}

const Blob* Artifacts::blob(const Sha256& sha256) const {
  const auto found = blobs_.find(sha256);
  return found == blobs_.end() ? nullptr : &found->second;
}

Task<Result<std::shared_ptr<const File>>> Artifacts::open(Sha256 sha256) {
  const auto known = open_.find(sha256);
  if (auto file = known == open_.end() ? nullptr : known->second.lock()) co_return file;
  std::function<Result<std::shared_ptr<File>>()> work = [this, sha256] {
    return parts_.disk.open(blob_path(sha256), Mode::kRead);
  };
  auto file = co_await on(parts_.bytes, std::move(work));
  const Blob* about = sound(sha256);
  if (about == nullptr) co_return Error{ErrorCode::kNotFound, "its bytes are damaged or gone"};
  const bool gone = !file && file.error().code() == ErrorCode::kNotFound;
  if (gone || (file && (*file)->size() != about->size)) {
    co_await condemn(sha256, gone ? wire::DamageView::What::kGone : wire::DamageView::What::kDamaged);
    co_return Error{ErrorCode::kNotFound, "its bytes are damaged or gone"};
  }
  if (!file) co_return file.error();
  std::shared_ptr<const File> out = std::move(*file);
  open_.insert_or_assign(sha256, out);
  co_return out;
}

Task<> Artifacts::rest_while_uploading(Stop& stop) {
  const SteadyTime until = parts_.clock.steady() + kLongestRest;
  while (!stop.requested() && parts_.clock.steady() < until) {
    const bool busy = std::any_of(uploads_.begin(), uploads_.end(), [](const auto& one) { return one.second->busy; });
    if (!busy) co_return;
    [[maybe_unused]] const auto slept = co_await parts_.clock.sleep_until(parts_.clock.steady() + kUploadsAgain, stop);
  }
}

Task<> Artifacts::sweep() {
  std::vector<Sha256> old;
  const WallTime now = parts_.clock.wall();
  for (const auto& [sha, upload] : uploads_)
    if (!upload->busy && now - upload->touched_at > options_.upload_kept) old.push_back(sha);
  for (const Sha256& sha : old) {
    const auto upload = find(sha);  // while the one before went, a client may have ended this one, or gone on
    if (!upload || upload->busy || now - upload->touched_at <= options_.upload_kept) continue;
    upload->busy = upload->leaving = true;
    upload->file.reset();
    co_await discard(sha);
    uploads_.erase(sha);
    parts_.log.info("upload_swept", {{"sha256", sha.hex()}});
  }
}

}  // namespace dray::server
