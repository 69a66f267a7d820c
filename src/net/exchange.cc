// A request that is not answered on the spot: its handler, its body, its end.
#include <boost/asio/redirect_error.hpp>

#include "net/connection.h"

namespace dray::net {

namespace {

// Room for a piece of a body; what a handler gets at one go.
constexpr std::size_t kPiece = 64 * 1024;
// A body that its handler did not want is read to its end if it is small, to keep the connection.
constexpr std::size_t kSmallBody = 64 * 1024;

// The body as its handler sees it. A handler may keep it; after the exchange it only says that it is over.
class RequestBody final : public BodySource {
 public:
  explicit RequestBody(const std::shared_ptr<Connection>& connection)
      : connection_{connection}, serial_{connection->serial()} {}

  Task<Result<ByteView>> read() override {
    auto connection = connection_.lock();
    if (!connection || connection->serial() != serial_)
      co_return Error{ErrorCode::kUnavailable, "the request is over"};
    co_return co_await connection->read_body();
  }

 private:
  std::weak_ptr<Connection> connection_;
  std::uint64_t serial_;
};

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x | 0x20) == y || x == y; });
}

}  // namespace

void Connection::begin_exchange(Phase phase) {
  phase_ = phase;
  deadline_ = kSteadyMax;
  timed_out_ = false;
  exchange_ = std::make_unique<Exchange>();
  if (core_->stopping) exchange_->stop.request();
  if (phase != Phase::kBody) return;
  exchange_->body_done = false;
  std::swap(exchange_->parser, core_->parser);
  exchange_->expects_continue =
      !http10_ && equals_ignoring_case(core_->request.headers.get("expect"), "100-continue");
}

Task<> Connection::run(std::shared_ptr<Connection> self, HttpRequest request) {
  if (!self->exchange_->body_done)
    request.body = std::make_shared<RequestBody>(self);
  else if (self->phase_ == Phase::kHandling)
    self->arm();
  HttpResponse response{500};
  std::string target = request.target;
  try {
    response = co_await self->core_->handler.handle(std::move(request), self->exchange_->stop);
  } catch (const std::exception& e) {
    self->core_->log.error("handler_threw", {{"target", target}, {"what", e.what()}});
    response.close = true;
  }
  self->skip_small_body();
  if (!self->exchange_->body_done) self->keep_ = false;
  co_await self->respond(std::move(response));
  self->end_exchange();
}

Task<> Connection::run_response(std::shared_ptr<Connection> self, HttpResponse response) {
  co_await self->respond(std::move(response));
  self->end_exchange();
}

Task<> Connection::run_rest(std::shared_ptr<Connection> self, std::string rest) {
  bool sent = co_await self->send_all(rest, false);
  if (!sent) self->close();
  self->end_exchange();
}

void Connection::end_exchange() {
  ++serial_;
  exchange_.reset();
  if (phase_ == Phase::kClosed) return;
  if (!keep_ || core_->stopping) return linger();
  phase_ = Phase::kIdle;
  set_deadline(core_->limits.idle_time);
  if (!input_.empty()) return yield_and_serve();  // not from here: pipelined exchanges would nest without end
  input_.release();
  arm();
}

BodyStep Connection::step_body() {
  auto step = exchange_->parser.parse_body(input_.view());
  input_.consume(step.used);
  exchange_->body_done = step.done;
  return step;
}

// What has come already, without waiting: an answer that did not need the body should not cost the
// connection.
void Connection::skip_small_body() {
  if (exchange_->body_done || exchange_->body_error || phase_ == Phase::kClosed) return;
  for (std::size_t skipped = 0; skipped < kSmallBody;) {
    if (input_.empty()) {
      auto got = receive(socket_.native_handle(), core_->scratch);
      if (!got.some()) return;
      input_.append({core_->scratch.data(), got.count});
    }
    auto step = step_body();
    if (step.done || step.bad || step.used == 0) return;
    skipped += step.used;
  }
}

Task<Result<ByteView>> Connection::read_body() {
  auto& exchange = *exchange_;
  for (int turn = 1; !exchange.body_error; ++turn) {
    if (phase_ == Phase::kClosed) {
      exchange.body_error = why_cut();
      break;
    }
    if (exchange.body_done) {
      // All here: from now on a readable socket means a client that goes, or sends ahead.
      if (phase_ == Phase::kBody) {
        phase_ = Phase::kHandling;
        arm();
      }
      co_return ByteView{};
    }
    if (!input_.empty()) {
      auto step = step_body();
      if (step.bad) exchange.body_error = Error{ErrorCode::kInvalid, "malformed chunked body"};
      if (!step.piece.empty()) co_return as_bytes(step.piece);
      if (step.bad || step.done) continue;
      if (input_.size() >= kPiece) exchange.body_error = Error{ErrorCode::kInvalid, "malformed chunked body"};
    }
    if (exchange.body_error) break;
    bool more = co_await receive_body();
    if (!more) break;
    constexpr int kTurns = 32;  // a client that sends faster than its bytes are used must not starve others
    if (turn % kTurns == 0) co_await asio::post(core_->io, kAwait);
  }
  keep_ = false;
  co_return *exchange.body_error;
}

// More bytes into input_; false: body_error says why not.
Task<bool> Connection::receive_body() {
  auto& exchange = *exchange_;
  if (exchange.expects_continue) {
    exchange.expects_continue = false;
    (void)send(socket_.native_handle(), "HTTP/1.1 100 Continue\r\n\r\n");
  }
  while (phase_ != Phase::kClosed) {
    auto got = receive(socket_.native_handle(), core_->scratch);
    if (got.some()) {
      deadline_ = kSteadyMax;
      input_.append({core_->scratch.data(), got.count});
      co_return true;
    }
    if (!got.would_block()) {
      peer_gone_ = true;
      exchange.body_error = Error{ErrorCode::kUnavailable, "the client cut its request"};
      exchange.stop.request();
      co_return false;
    }
    set_deadline(core_->limits.body_idle);
    boost::system::error_code ignored;
    co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(kAwait, ignored));
    if (timed_out_) {
      exchange.body_error = Error{ErrorCode::kTimeout, "the client stopped sending its request"};
      co_return false;
    }
  }
  exchange.body_error = why_cut();
  co_return false;
}

}  // namespace dray::net
