// HTTP as the tiers see it. Sockets, TLS, parsing and sendfile stay below these two interfaces; the simulator
// joins HttpClient and HttpHandler directly.
//
// A body is a handle that carries progress, stop and rate, not a descriptor and a length: expiry, caps,
// measured rates and fairness all live there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/stop.h"
#include "base/time.h"
#include "ports/disk.h"
#include "ports/task.h"

namespace dray {

enum class Method { kGet, kHead, kPost, kPut, kPatch, kDelete, kOther };
std::string_view to_string(Method method);
Method parse_method(std::string_view text);

// Names compare without case; order is kept; a name may occur twice.
class Headers {
 public:
  struct Item {
    std::string name, value;
  };

  void add(std::string_view name, std::string_view value) {
    if (items_.capacity() == 0) items_.reserve(8);  // most messages have more than one and fewer than nine
    items_.push_back({std::string{name}, std::string{value}});
  }
  void clear() { items_.clear(); }  // keeps its memory
  void set(std::string_view name, std::string_view value);
  // The first value, or nothing.
  std::optional<std::string_view> find(std::string_view name) const;
  std::string_view get(std::string_view name) const { return find(name).value_or(std::string_view{}); }

  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  bool empty() const { return items_.empty(); }

 private:
  std::vector<Item> items_;
};

// Who is at the other end: from TCP and certificate, or from the simulated topology.
struct Peer {
  std::string address;  // without port
  std::string san_uri;  // of a verified client certificate
  bool encrypted = false;
};

// One running body towards a client. Called on the loop; the net layer owns the last reference while it sends.
struct Transfer {
  virtual ~Transfer() = default;
  virtual void on_sent(std::uint64_t total) = 0;        // bytes of this body so far, handed to the kernel
  virtual void on_end(Result<> how) = 0;                // once: all sent, peer gone, or stopped
  virtual std::uint64_t allowance(SteadyTime now) = 0;  // bytes that may go now; 0 = paused, asked again soon
  virtual bool stopped() const = 0;                     // expiry, window, cancel: cut the connection
};

// A part of a file as a body.
struct FileSlice {
  std::shared_ptr<const File> file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::shared_ptr<Transfer> transfer;  // may be null
};

struct BodySource {
  virtual ~BodySource() = default;
  // The next piece, valid until the next call; empty = the end. kTimeout, kUnavailable: the peer failed.
  virtual Task<Result<ByteView>> read() = 0;
};

struct BodySink {
  virtual ~BodySink() = default;
  // May refuse (200 where 206 was asked): the error ends the call and becomes its result.
  virtual Result<> head(int status, const Headers& headers) = 0;
  virtual Task<Result<>> write(ByteView bytes) = 0;  // awaiting = back-pressure
};

// Server side: `target` is the origin form as sent, "/path?query". Client side: an absolute URL,
// "http://host:port/path?query".
struct HttpRequest {
  Peer peer;
  Method method = Method::kGet;
  std::string target;
  Headers headers;
  std::shared_ptr<BodySource> body;       // null = none
  std::optional<std::uint64_t> length{};  // Content-Length, where known
  Duration idle_limit{60'000};            // client side: longest time without progress

  HttpRequest(Method m, std::string t) : method{m}, target{std::move(t)} {}
};

// Content-Length and Date are added below; a handler sets Content-Type and the rest. A response to HEAD
// carries the body that GET would have had: net sends its length only.
struct HttpResponse {
  int status = 200;
  Headers headers;
  std::variant<std::string, FileSlice, std::shared_ptr<BodySource>> body;
  std::uint64_t source_length = 0;  // Content-Length where body is a BodySource
  bool close = false;               // end the connection after this response

  explicit HttpResponse(int s) : status{s} {}
};

struct HttpHandler {
  virtual ~HttpHandler() = default;
  // Fast path of a poll: an answer from memory at once, without a coroutine frame; null = use handle(). It is lent:
  // the caller reads it before it goes on.
  virtual const HttpResponse* now(const HttpRequest& /*request*/) { return nullptr; }
  // Long poll, upload, anything that waits. `stop`: client gone or shutting down.
  virtual Task<HttpResponse> handle(HttpRequest request, Stop& stop) = 0;
};

struct HttpClient {
  virtual ~HttpClient() = default;
  // Status of the response after its body went to the sink. Redirects are not followed. Errors: kUnavailable
  // (no connection, cut in the middle), kTimeout, kStopped, what the sink returned, kInvalid (no HTTP).
  virtual Task<Result<int>> send(HttpRequest request, BodySink& sink, Stop& stop) = 0;
};

// --- helpers over the interfaces ---

// A body held in memory.
std::shared_ptr<BodySource> text_body(std::string text);
// Reads all of a body; kExhausted past the limit.
Task<Result<std::string>> read_all(BodySource& body, std::size_t limit);

struct TextResponse {
  int status = 0;
  Headers headers;
  std::string body;
};
// One small exchange: sends `body` where it is not empty, collects at most `limit` bytes of the answer.
Task<Result<TextResponse>> exchange(HttpClient& client, HttpRequest request, std::string body, std::size_t limit,
                                    Stop& stop);

}  // namespace dray
