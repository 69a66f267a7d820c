#include "net/connection.h"

#include "net/response_head.h"

namespace dray::net {

Connection::Connection(std::shared_ptr<ServerCore> core, Socket socket, std::string address)
    : core_{std::move(core)}, socket_{std::move(socket)}, address_{std::move(address)} {
  where_ = core_->open.insert(core_->open.end(), this);
  stranger_at_ = core_->strangers.insert(core_->strangers.end(), this);
  ++core_->alive;
}

Connection::~Connection() {
  if (phase_ != Phase::kClosed) core_->open.erase(where_);
  leave_strangers();
  if (refused_) --core_->refused;
  if (--core_->alive == 0 && core_->stopping) core_->all_gone.request();
}

void Connection::start() {
  set_deadline(core_->limits.idle_time);
  arm();
}

void Connection::leave_strangers() {
  if (std::exchange(stranger_, false)) core_->strangers.erase(stranger_at_);
}

// What is kept free for strangers stays free: whoever comes first is one.
void Connection::look_who_it_is(const HttpRequest& request) {
  if (!stranger_ || !core_->knows || !core_->knows(request)) return;
  const auto known = core_->open.size() - core_->strangers.size() - core_->refused;
  const auto kept_free = std::min(core_->limits.strangers, core_->limits.connections);
  if (known + kept_free < core_->limits.connections) leave_strangers();
}

void Connection::refuse_busy() {
  leave_strangers();
  refused_ = true;
  ++core_->refused;
  refuse(503);
}

void Connection::arm() {
  if (armed_) return;
  armed_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](boost::system::error_code) {
    self->armed_ = false;
    self->on_readable();
  });
}

// A failed wait is no case of its own: the read that follows knows better.
void Connection::on_readable() {
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kHead:
      return serve();
    case Phase::kHandling:
      return watch();
    case Phase::kLinger:
      return drain();
    case Phase::kBody:
    case Phase::kSending:
    case Phase::kClosed:
      return;  // the exchange reads for itself
  }
}

void Connection::serve() {
  for (std::size_t turn = 0; turn < core_->limits.requests_per_turn; ++turn) {
    // Mostly a whole request comes at one go: it is read and parsed in memory that all connections share.
    bool own = !input_.empty();
    auto bytes = input_.view();
    auto end = head_end(bytes, looked_);
    if (end == bytes.npos) {
      auto got = receive(socket_.native_handle(), core_->scratch);
      if (got.would_block()) return arm();
      if (!got.some()) return close();
      bytes = {core_->scratch.data(), got.count};
      if (own) {
        input_.append(bytes);
        bytes = input_.view();
      }
      end = head_end(bytes, looked_);
    }
    if (end == bytes.npos || end > core_->limits.head_bytes) {
      if (!take_part(bytes, own)) return;
      continue;
    }
    core_->renew_request();
    // An empty line before a request is forgiven (RFC 9112 section 2.2).
    auto skip = std::min(bytes.find_first_not_of("\r\n"), end - 4);
    auto status = core_->parser.parse_head(bytes.substr(skip, end - skip), core_->request);
    looked_ = 0;
    if (own)
      input_.consume(end);
    else if (bytes.size() > end)
      input_.append(bytes.substr(end));
    if (status != 0) return refuse(status);
    if (!begin_request()) return;
    phase_ = Phase::kIdle;
    set_deadline(core_->limits.idle_time);
    if (input_.empty()) {
      input_.release();
      return arm();
    }
  }
  yield_and_serve();
}

// One client that sends without end must not starve the others.
void Connection::yield_and_serve() {
  asio::post(core_->io, [self = shared_from_this()] {
    if (self->phase_ == Phase::kIdle || self->phase_ == Phase::kHead) self->serve();
  });
}

// Keeps the beginning of a head; false: refused.
bool Connection::take_part(std::string_view bytes, bool own) {
  if (bytes.size() >= core_->limits.head_bytes) {
    refuse(431);
    return false;
  }
  auto fresh = bytes.substr(looked_);
  if (looked_ == 0 || fresh.find('\n') != fresh.npos) {
    auto skip = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
    if (skip < bytes.size() && !RequestParser::may_become_head(bytes.substr(skip))) {
      refuse(400);
      return false;
    }
  }
  looked_ = bytes.size();
  if (!own) input_.append(bytes);
  if (phase_ == Phase::kIdle) {
    phase_ = Phase::kHead;
    set_deadline(core_->limits.head_time);
  }
  return true;
}

