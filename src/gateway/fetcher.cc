#include "gateway/fetcher.h"

#include <algorithm>

#include "base/mutant.h"
#include "gateway/documents/stored.h"
#include "wire/file_answer.h"
#include "wire/http_fields.h"
#include "wire/json.h"

namespace dray::gateway {
namespace {

constexpr std::size_t kToWorkerAtOnce = 256 << 10;  // what goes to the worker at once
constexpr std::uint64_t kProgress = 64 << 10;  // fewer bytes at a time are none
constexpr Duration kStoreFullWait{60'000}, kLongest{3'600'000}, kStalled{30'000};
constexpr std::size_t kMostReasons = 4, kMostProblem = 4'096;
constexpr Duration kNamesATime{1'000};  // a shorter Retry-After is none

}  // namespace

// Takes the body of one answer into the file.
class Fetcher::Sink : public BodySink {
 public:
  Sink(Fetcher& owner, Incoming& file, Stop& stop) : owner_{owner}, file_{file}, stop_{stop}, body_{owner.parts_.wan} {}

  Result<> head(int status, const Headers& headers) override {
    status_ = status;
    retry_after_ = wire::parse_retry_after(headers.get("Retry-After"), owner_.parts_.site.now());
    if (status != 200 && status != 206) return {};
    const wire::FileHead answer{status, headers.find("ETag"), headers.find("Content-Range"), headers.find("Content-Length")};
    DRAY_TRY(skip_, wire::already_here(answer, {file_.size(), file_.have(), file_.sha().hex()}));
    taking_ = true;
    owner_.note_coming(file_.sha());
    return {};
  }

  Task<Result<>> write(ByteView bytes) override {
    if (!taking_) {  // the text of an error
      problem_ += as_text(bytes.first(std::min(bytes.size(), kMostProblem - problem_.size())));
      co_return Result<>{};
    }
    owner_.parts_.server.not_control(bytes.size());
    owner_.parts_.site.link.wan += bytes.size();
    if (!permitted()) co_return Error{ErrorCode::kStopped, "not permitted any more"};
    const SteadyTime on = body_.took(bytes.size());
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
    skip_ -= skipped;
    buffer_.append(as_text(bytes.subspan(skipped)));
    if (buffer_.size() >= kToWorkerAtOnce || file_.have() + buffer_.size() >= file_.size()) DRAY_CO_CHECK(co_await flush());
    Clock& clock = owner_.parts_.clock;
    if (on > clock.steady()) co_return co_await clock.sleep_until(on, stop_);
    co_return Result<>{};
  }

  Task<Result<>> flush() {
    if (buffer_.empty()) co_return Result<>{};
    const std::string piece = std::exchange(buffer_, {});
    std::function<Result<>()> f = [this, &piece]() -> Result<> {
      DRAY_CHECK(file_.append(as_bytes(piece)));
      return file_.sync_due() ? file_.sync() : Result<>{};
    };
    const std::uint64_t safe = file_.safe();
    DRAY_CO_CHECK(co_await owner_.work(std::move(f)));
    if (file_.safe() != safe) note_safe();
    co_return Result<>{};
  }

  void note_safe() {
    owner_.safe_[file_.sha()] = file_.safe();
    owner_.parts_.site.save({Write::put(kind::kPartial, file_.sha().hex(), documents::write_partial(file_.safe()))});
  }

  void end() { body_.end(); }
  int status() const { return status_; }
  // The server itself says that its bytes are damaged or gone.
  bool says_damaged() const {
    const auto parsed = wire::parse_sloppy_json(problem_);
    const auto* object = parsed ? parsed->if_object() : nullptr;
    const auto* reason = object == nullptr ? nullptr : object->if_contains("reason");
    return reason != nullptr && reason->is_string() && reason->get_string() == "artifact_damaged";
  }
  std::optional<Duration> retry_after() const { return retry_after_; }

 private:
  // Looked at a few times a second: it asks every job.
  bool permitted() {
    const SteadyTime now = owner_.parts_.clock.steady();
    if (now < next_check_) return true;
    next_check_ = now + Duration{200};
    return owner_.may_run(file_.sha());
  }

