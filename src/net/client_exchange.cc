#include "net/client_exchange.h"

#include <boost/asio/redirect_error.hpp>
#include <cstring>

namespace dray::net {

namespace {

using ErrorNumber = boost::system::error_code;

// Names that this layer writes itself.
bool is_of_every_request(std::string_view name) {
  for (std::string_view ours : {"host", "content-length", "transfer-encoding", "connection"})
    if (std::equal(name.begin(), name.end(), ours.begin(), ours.end(),
                   [](char a, char b) { return a == b || (a | 0x20) == b; }))
      return true;
  return false;
}

bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) != text.npos;
}

Result<std::string> head_of(const HttpRequest& request, const Url& url) {
  std::string out{to_string(request.method)};
  out += ' ' + url.target + " HTTP/1.1\r\nHost: " + url.authority + "\r\n";
  for (const auto& [name, value] : request.headers) {
    if (has_line_break(name) || has_line_break(value))
      return Error{ErrorCode::kInvalid, "a header holds a line break"};
    if (!is_of_every_request(name)) out += name + ": " + value + "\r\n";
  }
  bool may_be_empty =
      request.method == Method::kGet || request.method == Method::kHead || request.method == Method::kDelete;
  if (request.body && request.length)
    out += "Content-Length: " + std::to_string(*request.length) + "\r\n";
  else if (request.body)
    out += "Transfer-Encoding: chunked\r\n";
  else if (!may_be_empty)
    out += "Content-Length: 0\r\n";
  return out + "\r\n";
}

std::string chunk_head(std::size_t size) {
  char text[24];
  std::snprintf(text, sizeof text, "%zx\r\n", size);
  return text;
}

// A look-up that may outlive whoever asked: getaddrinfo can't be interrupted, its thread belongs to Asio.
struct Lookup {
  explicit Lookup(Executor executor) : resolver{executor} {}
  asio::ip::basic_resolver<Tcp, Executor> resolver;
  std::vector<Tcp::endpoint> found;
  ErrorNumber error;
  Stop done;
};

}  // namespace

ClientExchange::ClientExchange(std::shared_ptr<ClientCore> core, const Url& url, Duration idle_limit)
    : core_{std::move(core)},
      url_{url},
      key_{url.host + ' ' + std::to_string(url.port)},
      idle_limit_{idle_limit},
      socket_{core_->io.get_executor()} {
  where_ = core_->running.insert(core_->running.end(), this);
  core_->start_sweep();
}

ClientExchange::~ClientExchange() { core_->running.erase(where_); }

void ClientExchange::cut(Error why) {
  if (cut_) return;
  cut_ = std::move(why);
  ErrorNumber ignored;
  socket_.close(ignored);
  cut_stop_.request();
}

void ClientExchange::sweep(SteadyTime now) {
  ErrorNumber ignored;
  // The server answers before it has our whole request, mostly to refuse it: stop sending and listen.
  if (sending_ && peek(socket_.native_handle()).some()) socket_.cancel(ignored);
  if (now < deadline_) return;
  deadline_ = kSteadyMax;
  if (connecting_)
    socket_.close(ignored);
  else
    cut(Error{ErrorCode::kTimeout, url_.authority + ": no progress within the time limit"});
}

Error ClientExchange::lost(std::string_view what) const {
  return cut_ ? *cut_ : Error{ErrorCode::kUnavailable, url_.authority + ": " + std::string{what}};
}

bool ClientExchange::take_kept() {
  auto kept = core_->take(key_);
  if (kept) socket_ = std::move(*kept);
  return kept.has_value();
}

Task<Result<ClientExchange::Endpoints>> ClientExchange::resolve() {
  ErrorNumber error;
  auto address = asio::ip::make_address(url_.host, error);
  if (!error) co_return Endpoints{Tcp::endpoint{address, url_.port}};
  auto lookup = std::make_shared<Lookup>(core_->io.get_executor());
  lookup->resolver.async_resolve(url_.host, std::to_string(url_.port),
                                 [lookup](ErrorNumber e, const auto& results) {
                                   lookup->error = e;
                                   for (const auto& result : results)
                                     lookup->found.push_back(result.endpoint());
                                   lookup->done.request();
                                 });
  Stop either{cut_stop_};
  Stop::Hook hook{lookup->done, [&either] { either.request(); }};
  auto until = core_->clock.steady() + core_->limits.connect_time;
  auto timed = co_await core_->clock.sleep_until(until, either);
  if (cut_) co_return *cut_;
  if (timed) co_return Error{ErrorCode::kTimeout, "no answer about the name " + url_.host};
  if (lookup->error || lookup->found.empty())
    co_return lost("the name is not known: " + lookup->error.message());
  co_return lookup->found;
}

