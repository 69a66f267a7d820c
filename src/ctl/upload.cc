#include "ctl/upload.h"

#include <charconv>
#include <vector>

namespace dray::ctl {
namespace {

constexpr std::size_t kPiece = 256 * 1024;
constexpr std::uint64_t kProgress = 64 * 1024;  // fewer bytes between two tries are none: it must not go on for ever
constexpr int kTriesWithoutProgress = 10;

// The rest of a file as a request body.
class FileRest final : public BodySource {
 public:
  FileRest(std::shared_ptr<const File> file, std::uint64_t at, Progress progress)
      : file_{std::move(file)}, at_{at}, progress_{std::move(progress)}, piece_(kPiece) {}

  Task<Result<ByteView>> read() override {
    progress_("sending", at_, file_->size());
    const auto n = file_->read(at_, piece_);
    if (!n) co_return n.error();
    at_ += *n;
    co_return ByteView{piece_.data(), *n};
  }

 private:
  std::shared_ptr<const File> file_;
  std::uint64_t at_;
  Progress progress_;
  std::vector<std::byte> piece_;
};

// An answer whose body says what went wrong.
class AnswerSink final : public BodySink {
 public:
  Result<> head(int status, const Headers& headers) override {
    status_ = status;
    headers_ = headers;
    return {};
  }
  Task<Result<>> write(ByteView bytes) override {
    if (body_.size() < 65'536) body_ += as_text(bytes);
    co_return Result<>{};
  }
  int status_ = 0;
  Headers headers_;
  std::string body_;
};

Result<std::uint64_t> offset_in(const Headers& headers) {
  const std::string_view text = headers.get("Upload-Offset");
  std::uint64_t offset = 0;
  if (text.empty() || std::from_chars(text.data(), text.data() + text.size(), offset).ptr != text.data() + text.size())
    return Error{ErrorCode::kInvalid, "the server did not say how much it has (Upload-Offset)"};
  return offset;
}

// Where the server stands with an upload.
Task<Result<std::uint64_t>> ask_offset(Api& api, std::string path) {
  AnswerSink sink;
  HttpRequest request = api.request(Method::kHead, path);
  const auto status = co_await api.client().send(std::move(request), sink, api.stop());
  if (!status) co_return status.error();
  if (*status != 200 && *status != 204) co_return error_of(*status, sink.body_);
  co_return offset_in(sink.headers_);
}

Task<Result<>> send_rest(Api& api, std::string path, std::shared_ptr<const File> file, std::uint64_t at, Progress progress) {
  AnswerSink sink;
  HttpRequest request = api.request(Method::kPatch, path);
  request.headers.add("Content-Type", "application/offset+octet-stream");
  request.headers.add("Upload-Offset", std::to_string(at));
  request.length = file->size() - at;
  request.body = std::make_shared<FileRest>(file, at, std::move(progress));
  const auto status = co_await api.client().send(std::move(request), sink, api.stop());
  if (!status) co_return status.error();
  if (*status < 200 || *status > 299) co_return error_of(*status, sink.body_);
  co_return Result<>{};
}

}  // namespace

Result<Sha256> hash_file(const File& file, const Progress& progress) {
  Hasher hasher;
  std::vector<std::byte> piece(kPiece);
  for (std::uint64_t at = 0;;) {
    progress("hashing", at, file.size());
    DRAY_TRY(const std::size_t n, file.read(at, piece));
    if (n == 0) return hasher.finish_sha256();
    hasher.update(ByteView{piece.data(), n});
    at += n;
  }
}

Task<Result<>> upload(Api& api, Clock& clock, std::shared_ptr<const File> file, Sha256 sha256, Progress progress) {
  json::object wanted{{"sha256", sha256.hex()}, {"size", file->size()}};
  auto made = co_await api.post("/uploads", std::move(wanted));
  if (!made) co_return made.error();
  const std::string path = "/uploads/" + sha256.hex();
  std::uint64_t best = 0;
  for (int idle = 0;;) {
    const auto at = co_await ask_offset(api, path);
    if (at && *at >= file->size()) co_return Result<>{};
    if (at && *at >= best + kProgress) {
      best = *at;
      idle = 0;
    }
    Error last;
    if (at) {
      const auto sent = co_await send_rest(api, path, file, *at, progress);
      if (sent) co_return Result<>{};
      last = sent.error();
    } else {
      last = at.error();
    }
    if (!is_transient(last.code()) || ++idle > kTriesWithoutProgress) co_return last;
    if (const auto slept = co_await clock.sleep_until(clock.steady() + std::chrono::seconds{1}, api.stop()); !slept) co_return slept;
  }
}

}  // namespace dray::ctl