// False: the connection is no longer ours to read; an exchange goes on, or it is closing.
bool Connection::begin_request() {
  auto& request = core_->request;
  ++serial_;
  keep_ = core_->parser.keep_alive() && !core_->stopping;
  http10_ = core_->parser.is_http10();
  head_only_ = request.method == Method::kHead;
  request.peer.address = address_;
  look_who_it_is(request);
  if (core_->parser.has_body()) {
    begin_exchange(Phase::kBody);
    spawn(run(shared_from_this(), std::move(request)));
    return false;
  }
  const HttpResponse* response = nullptr;
  try {
    response = core_->handler.now(request);
  } catch (const std::exception& e) {
    core_->log.error("handler_threw", {{"target", request.target}, {"what", e.what()}});
    response = &core_->failed;
  }
  if (response == nullptr) {
    begin_exchange(Phase::kHandling);
    spawn(run(shared_from_this(), std::move(request)));
    return false;
  }
  if (const auto* body = std::get_if<std::string>(&response->body)) return reply_at_once(*response, *body);
  begin_exchange(Phase::kSending);
  spawn(run_response(shared_from_this(), *response));
  return false;
}

bool Connection::reply_at_once(const HttpResponse& response, const std::string& body) {
  auto& out = core_->out;
  out.clear();
  keep_ = keep_ && !response.close;
  append_head(out, response, {body.size(), keep_, http10_, core_->date});
  if (!head_only_) out += body;
  auto sent = send(socket_.native_handle(), out);
  if (sent.some() && sent.count == out.size()) {
    if (!keep_) linger();
    return keep_;
  }
  if (!sent.some() && !sent.would_block()) {
    close();
    return false;
  }
  begin_exchange(Phase::kSending);
  spawn(run_rest(shared_from_this(), out.substr(sent.count)));
  return false;
}

void Connection::spawn(Task<> exchange) {
  asio::co_spawn(core_->io, std::move(exchange), [self = shared_from_this()](std::exception_ptr error) {
    if (!error) return;
    self->core_->log.error("connection_failed", {{"peer", self->address_}});
    self->close();
  });
}

// While a handler works: learn that the client has gone, and keep what it sends ahead.
void Connection::watch() {
  if (input_.size() >= core_->limits.head_bytes) return;  // enough ahead; the next write will tell the rest
  auto got = receive(socket_.native_handle(), core_->scratch);
  if (got.some()) input_.append({core_->scratch.data(), got.count});
  if (got.some() || got.would_block()) return arm();
  peer_gone_ = true;
  exchange_->stop.request();
}

// The body is empty: DDI clients install error bodies.
void Connection::refuse(int status) {
  keep_ = false;
  HttpResponse response{status};
  std::string out;
  append_head(out, response, {0, false, false, core_->date});
  (void)send(socket_.native_handle(), out);  // a client that has let 300 bytes pile up gets none
  linger();
}

// Closing with unread bytes would reset the connection and destroy our last answer on its way: read on for a
// while (RFC 9112 section 9.6).
void Connection::linger() {
  if (phase_ == Phase::kClosed) return;
  if (peer_gone_) return close();
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  phase_ = Phase::kLinger;
  set_deadline(core_->limits.linger_time);
  input_.release();
  drain();
}

void Connection::drain() {
  constexpr int kReads = 16;  // a turn: 1 MiB
  for (int i = 0; i < kReads; ++i) {
    auto got = receive(socket_.native_handle(), core_->scratch);
    if (got.would_block()) return arm();
    if (!got.some()) return close();
  }
  arm();
}

void Connection::sweep(SteadyTime now) {
  if (phase_ == Phase::kSending && exchange_ && exchange_->transfer) {
    bool left = exchange_->paused && peek(socket_.native_handle()).how == Moved::How::kEnd;
    if (left || exchange_->transfer->stopped()) return close();
  }
  if (now < deadline_) return;
  deadline_ = kSteadyMax;
  timed_out_ = true;
  switch (phase_) {
    case Phase::kHead:
      return refuse(408);
    case Phase::kBody: {  // wakes the exchange, which answers
      boost::system::error_code ignored;
      socket_.cancel(ignored);
      return;
    }
    case Phase::kHandling:
    case Phase::kClosed:
      return;
    case Phase::kIdle:
    case Phase::kSending:
    case Phase::kLinger:
      return close();
  }
}

void Connection::end_soon() {
  keep_ = false;
  // Half a request has not been acted on: its client may safely ask elsewhere.
  if (phase_ == Phase::kIdle || phase_ == Phase::kHead) return close();
  if (exchange_) exchange_->stop.request();
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  core_->open.erase(where_);
  leave_strangers();
  boost::system::error_code ignored;
  socket_.close(ignored);
  gone_.request();
  if (exchange_) exchange_->stop.request();
}

}  // namespace dray::net
