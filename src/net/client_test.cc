// The client against scripted raw servers, and against our own server.
#include "net/client.h"

#include <gmock/gmock.h>

#include <fstream>

#include "net/client_testing.h"
#include "net/url.h"

namespace dray::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ClientTest : public ServerFixture {
 protected:
  ClientTest() {
    ClientLimits limits;
    limits.sweep = Duration{5};
    limits.connect_time = Duration{200};
    client_ = std::make_unique<BeastClient>(io_, clock_, limits);
  }
  ~ClientTest() override {  // what still runs ends before the members that it refers to
    client_.reset();
    io_.restart();
    io_.poll();
  }

  void begin(HttpRequest request) {
    result_.reset();
    sink_ = std::make_unique<Collect>();
    begin_with(std::move(request));
  }
  void begin_with(HttpRequest request) {
    asio::co_spawn(io_, client_->send(std::move(request), *sink_, stop_),
                   [this](std::exception_ptr error, Result<int> result) {
                     EXPECT_FALSE(error);
                     result_ = std::move(result);
                   });
  }
  void get(const std::string& url) { begin(HttpRequest{Method::kGet, url}); }
  // The status, or minus the error's code minus one.
  int status() {
    EXPECT_TRUE(turn_until([&] { return result_.has_value(); }));
    if (!result_) return 0;
    return *result_ ? **result_ : failure(result_->error().code());
  }
  static int failure(ErrorCode code) { return -1 - static_cast<int>(code); }

  RawServer raw_{io_};
  std::unique_ptr<BeastClient> client_;
  std::unique_ptr<Collect> sink_;
  Stop stop_;
  std::optional<Result<int>> result_;
};

TEST_F(ClientTest, SendsARequestAndGivesTheAnswerToTheSink) {
  HttpRequest request{Method::kGet, raw_.url("/a?b")};
  request.headers.add("Accept", "x/y");
  request.headers.add("Host", "forged");
  begin(std::move(request));
  ASSERT_TRUE(raw_.accept());
  auto head = raw_.expect();
  EXPECT_THAT(head, StartsWith("GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(head, HasSubstr("\r\nAccept: x/y\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("forged")));
  raw_.say("HTTP/1.1 206 Partial\r\nX: y\r\nContent-Length: 5\r\n\r\nhe");
  raw_.say("llo");
  EXPECT_EQ(status(), 206);
  EXPECT_EQ(sink_->body, "hello");
  EXPECT_EQ(sink_->headers.get("x"), "y");
}

TEST_F(ClientTest, KeepsConnectionsAndNoticesWhenTheyWereClosed) {
  for (int i = 0; i < 3; ++i) {
    get(raw_.url());
    if (i == 0) {
      ASSERT_TRUE(raw_.accept());
    }
    raw_.expect();
    raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(status(), 200);
  }
  raw_.hang_up();
  get(raw_.url());
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status(), 200);
  get(raw_.url());
  ASSERT_TRUE(raw_.accept());  // not kept
}

TEST_F(ClientTest, HoldsUpTheEndOfTheLoopNoLongerOnceItIsClosed) {
  get(raw_.url());
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(status(), 200);
  io_.restart();
  io_.poll();
  EXPECT_FALSE(io_.stopped());  // it watches the connection that it has kept
  client_->close();
  io_.restart();
  io_.run_for(10s);
  EXPECT_TRUE(io_.stopped());  // ran out of work, long before pool_time
}

TEST_F(ClientTest, RepeatsASafeRequestOnceWhenTheKeptConnectionDies) {
  for (auto method : {Method::kGet, Method::kPost}) {
    get(raw_.url());
    ASSERT_TRUE(raw_.accept());
    raw_.expect();
    raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(status(), 200);
    begin(HttpRequest{method, raw_.url("/again")});
    raw_.expect();
    if (method == Method::kPost) {
      raw_.hang_up();
      EXPECT_EQ(status(), failure(ErrorCode::kUnavailable));
    } else {
      ASSERT_TRUE(raw_.accept());  // hangs up first
      EXPECT_THAT(raw_.expect(), StartsWith("GET /again "));
      raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
      EXPECT_EQ(status(), 200);
      EXPECT_EQ(sink_->body, "ok");
    }
  }
}

