#include "sim/exchange.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "sim/network.h"

namespace dray::sim {
namespace {

constexpr Duration kServerIdle{60'000};  // as in net: longest time without progress of a client
constexpr Duration kPausedCheck{20};     // how soon a paused Transfer is asked again

// The request's body as the handler reads it.
class Upload final : public BodySource {
 public:
  explicit Upload(std::shared_ptr<Exchange> exchange) : exchange_{std::move(exchange)} {}
  Task<Result<ByteView>> read() override {
    if (ended_) co_return ByteView{};
    auto piece = co_await exchange_->up.receive(kServerIdle);
    if (!piece) co_return piece.error();
    ended_ = piece->kind == Piece::Kind::kEnd;
    bytes_ = std::move(piece->bytes);
    co_return as_bytes(bytes_);
  }

 private:
  std::shared_ptr<Exchange> exchange_;
  std::string bytes_;
  bool ended_ = false;
};

std::uint64_t length_of(const HttpResponse& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return text->size();
  if (const auto* slice = std::get_if<FileSlice>(&response.body)) return slice->length;
  return response.source_length;
}

}  // namespace

// The request's body, as it arrives at the server.
std::shared_ptr<BodySource> upload_of(std::shared_ptr<Exchange> exchange) { return std::make_shared<Upload>(std::move(exchange)); }

Exchange::Exchange(SimNetwork& network, Events& events, Node& c, Node* s, HttpRequest& request,
                   std::string t)
    : client{&c, c.life()},
      server{s, 0},
      up{*this, client, server},
      down{*this, server, client},
      no_body{request.method == Method::kHead},
      has_body{request.body != nullptr},
      method{request.method},
      target{std::move(t)},
      path{target.substr(0, target.find('?'))},
      network_{network},
      events_{events} {
  const SimNetwork::Lines& lines = network.lines(c, *s);
  to_server_ = lines.there;
  to_client_ = lines.back;
  traffic_ = &(*lines.counts)[path];
}

void Exchange::carry(Side& to, std::function<void()> act) {
  if (echo) return;  // its two sides are on one machine, or nobody listens
  const bool upward = &to == &server;
  dead |= line(upward).lost;
  if (dead) return;
  SteadyTime& latest = upward ? arrived_up_ : arrived_down_;
  latest = std::max(latest, events_.now() + network_.latency(line(upward)) +
                                (upward ? std::exchange(late, Duration{0}) : Duration{0}));
  events_.at(latest, to.life, [self = shared_from_this(), &to, act = std::move(act)]() mutable {
    if (to.alive() || to.life == 0) act();  // 0: the server has yet to accept
  });
}

void Exchange::fail_client(Error why) {
  up.fail_sender(why);
  down.fail_receiver(std::move(why));
}

void Exchange::fail_server(Error why) {
  up.fail_receiver(why);
  down.fail_sender(std::move(why));
  if (server.alive())
    asio::post(server.node->executor(), [self = shared_from_this()] { self->gone.request(); });
}

void Exchange::cut(const std::string& why) {
  const Error error{ErrorCode::kUnavailable, why};
  carry(client, [this, error] { fail_client(error); });
  if (server.life != 0) carry(server, [this, error] { fail_server(error); });
}

void Exchange::leave() {
  carry(server, [this] { fail_server(Error{ErrorCode::kUnavailable, "the client has gone"}); });
}

Task<> Exchange::serve(std::shared_ptr<Exchange> self, HttpHandler& handler, HttpRequest request) {
  Exchange& x = *self;
  HttpResponse response{500};
  if (const HttpResponse* lent = handler.now(request)) {
    response = *lent;
  } else {
    HttpResponse answer = co_await handler.handle(std::move(request), x.gone);
    response = std::move(answer);
  }
  if (x.network_.tap() != nullptr) x.network_.tap()->answered(x, response);
  if (x.network_.middlebox() != nullptr && !x.echo) x.network_.middlebox()->change(x, response);
  x.dead |= x.lose_answer;
  const auto sent = co_await x.send_answer(response);
  if (!sent)
    x.carry(x.client, [&x] { x.fail_client(Error{ErrorCode::kUnavailable, "connection cut"}); });
}

Task<> Exchange::answer(std::shared_ptr<Exchange> self, HttpResponse response) {
  Exchange& x = *self;
  x.dead |= x.lose_answer;
  const auto sent = co_await x.send_answer(response);
  if (!sent)
    x.carry(x.client, [&x] { x.fail_client(Error{ErrorCode::kUnavailable, "connection cut"}); });
}

Task<Result<>> Exchange::send_answer(HttpResponse& response) {
  auto* slice = std::get_if<FileSlice>(&response.body);
  auto transfer = slice != nullptr ? slice->transfer : nullptr;
  const bool bodiless = no_body || response.status == 204 || response.status == 304;
  Piece head{Piece::Kind::kHead};
  head.status = response.status;
  head.headers = response.headers;
  head.headers.set("Date", network_.date(server.node->said_time()));
  if (no_body || !bodiless) head.headers.set("Content-Length", std::to_string(length_of(response)));
  if (fits_one_piece(response, bodiless)) {
    head.kind = Piece::Kind::kAll;
    if (!bodiless) head.bytes = std::move(std::get<std::string>(response.body));
    co_return co_await down.send(std::move(head), kServerIdle);
  }
  auto sent = co_await down.send(std::move(head), kServerIdle);
  if (sent && !bodiless) {
    if (const auto* text = std::get_if<std::string>(&response.body)) {
      sent = co_await down.send_bytes(as_bytes(*text), kServerIdle);
    } else if (slice != nullptr) {
      sent = co_await send_slice(*slice);
    } else if (auto& source = std::get<std::shared_ptr<BodySource>>(response.body)) {
      sent = co_await send_source(*source);
    }
  }
  Piece end{Piece::Kind::kEnd};
  if (sent) sent = co_await down.send(std::move(end), kServerIdle);
  if (transfer)
    transfer->on_end(sent && bodiless ? Error{ErrorCode::kStopped, "there was no body to send"} : sent);
  co_return sent;
}

bool Exchange::fits_one_piece(const HttpResponse& response, bool bodiless) {
  if (down.cut_after) return false;
  if (bodiless) return std::holds_alternative<std::string>(response.body);
  const auto* text = std::get_if<std::string>(&response.body);
  return text != nullptr && text->size() <= SimNetwork::chunk(line(false));
}

Task<Result<>> Exchange::send_slice(FileSlice slice) {
  std::string buffer(SimNetwork::chunk(line(false)), '\0');
  for (std::uint64_t done = 0; done < slice.length;) {
    SimClock& clock = server.node->clock();
    if (slice.transfer && slice.transfer->stopped()) co_return Error{ErrorCode::kStopped, "transfer stopped"};
    std::uint64_t may = std::min<std::uint64_t>(buffer.size(), slice.length - done);
    if (slice.transfer) may = std::min(may, slice.transfer->allowance(clock.steady()));
    if (may == 0) {
      auto slept = co_await clock.sleep_until(clock.steady() + kPausedCheck, gone);
      if (!slept) co_return Error{ErrorCode::kUnavailable, "the client has gone"};
      continue;
    }
    const auto n =
        slice.file->read(slice.offset + done, std::as_writable_bytes(std::span{buffer}.first(may)));
    if (!n) co_return n.error();
    if (*n < may) co_return Error{ErrorCode::kCorrupt, "the file is shorter than its answer"};
    auto sent = co_await down.send_bytes(as_bytes(std::string_view{buffer}.substr(0, *n)), kServerIdle);
    if (!sent) co_return sent;
    done += *n;
    if (slice.transfer) slice.transfer->on_sent(done);
  }
  co_return Result<>{};
}

Task<Result<>> Exchange::send_source(BodySource& source) {
  for (;;) {
    auto piece = co_await source.read();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return Result<>{};
    auto sent = co_await down.send_bytes(*piece, kServerIdle);
    if (!sent) co_return sent;
  }
}

// The client's side: the upload until it ends or is answered, then the answer.
Task<Result<int>> Exchange::run(std::shared_ptr<BodySource> upload, BodySink& sink, Duration idle_limit) {
  bool uploading = upload != nullptr;
  while (uploading) {
    auto piece = co_await upload->read();
    if (!piece) co_return piece.error();
    auto sent = co_await up.send_bytes(*piece, idle_limit);
    uploading = !piece->empty() && !up.given_up();
    if (!sent) co_return sent.error();
  }
  if (upload) {
    Piece end{Piece::Kind::kEnd};
    auto sent = co_await up.send(std::move(end), idle_limit);
    if (!sent) co_return sent.error();
    network_.uploaded(*this);
  }
  int status = 0;
  for (;;) {
    auto piece = co_await down.receive(idle_limit);
    if (!piece) co_return piece.error();
    if (piece->kind == Piece::Kind::kEnd) co_return status;
    if (piece->kind != Piece::Kind::kBytes) {
      status = piece->status;
      const auto welcome = sink.head(status, piece->headers);
      if (!welcome) co_return welcome.error();
    }
    if (!piece->bytes.empty()) {
      auto taken = co_await sink.write(as_bytes(piece->bytes));
      if (!taken) co_return taken.error();
    }
    if (piece->kind == Piece::Kind::kAll) co_return status;
  }
}

}  // namespace dray::sim
