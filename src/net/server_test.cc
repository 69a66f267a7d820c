// Requests, responses and the life of a connection. Bodies are in transfer_test.cc and upload_test.cc.
#include "net/server.h"

#include <gmock/gmock.h>

#include "net/net_testing.h"

namespace dray::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ServerTest : public ServerFixture {
 protected:
  ServerTest() {
    handler_.on_now = [this](const HttpRequest& request) -> std::optional<HttpResponse> {
      if (request.target.starts_with("/slow")) return {};
      ++requests_;
      last_ = request;
      return text_response(200, "you asked " + request.target);
    };
    handler_.on_handle = [this](HttpRequest request, Stop& stop) { return slow(std::move(request), stop); };
  }

  // Waits until let go or stopped.
  Task<HttpResponse> slow(HttpRequest request, Stop& stop) {
    ++waiting_;
    Stop either{stop};
    Stop::Hook hook{release_, [&either] { either.request(); }};
    (void)co_await clock_.sleep_until(kSteadyMax, either);
    --waiting_;
    stops_ += stop.requested();
    co_return text_response(200, "late " + request.target);
  }

  int requests_ = 0, waiting_ = 0, stops_ = 0;
  Stop release_;
  HttpRequest last_{Method::kOther, {}};
};

TEST_F(ServerTest, AnswersWithLengthAndDateAndKeepsTheConnection) {
  start();
  auto c = client();
  for (int i = 0; i < 3; ++i) {
    c->get("/a?b=c", "X-Y:  z \r\n");
    auto answer = c->response();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 16\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Connection")));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nyou asked /a?b=c"));
  }
  EXPECT_EQ(last_.target, "/a?b=c");
  EXPECT_EQ(last_.method, Method::kGet);
  EXPECT_EQ(last_.headers.get("x-y"), "z");
  EXPECT_EQ(last_.peer.address, "127.0.0.1");
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(ServerTest, TakesARequestByteByByte) {
  start();
  auto c = client();
  for (char byte : std::string{"\r\nGET /bytes HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n"}) c->send({&byte, 1});
  EXPECT_THAT(c->response(), EndsWith("you asked /bytes"));
  EXPECT_EQ(last_.headers.get("a"), "b");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  auto c = client();
  std::string all;
  for (int i = 0; i < 100; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  c->send(all + "GET /cut HTTP/1.1\r\nHo");
  for (int i = 0; i < 100; ++i) ASSERT_THAT(c->response(), EndsWith("you asked /" + std::to_string(i)));
  c->send("st: x\r\n\r\n");
  EXPECT_THAT(c->response(), EndsWith("you asked /cut"));
}

TEST_F(ServerTest, AnswersWhatWasPipelinedBehindASlowRequest) {
  start();
  auto c = client();
  c->get("/slow");
  ASSERT_TRUE(turn_until([&] { return waiting_ == 1; }));
  c->get("/behind");
  c->get("/slow/2");
  io_.restart();
  io_.poll();
  release_.request();
  EXPECT_THAT(c->response(), EndsWith("late /slow"));
  EXPECT_THAT(c->response(), EndsWith("you asked /behind"));
  EXPECT_THAT(c->response(), EndsWith("late /slow/2"));
  EXPECT_EQ(stops_, 0);
}

TEST_F(ServerTest, AnswersHeadWithTheLengthOfGetAndNoBody) {
  start();
  auto c = client();
  c->send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  auto answer = c->response(false);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  c->get("/next");
  EXPECT_THAT(c->response(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, ClosesWhenTheClientWantsIt) {
  start();
  auto c = client();
  c->get("/", "Connection: close\r\n");
  auto answer = c->read_to_end();
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("you asked /"));
  c->close();
  EXPECT_TRUE(turn_until([&] { return server_->connections() == 0; }));
}

TEST_F(ServerTest, KeepsHttp10ConnectionsOnlyWhereAsked) {
  start();
  auto c = client();
  c->send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(c->response(), HasSubstr("\r\nConnection: keep-alive\r\n"));
  c->send("GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_THAT(c->read_to_end(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(ServerTest, TakesTheAbsoluteForm) {
  start();
  auto c = client();
  c->send("GET http://host:80/p?q HTTP/1.1\r\nHost: host\r\n\r\n");
  EXPECT_THAT(c->response(), EndsWith("you asked /p?q"));
}

TEST_F(ServerTest, RefusesWhatIsNoHttpWithAnEmptyBody) {
  start();
  for (const char* text :
       {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\nbroken header\r\nHost: x\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "\x16\x03\x01\x02\x01\x01",
        "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    auto c = client();
    c->send(text);
    auto answer = c->read_to_end();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << text;
    EXPECT_THAT(answer, HasSubstr("Content-Length: 0\r\nConnection: close\r\n")) << text;
    EXPECT_THAT(answer, EndsWith("\r\n\r\n")) << text;
  }
  EXPECT_EQ(requests_, 0);
}

TEST_F(ServerTest, RefusesAHeadThatIsTooLarge) {
  start();
  auto c = client();
  c->send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(c->read_to_end(), StartsWith("HTTP/1.1 431 "));
  auto endless = client();
  endless->send("GET /" + std::string(17'000, 'x'));
  EXPECT_THAT(endless->read_to_end(), StartsWith("HTTP/1.1 431 "));
  auto fits = client();
  fits->get("/", "X: " + std::string(16'000, 'x') + "\r\n");
  EXPECT_THAT(fits->response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, ASlowHeadIsTimedFromItsFirstByte) {
  auto limits = quick_limits();
  limits.head_time = 60ms;
  start(limits);
  auto c = client();
  c->send("GET / HT");
  auto answer = c->read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 0\r\n"));
}

TEST_F(ServerTest, IdleConnectionsAreClosedWithoutAWord) {
  auto limits = quick_limits();
  limits.idle_time = 60ms;
  start(limits);
  auto silent = client(), kept = client();
  kept->get("/");
  EXPECT_THAT(kept->response(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(silent->read_to_end(), "");
  EXPECT_EQ(kept->read_to_end(), "");
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(ServerTest, ALongPollIsNotIdle) {
  auto limits = quick_limits();
  limits.idle_time = limits.head_time = limits.body_idle = limits.send_idle = 10ms;
  start(limits);
  auto c = client();
  c->get("/slow");
  auto until = clock_.steady() + 100ms;
  ASSERT_TRUE(turn_until([&] { return clock_.steady() > until; }));
  release_.request();
  EXPECT_THAT(c->response(), EndsWith("late /slow"));
}

TEST_F(ServerTest, MoreConnectionsThanTheLimitAreRefused) {
  auto limits = quick_limits();
  limits.connections = limits.strangers = 2;
  start(limits);
  auto a = client(), b = client();
  a->get("/slow");
  b->get("/slow");
  ASSERT_TRUE(turn_until([&] { return waiting_ == 2; }));
  auto c = client();
  c->get("/");
  auto answer = c->read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(requests_, 0);
  a->close();
  ASSERT_TRUE(turn_until([&] { return server_->connections() <= 2; }));
  c = nullptr;
  ASSERT_TRUE(turn_until([&] { return server_->connections() == 1; }));
  auto d = client();
  d->get("/");
  EXPECT_THAT(d->response(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, AClientThatGoesStopsItsHandler) {
  start();
  auto closed = client(), cut = client();
  closed->get("/slow");
  cut->get("/slow");
  ASSERT_TRUE(turn_until([&] { return waiting_ == 2; }));
  closed->close();
  cut->reset();
  EXPECT_TRUE(turn_until([&] { return stops_ == 2; }));
  EXPECT_TRUE(turn_until([&] { return server_->connections() == 0; }));
}

TEST_F(ServerTest, AClientThatGoesBehindPipelinedBytesStopsItsHandlerToo) {
  start();
  auto c = client();
  c->get("/slow");
  ASSERT_TRUE(turn_until([&] { return waiting_ == 1; }));
  c->get("/next");
  c->close();
  EXPECT_TRUE(turn_until([&] { return stops_ == 1; }));
}

TEST_F(ServerTest, AClientThatHasSaidAllStillGetsItsAnswer) {
  start();
  auto c = client();
  c->get("/slow");
  ASSERT_TRUE(turn_until([&] { return waiting_ == 1; }));
  c->shutdown_send();
  EXPECT_THAT(c->read_to_end(), EndsWith("late /slow"));
}

TEST_F(ServerTest, AHandlerThatThrowsGives500AndTheNextOneIsServed) {
  start();
  handler_.on_now = [](const HttpRequest& request) -> std::optional<HttpResponse> {
    if (request.target == "/now") throw std::runtime_error{"bug"};
    return {};
  };
  handler_.on_handle = [](HttpRequest, Stop&) -> Task<HttpResponse> {
    throw std::runtime_error{"bug"};
    co_return HttpResponse{200};
  };
  for (const char* target : {"/now", "/handle"}) {
    auto c = client();
    c->get(target);
    auto answer = c->read_to_end();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 0\r\n"));
  }
  EXPECT_EQ(logged_.size(), 2U);
}

TEST_F(ServerTest, AHandlerCanNotBreakTheHead) {
  start();
  handler_.on_now = [](const HttpRequest&) -> std::optional<HttpResponse> {
    HttpResponse response{204};
    response.headers.add("X-Name", "a\r\nInjected: yes");
    response.headers.add("content-length", "77");
    response.headers.add("Connection", "upgrade");
    return response;
  };
  auto c = client();
  c->get("/");
  auto answer = c->response(false);
  EXPECT_THAT(answer, HasSubstr("X-Name: a  Injected: yes\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("ontent-")));
  EXPECT_THAT(answer, Not(HasSubstr("Connection")));
}

TEST_F(ServerTest, AHandlerCanCloseTheConnection) {
  start();
  handler_.on_now = [](const HttpRequest&) {
    auto response = text_response(200, "bye");
    response.close = true;
    return std::optional{std::move(response)};
  };
  auto c = client();
  c->get("/");
  EXPECT_THAT(c->read_to_end(), EndsWith("Connection: close\r\n\r\nbye"));
}

TEST_F(ServerTest, ALargeAnswerWaitsForItsReader) {
  start();
  std::string large(8 << 20, 'x');
  handler_.on_now = [&](const HttpRequest&) { return std::optional{text_response(200, large)}; };
  auto c = client(64 << 10);  // far less than the answer; a window of a few segments waits for timers of TCP
  c->get("/1");
  c->get("/2");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(c->response().ends_with("\r\n\r\n" + large));
}

TEST_F(ServerTest, AReaderThatStopsReadingIsCut) {
  auto limits = quick_limits();
  limits.send_idle = 60ms;
  start(limits);
  handler_.on_now = [](const HttpRequest&) {
    return std::optional{text_response(200, std::string(32 << 20, 'x'))};
  };
  auto c = client(4096);
  c->get("/");
  ASSERT_TRUE(turn_until([&] { return server_->connections() == 1; }));
  EXPECT_TRUE(turn_until([&] { return server_->connections() == 0; }));
}

TEST_F(ServerTest, StopEndsIdleConnectionsAndLetsRunningOnesAnswer) {
  start();
  auto idle = client(), busy = client();
  idle->get("/");
  EXPECT_THAT(idle->response(), StartsWith("HTTP/1.1 200"));
  busy->get("/slow");
  ASSERT_TRUE(turn_until([&] { return waiting_ == 1; }));
  bool stopped = false;
  asio::co_spawn(io_, server_->stop(), [&](std::exception_ptr) { stopped = true; });
  EXPECT_EQ(idle->read_to_end(), "");
  auto answer = busy->read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("late /slow"));
  busy->close();
  EXPECT_TRUE(turn_until([&] { return stopped; }));
  EXPECT_EQ(stops_, 1);
  io_.restart();
  io_.poll();
  EXPECT_TRUE(io_.stopped());  // nothing waits any more
}

TEST_F(ServerTest, StopCutsWhatDoesNotEndInTime) {
  auto limits = quick_limits();
  limits.drain_time = 50ms;
  start(limits);
  handler_.on_now = [](const HttpRequest&) {
    return std::optional{text_response(200, std::string(32 << 20, 'x'))};
  };
  auto c = client(4096);
  c->get("/");
  ASSERT_TRUE(turn_until([&] { return c->take(1) == 1; }));
  bool stopped = false;
  asio::co_spawn(io_, server_->stop(), [&](std::exception_ptr) { stopped = true; });
  EXPECT_TRUE(turn_until([&] { return stopped; }));
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(ServerTest, ListensInSeveralPlacesAndSaysWhereItCanNot) {
  start();
  ASSERT_TRUE(server_->listen("localhost", 0));
  EXPECT_NE(server_->port(0), server_->port(1));
  RawClient c{io_, server_->port(1)};
  c.get("/");
  EXPECT_THAT(c.response(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server_->listen("127.0.0.1", server_->port()).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(server_->listen("not-an-address", 0).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(server_->listen("192.0.2.1", 0).error().code(), ErrorCode::kInvalid);
}

TEST_F(ServerTest, MayGoWithItsLoopWhileHandlersWait) {
  auto io = std::make_unique<asio::io_context>();
  adapters::SystemClock clock{*io};
  FunctionHandler handler;
  handler.on_handle = [&](HttpRequest, Stop& stop) -> Task<HttpResponse> {
    ++waiting_;
    (void)co_await clock.sleep_until(kSteadyMax, stop);
    co_return HttpResponse{200};
  };
  auto server = std::make_unique<HttpServer>(*io, clock, Log{}, handler, quick_limits());
  ASSERT_TRUE(server->listen("127.0.0.1", 0));
  RawClient c{*io, server->port()};
  c.get("/slow");
  ASSERT_TRUE(net::turn_until(*io, [&] { return waiting_ == 1; }));
  server.reset();
  c.close();
  io.reset();
}

}  // namespace
}  // namespace dray::net
