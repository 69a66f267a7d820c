// One request and its answer between two nodes: two pipes, each with latency, rate and a window, and the ways
// in which they break. Each side's state is touched on its own node only; what crosses is an event.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/http.h"
#include "sim/events.h"
#include "sim/node.h"

namespace dray::sim {

class SimNetwork;
class Exchange;
struct Link;
struct Traffic;

struct Side {
  Node* node = nullptr;
  Life life = 0;
  bool alive() const { return life != 0 && node->up() && node->life() == life; }
};

struct Piece {
  enum class Kind {
    kHead,
    kBytes,
    kEnd,
    kAll,  // head, bytes and end in one: an answer that is small enough
  };
  explicit Piece(Kind k) : kind{k} {}
  explicit Piece(ByteView b) : kind{Kind::kBytes}, bytes{as_text(b)} {}

  Kind kind;
  std::string bytes;
  int status = 0;  // of a head
  Headers headers;
};

class Pipe {
 public:
  static constexpr int kWindow = 8;  // pieces sent and not yet taken

  Pipe(Exchange& exchange, Side& from, Side& to) : exchange_{exchange}, from_{from}, to_{to} {}

  // On the sender: done when the piece is on the line. kTimeout after `limit` without room.
  Task<Result<>> send(Piece piece, Duration limit);
  Task<Result<>> send_bytes(ByteView bytes, Duration limit);  // as many pieces as the link wants
  void fail_sender(Error why);
  void give_up();  // what is sent from now on is nobody's concern
  bool given_up() const { return given_up_; }

  // On the receiver, in order; what has arrived before a failure comes before it.
  Task<Result<Piece>> receive(Duration limit);
  void fail_receiver(Error why, bool at_once = false);

  std::optional<std::uint64_t> cut_after;  // bytes; then the connection breaks

 private:
  void arrive(Piece piece);
  Task<bool> park(Wait*& slot, Side& side, SteadyTime until);

  Exchange& exchange_;
  Side& from_;
  Side& to_;
  // sender
  int in_flight_ = 0;
  bool given_up_ = false;
  std::uint64_t passed_ = 0;
  std::optional<Error> sender_failure_;
  Wait* sender_wait_ = nullptr;
  // receiver
  std::vector<Piece> inbox_;  // from taken_ on
  std::size_t taken_ = 0;
  std::optional<Error> receiver_failure_;
  Wait* receiver_wait_ = nullptr;
};

// What crosses the network, seen at the instant at which it is put on the line. It changes nothing.
struct Tap {
  virtual ~Tap() = default;
  virtual void asked(const Exchange& exchange, const HttpRequest& request) = 0;  // at the server, before its handler
  virtual void answered(const Exchange& exchange, const HttpResponse& response) = 0;  // by the handler
  virtual void sent(const Exchange& exchange, bool upload, std::uint64_t bytes) = 0;  // of a body
  virtual void arrived(const Exchange& exchange, int status) = 0;  // the whole answer, at the client
  virtual void kept_from_server(const Exchange& /*exchange*/) {}   // a middlebox answers it
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(SimNetwork& network, Events& events, Node& client, Node* server, HttpRequest& request,
           std::string target);

  // Runs `act` on the other side after the link's latency, in order; or never.
  void carry(Side& to, std::function<void()> act);
  void fail_client(Error why);
  void fail_server(Error why);
  void cut(const std::string& why);  // both sides learn of it
  void leave();                      // the client goes; the server learns of it

  static Task<> serve(std::shared_ptr<Exchange> self, HttpHandler& handler, HttpRequest request);
  static Task<> answer(std::shared_ptr<Exchange> self, HttpResponse response);  // what a middlebox says itself
  Task<Result<int>> run(std::shared_ptr<BodySource> upload, BodySink& sink, Duration idle_limit);

  Side client, server;
  Pipe up, down;
  Stop gone;          // for the handler; requested on the server
  bool dead = false;  // lost a message: nothing comes through any more
  bool lose_answer = false;
  bool no_body = false;  // HEAD
  bool echo = false;     // the second one of a doubled request: nobody hears its answer
  Duration late{0};        // of the request alone, still to come
  bool was_late = false;
  std::optional<Duration> doubled_after;  // the request comes once more; needs what is kept below
  std::string authority;
  Peer peer;
  bool has_body = false;
  const Method method;
  const std::string target, path;  // path: without the query, for the counters
  Headers headers;                 // of the request: of a doubled one all, for a tap what it may want
  std::string uploaded;            // the same, of its body

 private:
  friend class Pipe;
  friend class SimNetwork;
  Task<Result<>> send_answer(HttpResponse& response);
  bool fits_one_piece(const HttpResponse& response, bool bodiless);
  Task<Result<>> send_slice(FileSlice slice);
  Task<Result<>> send_source(BodySource& source);

  Link& line(bool upward) { return upward ? *to_server_ : *to_client_; }

  SimNetwork& network_;
  Events& events_;
  Link *to_server_, *to_client_;
  Traffic* traffic_;
  SteadyTime arrived_up_{}, arrived_down_{};  // of the latest message: none overtakes another
};

}  // namespace dray::sim
