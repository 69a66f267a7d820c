#include "net/server.h"

#include <algorithm>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "net/connection.h"
#include "net/response_head.h"

namespace dray::net {

namespace {

using ErrorNumber = boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;

// Connections over the limit that may be answered at a time; beyond it they are just closed.
constexpr std::size_t kRefusedAtATime = 128;
constexpr Duration kNoDescriptorsPause{100};
// After the cut only handlers that ignore their Stop can still run.
constexpr Duration kAfterCut{5'000};

void look(ServerCore& core) {
  core.now = core.clock.steady();
  core.date = date_line(core.clock.wall());
  for (auto next = core.open.begin(); next != core.open.end();) {
    auto connection = (*next++)->shared_from_this();
    connection->sweep(core.now);
  }
}

Task<> sweep(std::shared_ptr<ServerCore> core) {
  while (true) {
    auto how = co_await core->clock.sleep_until(core->now + core->limits.sweep, core->ended);
    if (!how) co_return;
    look(*core);
  }
}

std::string address_of(const Socket& socket) {
  ErrorNumber error;
  auto address = socket.remote_endpoint(error).address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return error ? std::string{} : address.to_string();
}

// The oldest stranger that nothing is done for goes, so that a newcomer can prove who it is. False: there is none.
bool make_room(ServerCore& core) {
  const auto idle = std::find_if(core.strangers.begin(), core.strangers.end(),
                                 [](const Connection* one) { return one->is_idle(); });
  if (idle == core.strangers.end()) return false;
  if (const auto line = core.full_lines.ask("", core.now); line.may)
    core.log.info("strangers_turned_away", {{"strangers", core.strangers.size()}, {"open", core.open.size()}, {"not_said", line.left_out}});
  (*idle)->shared_from_this()->close();
  return true;
}

void take(const std::shared_ptr<ServerCore>& core, Socket socket) {
  const auto& limits = core->limits;
  const bool full = core->strangers.size() >= limits.strangers ||
                    core->open.size() - core->refused >= limits.connections;
  const bool busy = full && !make_room(*core);
  if (busy && core->refused >= kRefusedAtATime) return;
  ErrorNumber ignored;
  socket.set_option(Tcp::no_delay{true}, ignored);
  auto address = address_of(socket);
  auto connection = std::make_shared<Connection>(core, std::move(socket), std::move(address));
  if (!busy) return connection->start();
  core->log.debug("connection_refused", {{"open", core->open.size()}});
  connection->refuse_busy();
}

Error listen_error(const ErrorNumber& error, const std::string& where) {
  auto code = ErrorCode::kInvalid;
  if (error == asio::error::address_in_use) code = ErrorCode::kConflict;
  if (error == asio::error::access_denied) code = ErrorCode::kDenied;
  return Error{code, "can't listen on " + where + ": " + error.message()};
}

}  // namespace

struct HttpServer::Listener {
  Listener(std::shared_ptr<ServerCore> c, Executor executor) : core{std::move(c)}, acceptor{executor} {}

  static Task<> accept(std::shared_ptr<Listener> self) {
    auto core = self->core;
    while (!core->stopping) {
      ErrorNumber error;
      auto socket = co_await self->acceptor.async_accept(asio::redirect_error(kAwait, error));
      if (core->stopping) co_return;
      if (!error) {
        take(core, std::move(socket));
      } else if (error == asio::error::no_descriptors && make_room(*core)) {
        continue;
      } else if (error != asio::error::connection_aborted) {
        if (const auto line = core->accept_lines.ask("", core->now); line.may)
          core->log.warn("accept_failed", {{"error", error.message()}, {"not_said", line.left_out}});
        auto later = core->clock.steady() + kNoDescriptorsPause;
        [[maybe_unused]] auto how = co_await core->clock.sleep_until(later, core->stop_accepting);
      }
    }
  }

  std::shared_ptr<ServerCore> core;
  Acceptor acceptor;
  std::uint16_t port = 0;
};

HttpServer::HttpServer(asio::io_context& io, Clock& clock, Log log, HttpHandler& handler, Limits limits,
                       Worker* bytes, Knows knows)
    : core_{std::make_shared<ServerCore>(io, clock, std::move(log), handler, limits, bytes, std::move(knows))} {
  ignore_sigpipe();
  look(*core_);
  asio::co_spawn(io, sweep(core_), asio::detached);
}

HttpServer::~HttpServer() {
  core_->stopping = true;
  core_->stop_accepting.request();
  core_->ended.request();
  for (auto& listener : listeners_) {
    ErrorNumber ignored;
    listener->acceptor.close(ignored);
  }
  while (!core_->open.empty()) core_->open.front()->shared_from_this()->close();
}

Result<> HttpServer::listen(const std::string& host, std::uint16_t port) {
  auto where = host + " port " + std::to_string(port);
  ErrorNumber error;
  auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) return Error{ErrorCode::kInvalid, "\"" + host + "\" is no IP address"};
  Tcp::endpoint endpoint{address, port};
  auto listener = std::make_shared<Listener>(core_, core_->io.get_executor());
  auto& acceptor = listener->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (error) return listen_error(error, where);
  acceptor.set_option(Acceptor::reuse_address{true}, error);
  if (address.is_v6()) acceptor.set_option(asio::ip::v6_only{false}, error);
  acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(4096, error);
  if (error) return listen_error(error, where);
  listener->port = acceptor.local_endpoint(error).port();
  listeners_.push_back(listener);
  look(*core_);  // since it was made the clock may have learned better what the time is
  asio::co_spawn(core_->io, Listener::accept(listener), asio::detached);
  return {};
}

std::uint16_t HttpServer::port(std::size_t n) const { return listeners_.at(n)->port; }

std::size_t HttpServer::connections() const { return core_->open.size(); }

std::size_t HttpServer::strangers() const { return core_->strangers.size(); }

Task<> HttpServer::stop() {
  auto core = core_;
  core->stopping = true;
  core->stop_accepting.request();
  for (auto& listener : listeners_) {
    ErrorNumber ignored;
    listener->acceptor.close(ignored);
  }
  for (auto next = core->open.begin(); next != core->open.end();) {
    auto connection = (*next++)->shared_from_this();
    connection->end_soon();
  }
  if (core->alive == 0) core->all_gone.request();
  auto until = core->clock.steady() + core->limits.drain_time;
  auto how = co_await core->clock.sleep_until(until, core->all_gone);
  while (!core->open.empty()) core->open.front()->shared_from_this()->close();
  until = core->clock.steady() + kAfterCut;
  how = co_await core->clock.sleep_until(until, core->all_gone);
  if (core->alive > 0) core->log.error("handlers_did_not_stop", {{"count", core->alive}});
  core->ended.request();
}

}  // namespace dray::net
