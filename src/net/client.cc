#include "net/client.h"

#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include "net/client_core.h"
#include "net/client_exchange.h"
#include "net/url.h"

namespace dray::net {

std::optional<Socket> ClientCore::take(const std::string& key) {
  auto found = pool.find(key);
  if (found == pool.end()) return std::nullopt;
  auto& kept = found->second;
  std::optional<Socket> out;
  while (!kept.empty() && !out) {
    auto socket = std::move(kept.back().socket);
    kept.pop_back();
    // Closed meanwhile, or sends what nobody asked for.
    if (peek(socket.native_handle()).would_block()) out = std::move(socket);
  }
  if (kept.empty()) pool.erase(found);
  return out;
}

void ClientCore::keep(const std::string& key, Socket socket) {
  if (ended.requested()) return;
  auto& kept = pool[key];
  if (kept.size() >= limits.pool_per_host) kept.erase(kept.begin());
  kept.push_back({std::move(socket), clock.steady() + limits.pool_time});
}

void ClientCore::start_sweep() {
  if (std::exchange(sweeping, true)) return;
  asio::co_spawn(io, sweep(shared_from_this()), asio::detached);
}

Task<> ClientCore::sweep(std::shared_ptr<ClientCore> self) {
  while (!self->running.empty() || !self->pool.empty()) {
    auto how = co_await self->clock.sleep_until(self->clock.steady() + self->limits.sweep, self->ended);
    if (!how) break;
    self->look();
  }
  self->sweeping = false;
}

void ClientCore::look() {
  auto now = clock.steady();
  for (auto next = running.begin(); next != running.end();) (*next++)->sweep(now);
  for (auto host = pool.begin(); host != pool.end();) {
    std::erase_if(host->second, [&](const Kept& kept) { return now >= kept.until; });
    host = host->second.empty() ? pool.erase(host) : std::next(host);
  }
}

BeastClient::BeastClient(asio::io_context& io, Clock& clock, ClientLimits limits)
    : core_{std::make_shared<ClientCore>(io, clock, limits)} {
  ignore_sigpipe();
}

BeastClient::~BeastClient() { close(); }

void BeastClient::close() {
  core_->ended.request();
  for (auto next = core_->running.begin(); next != core_->running.end();)
    (*next++)->cut(Error{ErrorCode::kStopped, "the HTTP client has closed"});
  core_->pool.clear();
}

Task<Result<int>> BeastClient::send(HttpRequest request, BodySink& sink, Stop& stop) {
  auto url = parse_url(request.target);
  if (!url) co_return url.error();
  if (request.method == Method::kOther) co_return Error{ErrorCode::kInvalid, "no such method"};
  bool repeatable = !request.body && (request.method == Method::kGet || request.method == Method::kHead);
  for (bool first = true;; first = false) {
    ClientExchange exchange{core_, *url, request.idle_limit};
    Stop::Hook hook{stop, [&exchange] { exchange.cut(Error{ErrorCode::kStopped, "stopped"}); }};
    bool kept = first && exchange.take_kept();
    if (!kept) {
      auto connected = co_await exchange.connect();
      if (!connected) co_return connected.error();
    }
    auto status = co_await exchange.run(request, sink);
    bool stale = !status && kept && !exchange.got_bytes() && !exchange.was_cut();
    if (!stale || !repeatable) co_return status;
  }
}

}  // namespace dray::net
