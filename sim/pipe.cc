#include <algorithm>
#include <utility>

#include "sim/exchange.h"
#include "sim/network.h"

namespace dray::sim {

// While a coroutine waits, `slot` lets the other direction of the code end its wait.
Task<bool> Pipe::park(Wait*& slot, Side& side, SteadyTime until) {
  struct Parked {
    Wait*& slot;
    ~Parked() { slot = nullptr; }
  };
  Wait wait{exchange_.events_, side.life};
  const Parked parked{slot};
  slot = &wait;
  const bool time_came = co_await wait.until(until);
  co_return time_came;
}

Task<Result<>> Pipe::send(Piece piece, Duration limit) {
  Events& events = exchange_.events_;
  if (!from_.alive()) co_await park(sender_wait_, from_, kSteadyMax);  // no power: nothing leaves
  while (in_flight_ >= kWindow && !sender_failure_ && !given_up_) {
    const bool time_came = co_await park(sender_wait_, from_, events.now() + limit);
    if (time_came) co_return Error{ErrorCode::kTimeout, "the peer took nothing for a while"};
  }
  std::uint64_t size = piece.bytes.size();
  const bool cuts = cut_after && passed_ + size >= *cut_after && piece.kind != Piece::Kind::kHead;
  if (cuts) piece.bytes.resize(size = std::min(size, *cut_after - passed_));
  const SteadyTime out = exchange_.network_.reserve(exchange_.line(this == &exchange_.up), size);
  while (events.now() < out && !sender_failure_ && !given_up_) co_await park(sender_wait_, from_, out);
  if (sender_failure_) co_return *sender_failure_;
  if (given_up_) co_return Result<>{};
  passed_ += size;
  ++in_flight_;
  exchange_.network_.count(exchange_, this == &exchange_.up, piece.bytes);
  if (!cuts || size > 0)
    exchange_.carry(to_, [this, piece = std::move(piece)]() mutable { arrive(std::move(piece)); });
  if (!cuts) co_return Result<>{};
  exchange_.cut("connection cut after " + std::to_string(passed_) + " bytes");
  co_return Error{ErrorCode::kUnavailable, "connection cut"};
}

Task<Result<>> Pipe::send_bytes(ByteView bytes, Duration limit) {
  const std::size_t chunk = SimNetwork::chunk(exchange_.line(this == &exchange_.up));
  while (!bytes.empty()) {
    const ByteView part = bytes.first(std::min(bytes.size(), chunk));
    Piece piece{part};
    auto sent = co_await send(std::move(piece), limit);
    if (!sent) co_return sent;
    bytes = bytes.subspan(part.size());
  }
  co_return Result<>{};
}

Task<Result<Piece>> Pipe::receive(Duration limit) {
  while (taken_ == inbox_.size()) {
    if (receiver_failure_) co_return *receiver_failure_;
    const bool time_came = co_await park(receiver_wait_, to_, exchange_.events_.now() + limit);
    if (time_came)
      co_return Error{ErrorCode::kTimeout, "no progress for " + std::to_string(limit.count()) + " ms"};
  }
  Piece piece = std::move(inbox_[taken_++]);
  if (taken_ == inbox_.size()) {
    inbox_.clear();
    taken_ = 0;
  }
  if (piece.kind == Piece::Kind::kAll || piece.kind == Piece::Kind::kEnd) co_return piece;  // nothing follows
  exchange_.carry(from_, [this] {
    --in_flight_;
    if (sender_wait_ != nullptr && !sender_failure_) sender_wait_->end();
  });
  co_return piece;
}

void Pipe::arrive(Piece piece) {
  if (receiver_failure_) return;
  if (piece.kind == Piece::Kind::kHead || piece.kind == Piece::Kind::kAll) exchange_.up.give_up();  // answered: no more of the upload is wanted
  inbox_.push_back(std::move(piece));
  if (receiver_wait_ != nullptr) receiver_wait_->end();
}

void Pipe::give_up() {
  given_up_ = true;
  if (sender_wait_ != nullptr) sender_wait_->end();
}

void Pipe::fail_sender(Error why) {
  if (!sender_failure_) sender_failure_ = std::move(why);
  if (sender_wait_ != nullptr) sender_wait_->end();
}

void Pipe::fail_receiver(Error why, bool at_once) {
  if (at_once) inbox_.resize(taken_, Piece{Piece::Kind::kEnd});
  if (!receiver_failure_) receiver_failure_ = std::move(why);
  if (receiver_wait_ != nullptr) receiver_wait_->end();
}

}  // namespace dray::sim
