// The network of a simulated world. It joins HttpClient to HttpHandler directly; what is below (TCP, TLS,
// HTTP syntax) does not exist here. docs/fault-model.md lists the faults.
//
//   world.network().serve(node, "gw-berlin", handler);         // in a boot function; ends with the node's
//   life SimHttpClient http{world.network(), node};                 // "http://gw-berlin:8080/default/..."
//   world.network().link("server", "gw-berlin").rate = BytesPerSecond{1'000'000};
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ports/http.h"
#include "sim/events.h"
#include "sim/exchange.h"
#include "sim/node.h"
#include "sim/random.h"
#include "sim/trace.h"

namespace dray::sim {

// What the network does to one request.
struct Fault {
  enum class Kind { kNone, kLoseRequest, kLoseAnswer, kCutUpload, kCutAnswer, kLate, kDouble };
  Kind kind = Kind::kNone;
  std::uint64_t after = 0;  // body bytes that still come through before a cut
  Duration by{0};           // how late; or how long after the first the second of a doubled request comes
};

// What stands on the way between clients and servers: a portal, a proxy, a cache. Asked where the request comes to its
// server, and where the answer leaves it.
struct Middlebox {
  virtual ~Middlebox() = default;
  // Its own answer: the server hears nothing of the request. Nothing: the request goes on, as it was changed.
  virtual std::optional<HttpResponse> instead(const Exchange& exchange, HttpRequest& request) = 0;
  virtual void change(const Exchange& exchange, HttpResponse& response) = 0;
};

// One direction between two nodes.
struct Link {
  Duration latency{2}, jitter{3};
  BytesPerSecond rate{};  // of bodies, shared by all connections; 0 = not limited
  bool lost = false;      // whatever is sent does not arrive

 private:
  friend class SimNetwork;
  std::chrono::nanoseconds free_at{0};  // virtual time when all that was sent is on the line
};

// Body bytes put on the line, also those that were then lost.
struct Traffic {
  std::uint64_t requests = 0, uploaded = 0, downloaded = 0;
};

class SimNetwork {
 public:
  SimNetwork(Events& events, Trace& trace, SimRandom random)
      : events_{events}, trace_{trace}, random_{random} {}

  // `authority` is a host, or host:port for a node with several doors. `handler` lives as long as the node's
  // life.
  void serve(Node& node, std::string authority, HttpHandler& handler);
  // What handlers see of requests from this node; without it the address is the node's name.
  void identify(const Node& node, Peer peer) { peers_[node.name()] = std::move(peer); }

  // By name; stays where it is.
  Link& link(const std::string& from, const std::string& to) { return links_[{from, to}]; }
  void partition(const std::string& a, const std::string& b) { link(a, b).lost = link(b, a).lost = true; }
  void heal(const std::string& a, const std::string& b) { link(a, b).lost = link(b, a).lost = false; }

  using OnRequest =
      std::function<Fault(const std::string& client, const std::string& server, const HttpRequest&)>;
  void on_request(OnRequest hook) { on_request_ = std::move(hook); }
  void set_tap(Tap& tap) { tap_ = &tap; }  // which outlives the network
  Tap* tap() const { return tap_; }
  void set_middlebox(Middlebox& box) { middlebox_ = &box; }  // which outlives the network
  Middlebox* middlebox() const { return middlebox_; }

  Traffic count(const std::string& client, const std::string& server,
                const std::string& path_prefix = "/") const;

  // --- for exchanges, clients and the world ---
  std::shared_ptr<Exchange> connect(Node& client, HttpRequest request, const std::string& authority,
                                    std::string target);
  void forget(const Node& node);                        // its power is lost
  SteadyTime reserve(Link& link, std::uint64_t bytes);  // when they are on the line
  static std::size_t chunk(const Link& link);
  Duration latency(const Link& link) { return link.latency + random_.up_to(link.jitter); }
  struct Lines {
    Link *there = nullptr, *back = nullptr;
    std::map<std::string, Traffic>* counts = nullptr;  // by path
  };
  Lines& lines(const Node& client, const Node& server);
  const std::string& date(WallTime time);  // as the Date header has it
  void count(Exchange& exchange, bool upload, std::string_view bytes);
  void uploaded(Exchange& exchange);  // the whole request has been sent
  bool notes() const { return trace_.keeps(); }
  void note(const Node& node, const std::string& line) { trace_.note(events_.now(), node.name(), line); }

 private:
  struct Host {
    Side side;
    HttpHandler* handler = nullptr;
  };
  Host* find(const std::string& authority);
  void accept(const std::shared_ptr<Exchange>& exchange, Host& host, HttpRequest request);
  void apply(const Fault& fault, Exchange& exchange);
  void tidy();

  using Pair = std::pair<std::string, std::string>;
  Events& events_;
  Trace& trace_;
  SimRandom random_;
  std::map<std::string, Host> hosts_;
  std::map<std::string, Peer> peers_;
  std::map<Pair, Link> links_;
  std::map<Pair, std::map<std::string, Traffic>> counts_;  // client and server -> path
  std::map<std::pair<const Node*, const Node*>, Lines> lines_;  // looked up, never walked
  std::int64_t date_second_ = -1;
  std::string date_;
  std::vector<std::weak_ptr<Exchange>> exchanges_;       // in the order they began
  std::size_t tidy_at_ = 64;
  OnRequest on_request_;
  Tap* tap_ = nullptr;
  Middlebox* middlebox_ = nullptr;
};

// The HTTP client of a node, for one life of it.
class SimHttpClient final : public HttpClient {
 public:
  SimHttpClient(SimNetwork& network, Node& node) : network_{network}, node_{node} {}
  Task<Result<int>> send(HttpRequest request, BodySink& sink, Stop& stop) override;

 private:
  SimNetwork& network_;
  Node& node_;
};

}  // namespace dray::sim
