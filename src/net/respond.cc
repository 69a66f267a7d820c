// The sending of a response that does not go out at one go.
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <boost/asio/redirect_error.hpp>

#include "net/connection.h"
#include "net/response_head.h"

namespace dray::net {

namespace {

constexpr std::size_t kCopyBuffer = 64 * 1024;
// How much of a file is read into the page cache ahead, on the worker, where the first byte of it is not
// there.
constexpr std::size_t kAhead = 1024 * 1024;

std::uint64_t length_of(const HttpResponse& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return text->size();
  if (const auto* slice = std::get_if<FileSlice>(&response.body)) return slice->length;
  return response.source_length;
}

// False only where reading this byte would wait for the disk; a file system that can't say counts as cached.
bool is_cached(int file, std::uint64_t at) {
  char one = 0;
  iovec part{&one, 1};
  return ::preadv2(file, &part, 1, static_cast<off_t>(at), RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

}  // namespace

Error Connection::why_cut() const {
  if (timed_out_) return Error{ErrorCode::kTimeout, "the client stopped reading"};
  if (exchange_ && exchange_->transfer && exchange_->transfer->stopped())
    return Error{ErrorCode::kStopped, "the transfer was stopped"};
  if (core_->stopping) return Error{ErrorCode::kStopped, "the server is stopping"};
  return Error{ErrorCode::kUnavailable, "the client has gone"};
}

Task<> Connection::respond(HttpResponse response) {
  auto* slice = std::get_if<FileSlice>(&response.body);
  auto* source = std::get_if<std::shared_ptr<BodySource>>(&response.body);
  auto length = length_of(response);
  bool no_body = head_only_ || length == 0 || response.status == 204 || response.status == 304;
  bool sent = false;
  Result<> how = Error{ErrorCode::kStopped, "there was no body to send"};
  if (phase_ == Phase::kClosed) {
    how = why_cut();
  } else {
    phase_ = Phase::kSending;
    timed_out_ = false;
    keep_ = keep_ && !response.close && !core_->stopping;
    if (slice != nullptr) exchange_->transfer = slice->transfer;
    std::string out;
    append_head(out, response, {length, keep_, http10_, core_->date});
    const auto* text = std::get_if<std::string>(&response.body);
    if (text != nullptr && !no_body) out += *text;
    sent = co_await send_all(out, text == nullptr && !no_body);
    if (!sent) how = why_cut();
  }
  if (sent && !no_body && slice != nullptr) {
    how = co_await send_slice(*slice);
    sent = how.has_value();
  } else if (sent && !no_body && source != nullptr) {
    how = co_await send_source(**source, length);
    sent = how.has_value();
  }
  if (sent && length == 0 && !head_only_) how = Result<>{};
  exchange_->transfer.reset();
  if (slice != nullptr && slice->transfer) slice->transfer->on_end(how);
  if (!sent) close();
}

Task<bool> Connection::wait_writable() {
  set_deadline(core_->limits.send_idle);
  boost::system::error_code ignored;
  co_await socket_.async_wait(Socket::wait_write, asio::redirect_error(kAwait, ignored));
  deadline_ = kSteadyMax;
  co_return phase_ != Phase::kClosed;
}

Task<bool> Connection::send_all(std::string_view bytes, bool more) {
  while (phase_ != Phase::kClosed) {
    auto sent = send(socket_.native_handle(), bytes, more);
    if (sent.some()) bytes.remove_prefix(sent.count);
    if (bytes.empty()) co_return true;
    if (sent.some()) continue;
    if (!sent.would_block()) break;
    bool open = co_await wait_writable();
    if (!open) break;
  }
  co_return false;
}

Task<> Connection::pause() {
  exchange_->paused = true;
  [[maybe_unused]] auto how =
      co_await core_->clock.sleep_until(core_->clock.steady() + core_->limits.pause_time, gone_);
  exchange_->paused = false;
}

Task<Result<>> Connection::send_slice(const FileSlice& slice) {
  auto* transfer = slice.transfer.get();
  std::uint64_t warm_until = 0;
  std::size_t turn = 0;  // bytes since others had their turn
  for (std::uint64_t total = 0; total < slice.length;) {
    if (phase_ == Phase::kClosed || (transfer != nullptr && transfer->stopped())) co_return why_cut();
    auto may = std::min<std::uint64_t>(slice.length - total, core_->limits.send_turn - turn);
    if (transfer != nullptr) may = std::min(may, transfer->allowance(core_->clock.steady()));
    if (may == 0) {
      co_await pause();
      continue;
    }
    auto at = slice.offset + total;
    if (core_->bytes != nullptr && total >= warm_until) {
      co_await warm(slice, at);
      warm_until = total + kAhead;
      continue;
    }
    auto sent = co_await send_part(slice, at, static_cast<std::size_t>(may));
    if (!sent) co_return sent.error();
    if (*sent == 0) {
      turn = 0;
      bool open = co_await wait_writable();
      if (!open) co_return why_cut();
      continue;
    }
    total += *sent;
    turn += *sent;
    if (transfer != nullptr) transfer->on_sent(total);
    if (turn >= core_->limits.send_turn) {
      turn = 0;
      co_await asio::post(core_->io, kAwait);
    }
  }
  co_return Result<>{};
}

// Bytes that went, 0 = the client has to take some first.
Task<Result<std::size_t>> Connection::send_part(const FileSlice& slice, std::uint64_t at, std::size_t count) {
  if (slice.file->fd() < 0) co_return co_await send_copy(slice, at, count);
  auto sent = send_file(socket_.native_handle(), slice.file->fd(), at, count);
  switch (sent.how) {
    case Moved::How::kSome:
      co_return sent.count;
    case Moved::How::kWouldBlock:
      co_return std::size_t{0};
    case Moved::How::kEnd:
      co_return Error{ErrorCode::kCorrupt, "the file has become shorter"};
    case Moved::How::kFailed:
      break;
  }
  co_return co_await whose_failure(slice, at);
}

// sendfile does not say which side failed: a disk that can't give the next byte is the cause, or else the client.
Task<Error> Connection::whose_failure(const FileSlice& slice, std::uint64_t at) {
  std::array<std::byte, 1> next{};
  Result<std::size_t> got = std::size_t{0};
  std::function<void()> read = [&] { got = slice.file->read(at, next); };
  if (core_->bytes != nullptr)
    co_await core_->bytes->run(std::move(read));
  else
    read();
  if (!got) co_return got.error();
  co_return Error{ErrorCode::kUnavailable, "the client has gone"};
}

// A File that has no descriptor (the simulator's, an encrypted one): through a buffer, all of which goes.
Task<Result<std::size_t>> Connection::send_copy(const FileSlice& slice, std::uint64_t at, std::size_t count) {
  std::vector<std::byte> buffer(std::min(count, kCopyBuffer));
  Result<std::size_t> got = std::size_t{0};
  std::function<void()> read = [&] { got = slice.file->read(at, buffer); };
  if (core_->bytes != nullptr)
    co_await core_->bytes->run(std::move(read));
  else
    read();
  if (!got) co_return got.error();
  if (*got == 0) co_return Error{ErrorCode::kCorrupt, "the file has become shorter"};
  buffer.resize(*got);
  bool all = co_await send_all(as_text(buffer), false);
  if (!all) co_return why_cut();
  co_return *got;
}

// sendfile of a page that is not cached would make the loop wait for the disk.
Task<> Connection::warm(const FileSlice& slice, std::uint64_t at) {
  auto fd = slice.file->fd();
  if (fd < 0 || is_cached(fd, at)) co_return;
  auto count = std::min<std::uint64_t>(kAhead, slice.offset + slice.length - at);
  std::function<void()> load = [file = slice.file, fd, at, count] {
    (void)::readahead(fd, static_cast<off64_t>(at), count);
    char last = 0;
    (void)!::pread(fd, &last, 1, static_cast<off_t>(at + count - 1));  // waits until it is there
  };
  co_await core_->bytes->run(std::move(load));
}

Task<Result<>> Connection::send_source(BodySource& source, std::uint64_t length) {
  while (length > 0) {
    auto piece = co_await source.read();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return Error{ErrorCode::kCorrupt, "the body is shorter than was said"};
    auto bytes =
        as_text(*piece).substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(length, piece->size())));
    bool all = co_await send_all(bytes, false);
    if (!all) co_return why_cut();
    length -= bytes.size();
  }
  co_return Result<>{};
}

}  // namespace dray::net