Task<Result<>> ClientExchange::connect() {
  auto until = core_->clock.steady() + core_->limits.connect_time;
  auto endpoints = co_await resolve();
  if (!endpoints) co_return endpoints.error();
  for (std::size_t i = 0; i < endpoints->size() && !cut_; ++i) {
    // An address that does not answer must leave time for the next one.
    auto left = until - core_->clock.steady();
    deadline_ = core_->clock.steady() + (i + 1 < endpoints->size() ? left / 2 : left);
    bool connected = co_await connect_to((*endpoints)[i]);
    if (connected) co_return Result<>{};
  }
  if (!cut_ && core_->clock.steady() >= until)
    co_return Error{ErrorCode::kTimeout, url_.authority + ": no connection within the time limit"};
  co_return lost("no connection: " + why_not_connected_);
}

Task<bool> ClientExchange::connect_to(Tcp::endpoint endpoint) {
  ErrorNumber error;
  socket_.close(error);
  connecting_ = true;
  co_await socket_.async_connect(endpoint, asio::redirect_error(kAwait, error));
  connecting_ = false;
  deadline_ = kSteadyMax;
  if (error) why_not_connected_ = error.message();
  if (error || cut_) co_return false;
  socket_.set_option(Tcp::no_delay{true}, error);
  co_return true;
}

Task<Result<int>> ClientExchange::run(HttpRequest& request, BodySink& sink) {
  auto sent = co_await send_request(request);
  if (!sent) co_return sent.error();
  Headers headers;
  auto status = co_await read_head(request.method == Method::kHead, headers);
  if (!status) co_return status.error();
  auto wanted = sink.head(*status, headers);
  if (!wanted) co_return wanted.error();
  auto body = co_await read_body(sink);
  if (!body) co_return body.error();
  if (cut_) co_return *cut_;
  if (sent_all_ && parser_.keep_alive() && !parser_.ends_with_connection() && unread().empty())
    core_->keep(key_, std::move(socket_));
  co_return *status;
}

// Ok also where the server did not want all of it: its answer will say why.
Task<Result<>> ClientExchange::send_request(HttpRequest& request) {
  auto head = head_of(request, url_);
  if (!head) co_return head.error();
  auto sent = co_await send_all(*head, request.body != nullptr);
  if (!sent) co_return sent.error();
  if (request.body) {
    sent = co_await send_body(*request.body, !request.length.has_value());
    if (!sent) co_return sent.error();
  } else {
    sent_all_ = true;
  }
  co_return Result<>{};
}

Task<Result<>> ClientExchange::send_body(BodySource& body, bool chunked) {
  while (true) {
    auto piece = co_await body.read();
    if (!piece) co_return piece.error();
    if (cut_) co_return *cut_;
    bool last = piece->empty();
    std::string head = chunked ? chunk_head(piece->size()) : std::string{};
    auto text = as_text(*piece);
    sending_ = true;
    auto sent = co_await send_all(head, true);
    if (sent) sent = co_await send_all(text, chunked);
    if (sent && chunked) sent = co_await send_all("\r\n", false);
    sending_ = false;
    if (cut_) co_return *cut_;
    // An early answer, or a server that has closed behind one.
    if (!sent || (!last && peek(socket_.native_handle()).some())) co_return Result<>{};
    if (last) break;
  }
  sent_all_ = true;
  co_return Result<>{};
}

