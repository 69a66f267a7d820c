#include "agent/download.h"

#include "agent/image.h"
#include "base/mutant.h"
#include "wire/file_answer.h"
#include "wire/page.h"

namespace dray::agent {
namespace {

using core::attempt::Part;

constexpr std::uint64_t kReserve = 1 << 20;  // left free for state and reports
constexpr std::size_t kPiece = 256 * 1024;

// Servers of DDI name their files as they like; a tag that is a hash (of ours and hawkBit it is the SHA-1) must be the part's.
std::string tag_of(const Part& part, std::string_view said) {
  if (said.starts_with("W/")) said.remove_prefix(2);
  if (said.size() < 2 || said.front() != '"' || said.find_first_not_of("0123456789abcdef", 1) != said.size() - 1) return {};
  const std::string sha256 = part.sha256.empty() ? std::string{} : part.sha256.hex();
  for (const std::string& known : {sha256, part.sha1})
    if (!known.empty() && known.size() == said.size() - 2) return known;
  return {};
}

// The file that grows, with its digest so far. Used on the worker, except for `offset`.
class Partial {
 public:
  Partial(Disk& disk, const Part& part) : disk_{disk}, part_{part}, path_{spool_path(spool_name(part))} {}

  std::uint64_t offset = 0;

  Result<> open(std::uint64_t durable) {
    DRAY_CHECK(make_dir_durable(disk_, Path{kSpool}));
    auto held = disk_.open(path_, Mode::kRead);
    const std::uint64_t there = held ? (*held)->size() : 0;
    const bool usable = durable > 0 && durable <= there && there <= part_.size;
    if (!usable && part_.size + kReserve > disk_.free_bytes() + there)
      return Error{ErrorCode::kExhausted,
                   "needs " + human_bytes(part_.size) + ", " + human_bytes(disk_.free_bytes()) + " are free"};
    if (!usable) return restart();
    DRAY_TRY(file_, disk_.open(path_, Mode::kWrite));
    return hash_to(durable);
  }

  Result<> restart() {
    DRAY_TRY(file_, disk_.open(path_, Mode::kTruncate));
    DRAY_CHECK(disk_.sync_dir(Path{kSpool}));
    sha256_ = Hasher{};
    sha1_ = Hasher{Hasher::Kind::kSha1};
    offset = 0;
    return {};
  }

  Result<> append(ByteView bytes) {
    if (offset + bytes.size() > part_.size)
      return Error{ErrorCode::kInvalid, "the body is longer than the order says"};
    DRAY_CHECK(file_->write(offset, bytes));
    take(bytes);
    return {};
  }

  Result<> sync() { return file_->sync(); }

  // Everything is there: is it what was ordered?
  Result<Sha256> finish() {
    DRAY_CHECK(file_->sync());
    const Sha256 found = sha256_.finish_sha256();
    const bool right = part_.sha256.empty() ? sha1_.finish_hex() == part_.sha1 : found == part_.sha256;
    if (right) return found;
    file_.reset();
    DRAY_CHECK(unlink_if_there(disk_, path_));
    offset = 0;
    return Error{ErrorCode::kCorrupt, part_.component + ": the bytes that came hash to " + found.short_hex() +
                                          ", not to what was ordered"};
  }

 private:
  void take(ByteView bytes) {
    sha256_.update(bytes);
    if (part_.sha256.empty()) sha1_.update(bytes);
    offset += bytes.size();
  }
  Result<> hash_to(std::uint64_t durable) {
    std::vector<std::byte> buffer(kPiece);
    while (offset < durable) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), durable - offset));
      DRAY_TRY(const std::size_t n, file_->read(offset, std::span{buffer}.first(want)));
      if (n == 0) return restart();
      take(ByteView{buffer}.first(n));
    }
    return {};
  }

  Disk& disk_;
  const Part& part_;
  Path path_;
  std::shared_ptr<File> file_;
  Hasher sha256_, sha1_{Hasher::Kind::kSha1};
};

class Sink final : public BodySink {
 public:
  Sink(DownloadParts& parts, Partial& partial, const Part& part,
       std::function<void(std::uint64_t)>& on_durable)
      : parts_{parts},
        partial_{partial},
        part_{part},
        on_durable_{on_durable},
        checked_{parts.clock.steady()} {}

