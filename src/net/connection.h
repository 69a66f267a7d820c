// One connection of a server: reads heads and answers from HttpHandler::now() by plain callbacks, without a
// coroutine and without memory of its own between requests; whatever waits (handle(), bodies, a client that
// takes slowly) runs as one coroutine, an exchange. Internal to net; loop thread only.
//
// At most one wait for readability is armed; what it means depends on the phase. All time limits are one
// deadline that the sweep looks at.
#pragma once

#include <memory>

#include "net/input.h"
#include "net/server_core.h"
#include "net/socket.h"

namespace dray::net {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerCore> core, Socket socket, std::string address);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();        // reads requests
  void refuse_busy();  // 503 and close
  void sweep(SteadyTime now);
  void end_soon();  // stop(): after the running response
  void close();
  // Nothing of a request is in work: closing it loses nothing that was promised.
  bool is_idle() const { return phase_ == Phase::kIdle || phase_ == Phase::kHead || phase_ == Phase::kLinger; }

  // The body of the running request, for RequestBody.
  Task<Result<ByteView>> read_body();
  // Changes with every request, so that a body that a handler has kept knows that it is over.
  std::uint64_t serial() const { return serial_; }

 private:
  enum class Phase {
    kIdle,      // between requests
    kHead,      // a head has begun
    kBody,      // an exchange runs and its request's body has not all come
    kHandling,  // an exchange runs; we watch for the client to go
    kSending,
    kLinger,  // all is said; the client is given time to read it
    kClosed,
  };

  // State of a request that is not answered on the spot.
  struct Exchange {
    Stop stop;
    RequestParser parser;
    bool body_done = true;
    bool expects_continue = false;
    std::optional<Error> body_error{};
    std::shared_ptr<Transfer> transfer{};
    bool paused = false;
  };

  // connection.cc
  void arm();
  void on_readable();
  void serve();
  void yield_and_serve();
  bool take_part(std::string_view bytes, bool own);
  bool begin_request();
  bool reply_at_once(const HttpResponse& response, const std::string& body);
  void spawn(Task<> exchange);
  void watch();
  void refuse(int status);
  void linger();
  void drain();
  void look_who_it_is(const HttpRequest& request);
  void leave_strangers();
  void set_deadline(Duration from_now) { deadline_ = core_->now + from_now; }

  // exchange.cc
  static Task<> run(std::shared_ptr<Connection> self, HttpRequest request);
  static Task<> run_response(std::shared_ptr<Connection> self, HttpResponse response);
  static Task<> run_rest(std::shared_ptr<Connection> self, std::string rest);
  void begin_exchange(Phase phase);
  void end_exchange();
  void skip_small_body();
  BodyStep step_body();
  Task<bool> receive_body();

  // respond.cc
  Task<> respond(HttpResponse response);
  Task<bool> send_all(std::string_view bytes, bool more);
  Task<Result<>> send_slice(const FileSlice& slice);
  Task<Result<>> send_source(BodySource& source, std::uint64_t length);
  Task<Result<std::size_t>> send_part(const FileSlice& slice, std::uint64_t at, std::size_t count);
  Task<Error> whose_failure(const FileSlice& slice, std::uint64_t at);
  Task<Result<std::size_t>> send_copy(const FileSlice& slice, std::uint64_t at, std::size_t count);
  Task<bool> wait_writable();
  Task<> pause();
  Task<> warm(const FileSlice& slice, std::uint64_t at);
  Error why_cut() const;

  std::shared_ptr<ServerCore> core_;
  Socket socket_;
  std::string address_;
  std::list<Connection*>::iterator where_, stranger_at_;
  Input input_;
  std::unique_ptr<Exchange> exchange_;
  Stop gone_;  // requested by close()
  SteadyTime deadline_ = kSteadyMax;
  std::uint64_t serial_ = 0;
  std::size_t looked_ = 0;  // bytes of a partial head already searched for its end
  Phase phase_ = Phase::kIdle;
  bool armed_ = false;
  bool refused_ = false;
  bool stranger_ = true;
  bool keep_ = true;
  bool head_only_ = false;
  bool http10_ = false;
  bool peer_gone_ = false;
  bool timed_out_ = false;
};

}  // namespace dray::net