Task<Result<>> ClientExchange::send_all(std::string_view bytes, bool more) {
  while (!bytes.empty() && !cut_) {
    auto sent = net::send(socket_.native_handle(), bytes, more);
    if (sent.some()) {
      bytes.remove_prefix(sent.count);
      continue;
    }
    if (!sent.would_block()) co_return lost("the connection was cut while sending");
    set_deadline(idle_limit_);
    ErrorNumber error;
    co_await socket_.async_wait(Socket::wait_write, asio::redirect_error(kAwait, error));
    deadline_ = kSteadyMax;
    if (error) co_return lost("the connection was cut while sending");
  }
  if (cut_) co_return *cut_;
  co_return Result<>{};
}

// More bytes behind unread().
Task<Result<bool>> ClientExchange::fill() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size() && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (!cut_) {
    if (!buffer_.empty()) {
      auto got = receive(socket_.native_handle(), std::span{buffer_}.subspan(end_));
      if (got.some()) {
        end_ += got.count;
        got_bytes_ = true;
        co_return true;
      }
      if (got.how == Moved::How::kEnd) co_return false;
      if (!got.would_block()) co_return lost("the connection was reset");
    }
    set_deadline(idle_limit_);
    ErrorNumber ignored;
    co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(kAwait, ignored));
    deadline_ = kSteadyMax;
    if (buffer_.empty()) buffer_.resize(core_->limits.buffer_bytes);  // not while a long poll waits
  }
  co_return *cut_;
}

Task<Result<int>> ClientExchange::read_head(bool to_head, Headers& headers) {
  std::size_t looked = 0;
  for (int interim = 0;;) {
    const bool begun = !unread().empty();
    if (!begun) head_until_ = kSteadyMax;
    if (begun && head_until_ == kSteadyMax) head_until_ = core_->clock.steady() + core_->limits.head_time;
    auto end = head_end(unread(), looked);
    if (end != std::string_view::npos) {
      int status = 0;
      headers = Headers{};
      if (!parser_.parse_head(unread().substr(0, end), to_head, status, headers) || status == 101)
        co_return Error{ErrorCode::kInvalid, url_.authority + ": the answer is not HTTP/1.1"};
      begin_ += end;
      looked = 0;
      head_until_ = kSteadyMax;
      if (status >= 200) co_return status;
      if (++interim > core_->limits.interim_answers)
        co_return Error{ErrorCode::kInvalid, url_.authority + ": interim answers without end"};
      continue;  // 100 Continue, 103 Early Hints: the answer is still to come
    }
    looked = unread().size();
    if (looked >= std::min(core_->limits.head_bytes, core_->limits.buffer_bytes))
      co_return Error{ErrorCode::kInvalid, url_.authority + ": the head of the answer is too large"};
    auto more = co_await fill();
    if (!more) co_return more.error();
    if (!*more && looked > 0 && !unread().starts_with("HTTP/"))
      co_return Error{ErrorCode::kInvalid, url_.authority + ": the answer is not HTTP/1.1"};
    if (!*more) co_return lost("the connection was closed before an answer");
  }
}

Task<Result<>> ClientExchange::read_body(BodySink& sink) {
  bool done = !parser_.has_body();
  while (!done) {
    if (!unread().empty()) {
      auto step = parser_.parse_body(unread());
      begin_ += step.used;
      done = step.done;
      framing_bytes_ += step.used - step.piece.size();
      // Extensions and trailers without end; a chunk of one byte has six bytes around it.
      const bool hollow = framing_bytes_ > core_->limits.head_bytes + 16 * body_bytes_;
      if (step.bad || hollow) co_return Error{ErrorCode::kInvalid, url_.authority + ": malformed chunked body"};
      if (!step.piece.empty()) {
        body_bytes_ += step.piece.size();
        auto written = co_await sink.write(as_bytes(step.piece));
        if (!written) co_return written.error();
        if (cut_) co_return *cut_;
        continue;
      }
      if (step.used > 0) continue;
      if (unread().size() == buffer_.size())
        co_return Error{ErrorCode::kInvalid, url_.authority + ": malformed chunked body"};
    }
    auto more = co_await fill();
    if (!more) co_return more.error();
    if (*more) continue;
    if (parser_.ends_with_connection()) break;
    co_return lost("the answer was cut after " + std::to_string(body_bytes_) + " bytes of its body");
  }
  co_return Result<>{};
}

}  // namespace dray::net