TEST_F(ClientTest, DoesNotRepeatOnAFreshConnection) {
  get(raw_.url());
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  raw_.hang_up();
  EXPECT_EQ(status(), failure(ErrorCode::kUnavailable));
}

TEST_F(ClientTest, AnAnswerCutInItsBodyIsUnavailable) {
  get(raw_.url());
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
  raw_.hang_up();
  EXPECT_EQ(status(), failure(ErrorCode::kUnavailable));
  EXPECT_EQ(sink_->body, "hello");
  EXPECT_THAT(result_->error().message(), HasSubstr("after 5 bytes"));
}

TEST_F(ClientTest, ResumesByRangeWhereAServerCuts) {
  std::string whole = "0123456789abcdef", got;
  for (std::size_t cut : {5U, 11U, 16U}) {
    HttpRequest request{Method::kGet, raw_.url("/file")};
    request.headers.add("Range", "bytes=" + std::to_string(got.size()) + "-");
    begin(std::move(request));
    ASSERT_TRUE(raw_.accept());
    EXPECT_THAT(raw_.expect(), HasSubstr("Range: bytes=" + std::to_string(got.size()) + "-\r\n"));
    raw_.say("HTTP/1.1 206 Partial Content\r\nContent-Length: " + std::to_string(whole.size() - got.size()) +
             "\r\n\r\n" + whole.substr(got.size(), cut - got.size()));
    raw_.hang_up();
    EXPECT_EQ(status(), cut == 16 ? 206 : failure(ErrorCode::kUnavailable));
    got += sink_->body;
  }
  EXPECT_EQ(got, whole);
}

