#include "sim/network.h"

#include <algorithm>
#include <ctime>

#include "base/assert.h"

namespace dray::sim {

std::shared_ptr<BodySource> upload_of(std::shared_ptr<Exchange> exchange);  // exchange.cc

namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::uint64_t kChunksPerSecond = 10;  // at least, on a slow link

struct Url {
  std::string scheme, authority, target;
};

Result<Url> parse_url(const std::string& text) {
  const auto colon = text.find("://");
  const auto host = colon == std::string::npos ? text.size() : colon + 3;
  const auto slash = std::min(text.find('/', host), text.size());
  Url url{text.substr(0, std::min(colon, text.size())), text.substr(host, slash - host), text.substr(slash)};
  if ((url.scheme != "http" && url.scheme != "https") || url.authority.empty())
    return Error{ErrorCode::kInvalid, "no absolute URL: " + text};
  if (url.target.empty()) url.target = "/";
  return url;
}

}  // namespace

void SimNetwork::serve(Node& node, std::string authority, HttpHandler& handler) {
  hosts_[std::move(authority)] = Host{Side{&node, node.life()}, &handler};
}

SimNetwork::Host* SimNetwork::find(const std::string& authority) {
  auto it = hosts_.find(authority);
  if (it == hosts_.end()) it = hosts_.find(authority.substr(0, authority.find(':')));
  return it == hosts_.end() ? nullptr : &it->second;
}

std::shared_ptr<Exchange> SimNetwork::connect(Node& client, HttpRequest request, const std::string& authority,
                                              std::string target) {
  Host* host = find(authority);
  Node* server = host != nullptr ? host->side.node : &client;  // an unknown name fails like a closed port
  auto exchange = std::make_shared<Exchange>(*this, events_, client, server, request, target);
  tidy();
  exchanges_.push_back(exchange);
  ++exchange->traffic_->requests;
  if (tap_ != nullptr)
    for (const std::string_view name : {"If-None-Match", "Range", "Dray-Instance"})
      if (const auto value = request.headers.find(name)) exchange->headers.add(name, *value);
  if (on_request_) apply(on_request_(client.name(), server->name(), request), *exchange);

  request.target = std::move(target);
  if (!request.headers.find("Host")) request.headers.set("Host", authority);
  const auto peer = peers_.find(client.name());
  request.peer = peer != peers_.end() ? peer->second : Peer{client.name(), "", false};
  if (exchange->doubled_after) {
    exchange->authority = authority;
    exchange->headers = request.headers;
    exchange->peer = request.peer;
  }
  if (!request.body) uploaded(*exchange);
  exchange->carry(exchange->server,
                  [this, e = exchange.get(), authority, request = std::move(request)]() mutable {
                    Host* door = find(authority);
                    if (door == nullptr || !door->side.alive())
                      e->cut("nobody listens at " + authority);
                    else
                      accept(e->shared_from_this(), *door, std::move(request));
                  });
  return exchange;
}

void SimNetwork::accept(const std::shared_ptr<Exchange>& exchange, Host& host, HttpRequest request) {
  exchange->server = host.side;
  if (request.body && !exchange->echo) request.body = upload_of(exchange);
  if (middlebox_ != nullptr && !exchange->echo)
    if (auto own = middlebox_->instead(*exchange, request)) {
      if (tap_ != nullptr) tap_->kept_from_server(*exchange);
      host.side.node->spawn(Exchange::answer(exchange, std::move(*own)));
      return;
    }
  if (tap_ != nullptr) tap_->asked(*exchange, request);
  host.side.node->spawn(Exchange::serve(exchange, *host.handler, std::move(request)));
  if (!exchange->client.alive() && !exchange->echo)
    exchange->fail_server(Error{ErrorCode::kUnavailable, "the client has lost power"});
}

void SimNetwork::apply(const Fault& fault, Exchange& exchange) {
  switch (fault.kind) {
    case Fault::Kind::kNone:
      break;
    case Fault::Kind::kLoseRequest:
      exchange.dead = true;
      break;
    case Fault::Kind::kLoseAnswer:
      exchange.lose_answer = true;
      break;
    case Fault::Kind::kCutUpload:
      exchange.up.cut_after = fault.after;
      break;
    case Fault::Kind::kCutAnswer:
      exchange.down.cut_after = fault.after;
      break;
    case Fault::Kind::kLate:
      exchange.late = fault.by;
      exchange.was_late = true;
      break;
    case Fault::Kind::kDouble:
      exchange.doubled_after = fault.by;
      break;
  }
}

void SimNetwork::tidy() {
  if (exchanges_.size() < tidy_at_) return;
  std::erase_if(exchanges_, [](const auto& e) { return e.expired(); });
  tidy_at_ = 64 + 2 * exchanges_.size();
}