  Result<> head(int status, const Headers& headers) override {
    const std::uint64_t from = partial_.offset;
    if (status == 404 || status == 410)
      return Error{ErrorCode::kNotFound, "the server has not got it (any more)"};
    if (status == 401 || status == 403)
      return Error{ErrorCode::kDenied, "the server refuses: " + std::to_string(status)};
    if (status == 429 || status >= 500)
      return Error{ErrorCode::kUnavailable, "the server can't now: " + std::to_string(status)};
    if (status == 416 && from > 0) return Error{ErrorCode::kConflict, "the server refuses to send a part"};
    if (status != 200 && status != 206) return Error{ErrorCode::kInvalid, "status " + std::to_string(status)};
    const auto length = headers.find("Content-Length");
    const std::string tag = parts_.is_own_server ? tag_of(part_, headers.get("ETag")) : std::string{};
    const wire::FileHead answer{status, headers.find("ETag"), headers.find("Content-Range"), length};
    const auto here = wire::already_here(answer, {part_.size, from, tag});
    may_be_page_ = status == 200 && (!length || !here) && wire::has_page_type(headers.get("Content-Type"));
    if (!here && !may_be_page_) return here.error();
    if (!here) not_it_ = here.error();
    most_shown_ = static_cast<std::size_t>(std::min<std::uint64_t>(wire::kPageShows, part_.size));
    skip_ = here ? *here : 0;
    return {};
  }

  Task<Result<>> write(ByteView bytes) override {
    if (may_be_page_) {
      beginning_ += as_text(bytes);
      const auto is = wire::beginning_of(std::string_view{beginning_}.substr(0, wire::kPageShows));
      if (is == wire::Beginning::kPage)
        co_return Error{ErrorCode::kUnavailable, "a page came where the file was due: somebody on the way answers"};
      if (is == wire::Beginning::kOpen && beginning_.size() < most_shown_) co_return Result<>{};
      if (not_it_) co_return *not_it_;
      may_be_page_ = false;
      bytes = as_bytes(beginning_);
    }
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
    skip_ -= here;
    bytes = bytes.subspan(here);
    const SteadyTime now = parts_.clock.steady();
    const bool checkpoint = now - checked_ >= parts_.checkpoint_every;
    std::function<Result<>()> work = [this, bytes, checkpoint] { return store(bytes, checkpoint); };
    auto done = co_await on(parts_.worker, std::move(work));
    if (done && checkpoint) {
      checked_ = now;
      on_durable_(partial_.offset);
    }
    co_return done;
  }

 private:
  Result<> store(ByteView bytes, bool checkpoint) {
    DRAY_CHECK(partial_.append(bytes));
    if (checkpoint) return partial_.sync();
    return {};
  }

  DownloadParts& parts_;
  Partial& partial_;
  const Part& part_;
  std::function<void(std::uint64_t)>& on_durable_;
  SteadyTime checked_;
  // A body of a page's type is held back until it shows whether it is one.
  bool may_be_page_ = false;
  std::optional<Error> not_it_;
  std::string beginning_;
  std::size_t most_shown_ = 0;
  std::uint64_t skip_ = 0;  // bytes at the start of the body that are already here
};

Task<Result<>> transfer(DownloadParts& parts, Partial& partial, const Part& part,
                        std::function<void(std::uint64_t)>& on_durable, bool whole, Stop& stop) {
  HttpRequest request{Method::kGet, part.url};
  if (!parts.authorization.empty()) request.headers.set("Authorization", parts.authorization);
  request.headers.set("Accept", "application/octet-stream");
  if (partial.offset > 0 && !whole && !DRAY_MUTANT("lan_from_zero")) request.headers.set("Range", "bytes=" + std::to_string(partial.offset) + "-");
  Sink sink{parts, partial, part, on_durable};
  auto status = co_await parts.http.send(std::move(request), sink, stop);
  if (!status) co_return status.error();
  if (partial.offset != part.size)
    co_return Error{ErrorCode::kUnavailable,
                    "the body ended " + std::to_string(part.size - partial.offset) + " bytes early"};
  co_return Result<>{};
}

}  // namespace

Path spool_path(const std::string& spool_name) { return Path{kSpool} + "/" + spool_name + ".part"; }

Task<Result<Sha256>> download(DownloadParts parts, Part part, std::uint64_t durable,
                              std::function<void(std::uint64_t)> on_durable, Stop& stop) {
  Partial partial{parts.disk, part};
  std::function<Result<>()> open = [&partial, durable] { return partial.open(durable); };
  auto opened = co_await on(parts.worker, std::move(open));
  if (!opened) co_return opened.error();
  if (partial.offset < durable) on_durable(partial.offset);
  if (partial.offset < part.size || part.size == 0) {
    auto done = co_await transfer(parts, partial, part, on_durable, false, stop);
    if (!done && done.error().code() == ErrorCode::kConflict)  // it does not take parts: all of it, of which we need the rest
      done = co_await transfer(parts, partial, part, on_durable, true, stop);
    if (!done) {
      std::function<Result<>()> keep = [&partial] { return partial.sync(); };
      auto kept = co_await on(parts.worker, std::move(keep));
      if (kept) on_durable(partial.offset);
      if (done.error().code() == ErrorCode::kConflict) co_return Error{ErrorCode::kUnavailable, done.error().message()};
      co_return done.error();
    }
  }
  std::function<Result<Sha256>()> finish = [&partial] { return partial.finish(); };
  auto found = co_await on(parts.worker, std::move(finish));
  on_durable(partial.offset);
  co_return found;
}

}  // namespace dray::agent