  Fetcher& owner_;
  Incoming& file_;
  Stop& stop_;
  Wan::Body body_;
  int status_ = 0;
  bool taking_ = false;
  std::uint64_t skip_ = 0;  // bytes at the start of the body that are already here
  std::optional<Duration> retry_after_;
  std::string buffer_, problem_;
  SteadyTime next_check_{};
};

Result<> Fetcher::restore(const Document& document) {
  DRAY_TRY(const auto sha, Sha256::parse(document.id));
  DRAY_TRY(safe_[sha], documents::read_partial(document.text));
  return {};
}

// What is to be fetched, current steps before later ones; each artifact once.
std::vector<Fetcher::Wanted> Fetcher::wanted() const {
  std::vector<Wanted> out;
  std::map<Sha256, std::size_t> place;
  const WallTime now = parts_.site.now();
  const auto add = [&](const core::Job& job, const core::StepArtifact& artifact) {
    if (parts_.blobs.has(artifact.sha256)) return;
    const auto [it, fresh] = place.try_emplace(artifact.sha256, out.size());
    if (fresh) out.push_back({artifact.sha256, artifact.size, false, {}});
    const core::Assignment* assignment = parts_.site.plan().assignment(job.terms.assignment);
    Wanted& wanted = out[it->second];
    if (assignment == nullptr) return;  // in no plan any more: nobody says when it may be fetched
    const core::Intervals& transfer = assignment->transfer;
    if (core::permits(transfer, now) || DRAY_MUTANT("outside_window"))
      wanted.allowed = true;
    else if (const auto opens = core::next_permitted(transfer, now))
      wanted.opens = wanted.opens ? std::min(*wanted.opens, *opens) : *opens;
  };
  for (const bool later : {false, true})
    for (const auto& [id, job] : parts_.site.jobs()) {
      if (!core::wants_bytes(job, now)) continue;
      for (std::size_t step = job.step; step < job.terms.steps.size(); ++step)
        if ((step > job.step) == later)
          for (const auto& artifact : job.terms.steps[step]) add(job, artifact);
    }
  return out;
}

bool Fetcher::may_run(const Sha256& sha) const {
  if (parts_.identity.refused()) return false;
  for (const Wanted& w : wanted())
    if (w.sha == sha) return w.allowed;
  return false;
}

SteadyTime Fetcher::next_look(const std::vector<Wanted>& list) const {
  SteadyTime at = parts_.clock.steady() + kLongest;
  for (const Wanted& w : list) {
    const auto known = efforts_.find(w.sha);
    if (w.allowed && known != efforts_.end()) at = std::min(at, known->second.until);
    if (!w.allowed && w.opens) at = std::min(at, parts_.site.time().steady_at(*w.opens));
  }
  return std::max(at, parts_.clock.steady() + Duration{1});
}

Task<> Fetcher::run(Stop& stop) {
  while (!stop.requested()) {
    // Our clock may be hours wrong until the server was heard, and where it can't be heard nothing can be fetched either.
    // And while another gateway answers for the site, the fetching is its.
    const bool heard = parts_.site.time().contact() || DRAY_MUTANT("fetch_by_own_clock");
    if (!heard || parts_.identity.refused()) {
      co_await parts_.site.work_changed.wait(parts_.clock, kSteadyMax, stop);
      continue;
    }
    co_await drop_unwanted();
    const std::vector<Wanted> list = wanted();
    const auto now = parts_.clock.steady();
    const auto next = std::find_if(list.begin(), list.end(), [&](const Wanted& w) {
      const auto known = efforts_.find(w.sha);
      return w.allowed && (known == efforts_.end() || known->second.until <= now);
    });
    if (next != list.end()) {
      Wanted what = *next;
      co_await brake_.turn(stop);
      if (!stop.requested() && may_run(what.sha)) co_await fetch(std::move(what), stop);
      continue;
    }
    co_await parts_.site.work_changed.wait(parts_.clock, next_look(list), stop);
  }
}

void Fetcher::put_off(const Sha256& sha, Duration least, Why why) {
  Effort& tries = effort(sha);
  if (why == Why::kNotNow) tries.backoff.reset();
  const Duration own = tries.backoff.next(random_unit(parts_.random), why == Why::kRefused);
  tries.until = parts_.clock.steady() + std::max(least, own);
}

void Fetcher::spoilt(const Sha256& sha) {
  put_off(sha, effort(sha).spoilt.next(random_unit(parts_.random)), Why::kFailed);
}

Fetcher::Effort& Fetcher::effort(const Sha256& sha) {
  if (const auto found = efforts_.find(sha); found != efforts_.end()) return found->second;
  const Duration first = parts_.site.settings().server_retry_base, most = parts_.site.settings().server_retry_cap;
  const auto pauses = core::GrowingPause::from(first, most);
  // Each costs all of its bytes, and the server needs some seconds to hear of it and to look at its own file.
  const core::GrowingPause::Limits long_pauses{first * 6, first * 30, most * 60};
  Effort fresh{core::GrowingPause{pauses}, core::GrowingPause{long_pauses}, Trouble{"fetch_interrupted", "Fetching artifact " + sha.short_hex(), parts_.clock}};
  return efforts_.emplace(sha, std::move(fresh)).first->second;
}

std::string Fetcher::why_damaged(const Sha256& sha) const {
  const auto known = efforts_.find(sha);
  return known == efforts_.end() ? std::string{} : known->second.damaged;
}

std::vector<wire::SpoiltArtifact> Fetcher::damaged() const {
  std::vector<wire::SpoiltArtifact> out;
  for (const auto& [sha, tries] : efforts_)
    if (tries.wrong > 0 && parts_.site.is_referenced(sha)) out.push_back({sha, tries.wrong});
  return out;
}

// Nothing of what went wrong counts any more.
void Fetcher::note_stored(const Sha256& sha) {
  brake_.progress();
  const auto known = efforts_.find(sha);
  if (known == efforts_.end()) return;
  Effort& tries = known->second;
  tries.until = {};
  tries.backoff.reset();
  tries.best = 0;
  tries.wrong = 0;
  tries.full.clear();
  tries.damaged.clear();
  tries.trouble.over(parts_.site.log());
}

// The jobs that wait for it say so from now on.
void Fetcher::note_damaged(const Sha256& sha, std::string why) {
  std::string& said = effort(sha).damaged;
  if (said == why) return;
  said = std::move(why);
  parts_.site.refresh_all();
}

// The server has sound bytes again; over a slow line they may come for hours. Where bytes that came were wrong only all of
// them can tell.
void Fetcher::note_coming(const Sha256& sha) {
  Effort& tries = effort(sha);
  if (tries.damaged.empty() || tries.wrong > 0) return;
  tries.damaged.clear();
  parts_.site.refresh_all();
}

std::vector<std::string> Fetcher::why_slow() const {
  std::vector<std::string> out;
  if (const auto held = brake_.sentence()) out.push_back(*held);
  for (const auto& [sha, tries] : efforts_)
    if (const auto one = tries.trouble.sentence(); one && out.size() < kMostReasons) out.push_back(*one);
  return out;
}

// It moves: the next interruption starts from a short wait.
void Fetcher::note_progress(const Incoming& file) {
  Effort& tries = effort(file.sha());
  if (file.have() <= tries.best || (file.have() < tries.best + kProgress && !file.complete())) return;
  tries.best = file.have();
  if (!std::exchange(tries.full, {}).empty()) parts_.site.refresh_all();
  tries.until = {};
  tries.backoff.reset();
  brake_.progress();
}

Task<> Fetcher::fetch(Wanted what, Stop& stop) {
  const bool adopted = co_await adopt(what);
  if (adopted) {
    note_stored(what.sha);
    co_return;
  }
  if (const auto room = co_await make_room(what); !room) {
    note_full(what.sha, room.error().message());
    put_off(what.sha, kStoreFullWait, Why::kNotNow);
    co_return;
  }
  Incoming file{parts_.disk, what.sha, what.size};
  const std::uint64_t safe = safe_[what.sha];
  std::function<Result<>()> open = [&file, safe] { return file.resume(safe); };
  Result<> done = co_await work(std::move(open));
  if (done) done = co_await transfer(file, stop);
  if (done && file.complete()) done = co_await complete(file);
  if (done || done.error().code() == ErrorCode::kStopped) co_return;
  if (done.error().code() == ErrorCode::kExhausted) {  // somebody else takes the room: each try costs the line all bytes again
    note_full(what.sha, done.error().message());
    filled_up(what.sha);
    co_return;
  }
  effort(what.sha).trouble.failed(parts_.site.log(), done.error().message());
  const bool answered = done.error().code() != ErrorCode::kTimeout && done.error().code() != ErrorCode::kUnavailable;
  if (effort(what.sha).until <= parts_.clock.steady())
    put_off(what.sha, Duration{0}, answered ? Why::kRefused : Why::kFailed);
}

// One request; what came of it is safe afterwards, however it ended.
Task<Result<>> Fetcher::transfer(Incoming& file, Stop& stop) {
  if (file.complete()) co_return Result<>{};
  if (parts_.identity.refused()) co_return Error{ErrorCode::kStopped, "another gateway answers for the site"};
  const Settings& settings = parts_.site.settings();
  HttpRequest request{Method::kGet, settings.server_url + "/gateway/v1/artifacts/" + file.sha().hex()};
  request.headers.add("Authorization", "Bearer " + settings.token);
  request.idle_limit = kStalled;
  const bool whole = std::exchange(effort(file.sha()).whole, false);
  const std::uint64_t from = whole ? 0 : file.have();
  if (from > 0 && !DRAY_MUTANT("wan_from_zero")) {
    request.headers.add("Range", "bytes=" + std::to_string(from) + "-");
    request.headers.add("If-Range", "\"" + file.sha().hex() + "\"");
  }
  if (effort(file.sha()).trouble.times() == 0)  // what breaks off is said there, once
    parts_.site.log().info("fetch_began", {{"sha256", file.sha().hex()}, {"from", from}, {"size", file.size()}});
  Sink sink{*this, file, stop};
  const Result<int> status = co_await parts_.server.send(std::move(request), sink, stop);
  sink.end();
  Result<> flushed = co_await sink.flush();
  if (flushed && file.have() > file.safe()) {
    std::function<Result<>()> sync = [&file] { return file.sync(); };
    flushed = co_await work(std::move(sync));
    if (flushed) sink.note_safe();
  }
  note_progress(file);
  if (!flushed) co_return flushed.error();
  if (!status) co_return status.error();
  if (*status == 200 || *status == 206) {
    if (file.complete()) co_return Result<>{};
    co_return Error{ErrorCode::kInvalid, "the body ended early"};
  }
  if (*status == 503 || *status == 429) {
    const Duration least = sink.retry_after().value_or(Duration{0});
    put_off(file.sha(), least, least >= kNamesATime ? Why::kNotNow : Why::kRefused);
    if (sink.says_damaged()) {
      note_damaged(file.sha(), "The server's bytes of it are damaged or gone: they have to be uploaded again.");
      co_return Error{ErrorCode::kUnavailable, "the server says that its bytes are damaged or gone"};
    }
    co_return Error{ErrorCode::kUnavailable, "the server has no capacity now"};
  }
  if (*status == 416) effort(file.sha()).whole = true;  // somebody does not take parts
  co_return Error{ErrorCode::kInvalid, "the server answered " + std::to_string(*status)};
}

Task<Result<>> Fetcher::complete(Incoming& file) {
  Incoming::Hashes hashes;
  std::function<Result<>()> finish = [&]() -> Result<> {
    hashes = file.finish();
    if (hashes.sha256 != file.sha()) return file.discard();
    return file.keep(Blobs::path_of(file.sha()));
  };
  DRAY_CO_CHECK(co_await work(std::move(finish)));
  safe_.erase(file.sha());
  Writes writes{Write::erase(kind::kPartial, file.sha().hex())};
  if (hashes.sha256 != file.sha()) {
    parts_.site.save(std::move(writes));
    spoilt(file.sha());
    const std::int64_t times = ++effort(file.sha()).wrong;
    note_damaged(file.sha(), "The bytes that came have another SHA-256 (" + std::to_string(times) + (times == 1 ? " time" : " times") +
                                 "); they are fetched again with growing pauses.");
    parts_.site.report(parts_.site.storage_report());
    co_return Error{ErrorCode::kCorrupt, "the bytes have SHA-256 " + hashes.sha256.hex() + " and were discarded"};
  }
  writes.push_back(parts_.blobs.add(file.sha(), blob_of(file.sha(), file.size(), hashes)));
  parts_.site.save(std::move(writes));
  parts_.site.save_link();
  note_stored(file.sha());
  // Every action goes to the disk behind the document above, in order; so the jobs may know at once.
  parts_.site.artifact_stored(file.sha());
  co_return Result<>{};
}

Blob Fetcher::blob_of(const Sha256& sha, std::uint64_t size, const Incoming::Hashes& hashes) const {
  Blob blob;
  blob.size = size;
  blob.sha1 = hashes.sha1;
  blob.md5 = hashes.md5;
  blob.stored_at = blob.used_at = parts_.site.now();
  if (const core::Artifact* about = parts_.site.plan().artifact(sha)) {
    blob.name = about->name;
    blob.file_name = about->file;
    blob.module_id = about->module_id;
  }
  return blob;
}

// The file may be in its place without its document: the power went between the two.
Task<bool> Fetcher::adopt(const Wanted& what) {
  struct Found {
    bool there = false;
    Incoming::Hashes hashes;
  } found;
  std::function<Result<>()> look = [&]() -> Result<> {
    const Path path = Blobs::path_of(what.sha);
    const auto file = parts_.disk.open(path, Mode::kRead);
    if (!file) return {};
    Hasher sha256, sha1{Hasher::Kind::kSha1}, md5{Hasher::Kind::kMd5};
    std::vector<std::byte> piece(1 << 20);
    for (std::uint64_t at = 0; at < (*file)->size();) {
      DRAY_TRY(const std::size_t n, (*file)->read(at, piece));
      if (n == 0) break;
      for (Hasher* hasher : {&sha256, &sha1, &md5}) hasher->update(std::span{piece}.first(n));
      at += n;
    }
    found.hashes = {sha256.finish_sha256(), sha1.finish_hex(), md5.finish_hex()};
    found.there = found.hashes.sha256 == what.sha;
    return found.there ? parts_.disk.sync_dir("blobs") : parts_.disk.unlink(path);
  };
  const auto done = co_await work(std::move(look));
  if (!done || !found.there) co_return false;
  Writes writes{Write::erase(kind::kPartial, what.sha.hex())};
  writes.push_back(parts_.blobs.add(what.sha, blob_of(what.sha, what.size, found.hashes)));
  parts_.site.save(std::move(writes));
  parts_.site.artifact_stored(what.sha);
  co_return true;
}

// A pause that lasts stays: a server that takes an artifact out of its plan and puts it in again is not asked sooner.
void Fetcher::forget_unwanted() {
  bool told_damaged = false;
  for (auto it = efforts_.begin(); it != efforts_.end();) {
    if (it->second.until > parts_.clock.steady() || parts_.site.is_referenced(it->first)) {
      ++it;
      continue;
    }
    it->second.trouble.given_up(parts_.site.log());
    told_damaged = told_damaged || it->second.wrong > 0;
    it = efforts_.erase(it);
  }
  if (told_damaged) parts_.site.report(parts_.site.storage_report());
}

// Partial files of artifacts that no job needs any more, and what is remembered of them.
Task<> Fetcher::drop_unwanted() {
  forget_unwanted();
  std::vector<Sha256> unwanted;
  for (const auto& [sha, bytes] : safe_)
    if (!parts_.site.is_referenced(sha)) unwanted.push_back(sha);
  for (const Sha256& sha : unwanted) {
    safe_.erase(sha);
    parts_.site.save({Write::erase(kind::kPartial, sha.hex())});
    std::function<Result<>()> f = [this, &sha] { return Incoming{parts_.disk, sha, 0}.discard(); };
    [[maybe_unused]] const auto done = co_await work(std::move(f));
  }
}

}  // namespace dray::gateway