// The same bytes once more, as a network that repeats a packet, or a proxy that repeats a request, sends them.
void SimNetwork::uploaded(Exchange& first) {
  if (!first.doubled_after || first.dead) return;
  events_.at(events_.now() + *first.doubled_after, 0, [this, original = first.shared_from_this()] {
    Host* door = find(original->authority);
    if (door == nullptr || !door->side.alive()) return;
    HttpRequest request{original->method, original->target};
    request.headers = original->headers;
    request.peer = original->peer;
    if (original->has_body) request.body = text_body(original->uploaded);
    auto second = std::make_shared<Exchange>(*this, events_, *original->client.node, door->side.node, request,
                                             original->target);
    second->headers = original->headers;
    second->uploaded = original->uploaded;
    second->echo = true;
    second->down.give_up();
    accept(second, *door, std::move(request));
  });
}

void SimNetwork::forget(const Node& node) {
  for (const auto& weak : exchanges_) {
    const auto e = weak.lock();
    if (!e) continue;
    if (e->client.node == &node && e->client.life == node.life() && e->server.life != 0) e->leave();
    if (e->server.node == &node && e->server.life == node.life())
      e->carry(e->client, [x = e.get()] {
        x->fail_client(Error{ErrorCode::kUnavailable, "the server has lost power"});
      });
  }
}

// Bytes take their time one after the other, whatever connection they belong to; kept in nanoseconds, so that
// the milliseconds of virtual time do not round a rate away.
SteadyTime SimNetwork::reserve(Link& l, std::uint64_t bytes) {
  if (l.rate.count == 0 || bytes == 0) return events_.now();
  const std::chrono::nanoseconds now = events_.now().time_since_epoch();
  l.free_at = std::max(l.free_at, now) + std::chrono::nanoseconds{bytes * 1'000'000'000 / l.rate.count};
  return SteadyTime{std::chrono::ceil<Duration>(l.free_at)};
}

std::size_t SimNetwork::chunk(const Link& link) {
  const std::uint64_t rate = link.rate.count;
  return rate == 0 ? kChunk : std::clamp<std::uint64_t>(rate / kChunksPerSecond, 1, kChunk);
}

// Names are compared once for each pair, not for each request.
SimNetwork::Lines& SimNetwork::lines(const Node& client, const Node& server) {
  Lines& known = lines_[{&client, &server}];
  if (known.there == nullptr)
    known = {&link(client.name(), server.name()), &link(server.name(), client.name()),
             &counts_[{client.name(), server.name()}]};
  return known;
}

const std::string& SimNetwork::date(WallTime time) {  // RFC 9110 section 5.6.7
  const std::time_t second = std::chrono::system_clock::to_time_t(time);
  if (second == date_second_) return date_;
  date_second_ = second;
  std::tm parts{};
  gmtime_r(&second, &parts);
  char text[64];
  date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  return date_;
}

void SimNetwork::count(Exchange& exchange, bool upload, std::string_view bytes) {
  (upload ? exchange.traffic_->uploaded : exchange.traffic_->downloaded) += bytes.size();
  if (upload && (tap_ != nullptr || exchange.doubled_after)) exchange.uploaded += bytes;
  if (tap_ != nullptr) tap_->sent(exchange, upload, bytes.size());
}

Traffic SimNetwork::count(const std::string& client, const std::string& server,
                          const std::string& path_prefix) const {
  Traffic sum;
  const auto paths = counts_.find({client, server});
  if (paths == counts_.end()) return sum;
  for (auto it = paths->second.lower_bound(path_prefix);
       it != paths->second.end() && it->first.starts_with(path_prefix); ++it) {
    sum.requests += it->second.requests;
    sum.uploaded += it->second.uploaded;
    sum.downloaded += it->second.downloaded;
  }
  return sum;
}

Task<Result<int>> SimHttpClient::send(HttpRequest request, BodySink& sink, Stop& stop) {
  if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped before the request"};
  auto url = parse_url(request.target);
  if (!url) co_return url.error();
  const std::string what =
      network_.notes() ? std::string{to_string(request.method)} + " " + request.target : std::string{};
  auto upload = request.body;
  const Duration idle_limit = request.idle_limit;
  const auto exchange = network_.connect(node_, std::move(request), url->authority, url->target);
  const Stop::Hook hook{stop, [e = exchange.get()] {
                          const Error stopped{ErrorCode::kStopped, "stopped during the request"};
                          e->up.fail_sender(stopped);
                          e->down.fail_receiver(stopped, true);
                        }};
  auto status = co_await exchange->run(std::move(upload), sink, idle_limit);
  if (!status) exchange->leave();
  if (status && network_.tap() != nullptr) network_.tap()->arrived(*exchange, *status);
  if (network_.notes())
    network_.note(node_, what + " -> " + (status ? std::to_string(*status) : status.error().message()));
  co_return status;
}

}  // namespace dray::sim