TEST_F(ClientTest, UnderstandsChunksInterimAnswersAndBodiesUntilTheEnd) {
  get(raw_.url());
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  raw_.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  for (char byte : std::string{
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"}) {
    raw_.say({&byte, 1});
    io_.restart();
    io_.poll();
  }
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(sink_->body, "hello!");
  EXPECT_FALSE(sink_->headers.find("link"));
  get(raw_.url());  // on the same connection
  raw_.expect();
  raw_.say("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  raw_.hang_up();
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(sink_->body, "until the end");
}

TEST_F(ClientTest, AnswersToHeadHaveNoBody) {
  for (int i = 0; i < 2; ++i) {
    begin(HttpRequest{Method::kHead, raw_.url()});
    if (i == 0) {
      ASSERT_TRUE(raw_.accept());
    }
    EXPECT_THAT(raw_.expect(), StartsWith("HEAD / "));
    raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n");
    EXPECT_EQ(status(), 200);
    EXPECT_EQ(sink_->headers.get("content-length"), "12345");
  }
}

TEST_F(ClientTest, SaysWhatIsNoHttp) {
  for (std::string text :
       {std::string{"SSH-2.0-OpenSSH\r\n\r\n"}, "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x'),
        std::string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
        std::string{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}}) {
    get(raw_.url());
    ASSERT_TRUE(raw_.accept());
    raw_.expect();
    raw_.say(text);
    EXPECT_EQ(status(), failure(ErrorCode::kInvalid)) << text.substr(0, 60);
  }
}

TEST_F(ClientTest, StopEndsWhateverItWaitsFor) {
  for (int step = 0; step < 3; ++step) {
    HttpRequest request{step == 2 ? Method::kPut : Method::kGet, raw_.url()};
    if (step == 2) request.body = text_body(std::string(16 << 20, 'x'));
    Stop stop;
    Collect sink;
    std::optional<Result<int>> result;
    asio::co_spawn(io_, client_->send(std::move(request), sink, stop),
                   [&](std::exception_ptr, Result<int> r) { result = std::move(r); });
    ASSERT_TRUE(raw_.accept());
    raw_.expect();
    if (step == 1) raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    if (step == 1) {
      ASSERT_TRUE(turn_until([&] { return sink.bytes == 5; }));
    }
    io_.restart();
    io_.poll();
    EXPECT_FALSE(result);
    stop.request();
    io_.restart();
    io_.poll();  // at once
    ASSERT_TRUE(result);
    EXPECT_EQ(result->error().code(), ErrorCode::kStopped);
  }
}

TEST_F(ClientTest, SilenceEndsInATimeout) {
  for (const char* text : {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"}) {
    HttpRequest request{Method::kGet, raw_.url()};
    request.idle_limit = Duration{40};
    begin(std::move(request));
    ASSERT_TRUE(raw_.accept());
    raw_.expect();
    if (*text != '\0') raw_.say(text);
    EXPECT_EQ(status(), failure(ErrorCode::kTimeout));
  }
}

TEST_F(ClientTest, ASlowSinkHoldsTheServerBackAndIsNoSilence) {
  HttpRequest request{Method::kGet, raw_.url()};
  request.idle_limit = Duration{30};
  result_.reset();
  sink_ = std::make_unique<Collect>();
  sink_->slow_clock = &clock_;
  sink_->keep = false;
  begin_with(std::move(request));
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  constexpr std::size_t kSize = 16 << 20;
  raw_.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
  std::string chunk(1 << 20, 'x');
  std::size_t sent = 0, ahead = 0;
  ASSERT_TRUE(turn_until([&] {
    auto n =
        ::send(raw_.peer(), chunk.data(), std::min(chunk.size(), kSize - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) sent += static_cast<std::size_t>(n);
    ahead = std::max(ahead, sent - static_cast<std::size_t>(sink_->bytes));
    return sent == kSize;
  }));
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(sink_->bytes, kSize);
  EXPECT_LE(sink_->largest, 64U * 1024);
  EXPECT_LT(ahead, kSize);  // what the kernel's buffers hold, not the body
}

TEST_F(ClientTest, ASinkThatRefusesDropsTheConnection) {
  result_.reset();
  sink_ = std::make_unique<Collect>();
  sink_->refuse = Error{ErrorCode::kConflict, "asked for a part"};
  begin_with(HttpRequest{Method::kGet, raw_.url()});
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(status(), failure(ErrorCode::kConflict));
  EXPECT_TRUE(sink_->body.empty());
  get(raw_.url());
  ASSERT_TRUE(raw_.accept());
}

TEST_F(ClientTest, SendsBodiesWithAndWithoutALength) {
  for (bool known : {true, false}) {
    HttpRequest request{Method::kPut, raw_.url()};
    request.body = text_body("hello");
    if (known) request.length = 5;
    begin(std::move(request));
    ASSERT_TRUE(raw_.accept());
    EXPECT_THAT(raw_.expect(), HasSubstr(known ? "Content-Length: 5\r\n" : "Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(raw_.expect(known ? "o" : "0\r\n\r\n"), known ? "hello" : "5\r\nhello\r\n0\r\n\r\n");
    raw_.say("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status(), 201);
  }
  begin(HttpRequest{Method::kPost, raw_.url()});
  ASSERT_TRUE(raw_.accept());
  EXPECT_THAT(raw_.expect(), HasSubstr("Content-Length: 0\r\n"));
}

TEST_F(ClientTest, AnEarlyAnswerEndsAnUpload) {
  HttpRequest request{Method::kPut, raw_.url()};
  request.body = text_body(std::string(64 << 20, 'x'));
  begin(std::move(request));
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  raw_.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");  // and reads no further
  EXPECT_EQ(status(), 413);
}

TEST_F(ClientTest, RefusesWhatItCanNotSend) {
  for (const char* url : {"/relative", "https://x/", "ftp://x/", "http://", "http://u@x/", "http://x:0/",
                          "http://x:70000/", "http://x/a b", "http://[::1/"}) {
    get(url);
    EXPECT_EQ(status(), failure(ErrorCode::kInvalid)) << url;
  }
  get("https://x/");
  (void)status();
  EXPECT_THAT(result_->error().message(), HasSubstr("https is not supported by this build"));
  HttpRequest request{Method::kGet, raw_.url()};
  request.headers.add("X", "a\r\nInjected: b");
  begin(std::move(request));
  EXPECT_EQ(status(), failure(ErrorCode::kInvalid));
}

TEST_F(ClientTest, FindsNamesAndBothFamilies) {
  get(raw_.url("/", "localhost"));
  ASSERT_TRUE(raw_.accept());
  EXPECT_THAT(raw_.expect(), HasSubstr("Host: localhost:"));
  raw_.say("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(status(), 204);
  RawServer six{io_, AF_INET6};
  if (!six.usable()) GTEST_SKIP() << "no IPv6 here";
  get(six.url("/", "[::1]"));
  ASSERT_TRUE(six.accept());
  EXPECT_THAT(six.expect(), HasSubstr("Host: [::1]:"));
  six.say("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(status(), 204);
}

TEST_F(ClientTest, ANobodyThereIsUnavailable) {
  get("http://127.0.0.1:1/");
  EXPECT_EQ(status(), failure(ErrorCode::kUnavailable));
}

TEST_F(ClientTest, AConnectionThatDoesNotComeTimesOut) {
  // A full backlog: the kernel drops what would connect.
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)::connect(fillers.back(), reinterpret_cast<sockaddr*>(&at), size);
  }
  get("http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/");
  EXPECT_EQ(status(), failure(ErrorCode::kTimeout));
  for (int fd : fillers) ::close(fd);
  ::close(listener);
}

TEST_F(ClientTest, MayGoWhileARequestRuns) {
  get(raw_.url());
  ASSERT_TRUE(raw_.accept());
  raw_.expect();
  client_.reset();
  EXPECT_EQ(status(), failure(ErrorCode::kStopped));
}

// Grows when a body is held instead of passed on.
std::uint64_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * 4096;
}

TEST_F(ClientTest, CarriesALargeBodyThroughServerAndClientInConstantMemory) {
  constexpr std::uint64_t kSize = 64 << 20;
  start();
  std::uint64_t received = 0;
  handler_.on_handle = [&](HttpRequest request, Stop&) -> Task<HttpResponse> {
    while (true) {
      auto piece = co_await request.body->read();
      if (!piece || piece->empty()) break;
      received += piece->size();
    }
    HttpResponse response{200};
    auto file = disk_->open("sparse", Mode::kRead);
    response.body = FileSlice{*file, 0, kSize, nullptr};
    co_return response;
  };
  ASSERT_TRUE((*disk_->open("sparse", Mode::kTruncate))->write(kSize - 1, as_bytes("x")));
  struct Zeros : BodySource {
    std::uint64_t left = kSize;
    std::vector<std::byte> zeros = std::vector<std::byte>(256 * 1024);
    Task<Result<ByteView>> read() override {
      auto size = std::min<std::uint64_t>(left, zeros.size());
      left -= size;
      co_return ByteView{zeros.data(), static_cast<std::size_t>(size)};
    }
  };
  HttpRequest request{Method::kPut, "http://127.0.0.1:" + std::to_string(server_->port()) + "/"};
  request.body = std::make_shared<Zeros>();
  request.length = kSize;
  auto before = resident_bytes();
  result_.reset();
  sink_ = std::make_unique<Collect>();
  sink_->keep = false;
  begin_with(std::move(request));
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(received, kSize);
  EXPECT_EQ(sink_->bytes, kSize);
  EXPECT_LT(resident_bytes(), before + (16 << 20));
}

TEST(ParseUrl, TakesItApart) {
  auto url = *parse_url("HTTP://Host.Example:8080/Path?q=1#fragment");
  EXPECT_EQ(url.host, "host.example");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.target, "/Path?q=1");
  EXPECT_EQ(url.authority, "host.example:8080");
  EXPECT_EQ(parse_url("http://h")->target, "/");
  EXPECT_EQ(parse_url("http://h?x")->target, "/?x");
  EXPECT_EQ(parse_url("http://h")->port, 80);
  EXPECT_EQ(parse_url("http://[::1]:81/")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:81/")->port, 81);
}

}  // namespace
}  // namespace dray::net
