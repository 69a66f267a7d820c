#include "gateway/ddi/multipart.h"

#include <algorithm>

namespace dray::gateway::ddi {
namespace {

constexpr std::string_view kBoundary = "THIS_STRING_SEPARATES_MULTIPART";
constexpr std::uint64_t kPiece = 256 << 10;

std::string last_line() { return "\r\n--" + std::string{kBoundary} + "--\r\n"; }

}  // namespace

Multipart::Multipart(std::shared_ptr<const File> file, std::vector<wire::ByteRange> parts, std::uint64_t size,
                     Worker& worker, std::shared_ptr<Transfer> transfer)
    : file_{std::move(file)}, parts_{std::move(parts)}, size_{size}, worker_{worker}, transfer_{std::move(transfer)} {
  for (const auto& part : parts_) length_ += head_of(part).size() + part.length;
  length_ += last_line().size();
}

Multipart::~Multipart() {
  if (transfer_ && !ended_) transfer_->on_end(Error{ErrorCode::kUnavailable, "cut"});
}

std::string Multipart::head_of(const wire::ByteRange& part) const {
  return "\r\n--" + std::string{kBoundary} + "\r\nContent-Type: application/octet-stream\r\nContent-Range: " +
         wire::content_range(part, size_) + "\r\n\r\n";
}

Task<Result<ByteView>> Multipart::read() {
  if (transfer_ && transfer_->stopped()) co_return Error{ErrorCode::kStopped, "stopped"};
  if (part_ == parts_.size()) {
    if (end_sent_) {
      if (transfer_ && !std::exchange(ended_, true)) transfer_->on_end({});
      co_return ByteView{};
    }
    end_sent_ = true;
    piece_ = last_line();
    co_return as_bytes(piece_);
  }
  const wire::ByteRange& part = parts_[part_];
  if (!head_sent_) {
    head_sent_ = true;
    piece_ = head_of(part);
    co_return as_bytes(piece_);
  }
  piece_.resize(static_cast<std::size_t>(std::min(kPiece, part.length - done_)));
  std::function<Result<std::size_t>()> f = [&] {
    return file_->read(part.offset + done_, std::as_writable_bytes(std::span{piece_}));
  };
  const auto n = co_await on<Result<std::size_t>>(worker_, std::move(f));
  if (!n) co_return n.error();
  if (*n == 0) co_return Error{ErrorCode::kCorrupt, "the file ends early"};
  piece_.resize(*n);
  done_ += *n;
  if (done_ == part.length) {
    ++part_;
    done_ = 0;
    head_sent_ = false;
  }
  co_return as_bytes(piece_);
}

}  // namespace dray::gateway::ddi
