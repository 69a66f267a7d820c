// One request and its answer on one connection. Internal to net.
#pragma once

#include <boost/asio/ip/basic_resolver.hpp>
#include <vector>

#include "net/client_core.h"
#include "net/message_parser.h"
#include "net/url.h"

namespace dray::net {

class ClientExchange {
 public:
  ClientExchange(std::shared_ptr<ClientCore> core, const Url& url, Duration idle_limit);
  ~ClientExchange();
  ClientExchange(const ClientExchange&) = delete;
  ClientExchange& operator=(const ClientExchange&) = delete;

  bool take_kept();
  Task<Result<>> connect();
  Task<Result<int>> run(HttpRequest& request, BodySink& sink);

  // Ends it from outside; what it waits for ends at once. The first reason counts.
  void cut(Error why);
  void sweep(SteadyTime now);

  bool was_cut() const { return cut_.has_value(); }
  bool got_bytes() const { return got_bytes_; }

 private:
  using Endpoints = std::vector<Tcp::endpoint>;

  Task<Result<Endpoints>> resolve();
  Task<bool> connect_to(Tcp::endpoint endpoint);
  Task<Result<>> send_request(HttpRequest& request);
  Task<Result<>> send_body(BodySource& body, bool chunked);
  Task<Result<>> send_all(std::string_view bytes, bool more);
  Task<Result<int>> read_head(bool to_head, Headers& headers);
  Task<Result<>> read_body(BodySink& sink);
  Task<Result<bool>> fill();  // false: the server has closed
  void set_deadline(Duration from_now) { deadline_ = std::min(core_->clock.steady() + from_now, head_until_); }
  Error lost(std::string_view what) const;
  std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }

  std::shared_ptr<ClientCore> core_;
  const Url& url_;
  std::string key_;
  Duration idle_limit_;
  Socket socket_;
  std::list<ClientExchange*>::iterator where_;
  Stop cut_stop_;
  std::optional<Error> cut_;
  SteadyTime deadline_ = kSteadyMax;
  SteadyTime head_until_ = kSteadyMax;  // the head that has begun must be whole by then
  ResponseParser parser_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t body_bytes_ = 0, framing_bytes_ = 0;  // framing: what chunks have around them
  std::string why_not_connected_;
  bool connecting_ = false;  // a deadline ends this endpoint only
  bool sending_ = false;     // an answer may come before all is sent
  bool sent_all_ = false;
  bool got_bytes_ = false;
};

}  // namespace dray::net
