// Bodies of requests, as a handler reads them.
#include <gmock/gmock.h>

#include "net/net_testing.h"

namespace dray::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class UploadTest : public ServerFixture {
 protected:
  UploadTest() {
    handler_.on_handle = [this](HttpRequest request, Stop& stop) {
      return read_it(std::move(request), stop);
    };
  }

  Task<HttpResponse> read_it(HttpRequest request, Stop& stop) {
    ++asked_;
    length_ = request.length;
    if (request.target == "/unwanted") co_return text_response(403, "no");
    if (!request.body) co_return text_response(200, "no body");
    kept_ = request.body;
    auto text = co_await read_all(*request.body, 64 << 20);
    stopped_ = stop.requested();
    if (!text) {
      failed_ = text.error();
      co_return text_response(400, text.error().message());
    }
    co_return text_response(200, std::to_string(text->size()) + " " + text->substr(0, 20));
  }

  int asked_ = 0;
  bool stopped_ = false;
  std::optional<std::uint64_t> length_;
  std::optional<Error> failed_;
  std::shared_ptr<BodySource> kept_;
};

TEST_F(UploadTest, ReadsABodyByItsLength) {
  start();
  auto c = client();
  for (int i = 0; i < 2; ++i) {
    c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_THAT(c->response(), EndsWith("\r\n\r\n5 hello"));
    EXPECT_EQ(length_, 5U);
  }
  c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(c->response(), EndsWith("no body"));
}

TEST_F(UploadTest, ReadsABodyByteByByteAndWhatFollowsIt) {
  start();
  auto c = client();
  std::string one = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
  for (char byte : one + one) c->send({&byte, 1});
  EXPECT_THAT(c->response(), EndsWith("\r\n\r\n5 hello"));
  EXPECT_THAT(c->response(), EndsWith("\r\n\r\n5 hello"));
  c->send(one + one + one);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(c->response(), EndsWith("\r\n\r\n5 hello"));
}

TEST_F(UploadTest, ReadsChunksInAnyPieces) {
  start();
  auto c = client();
  std::string chunked =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n";
  c->send(chunked + chunked);
  EXPECT_THAT(c->response(), EndsWith("11 hello world"));
  EXPECT_THAT(c->response(), EndsWith("11 hello world"));
  EXPECT_FALSE(length_);
  for (char byte : chunked) c->send({&byte, 1});
  EXPECT_THAT(c->response(), EndsWith("11 hello world"));
}

TEST_F(UploadTest, RefusesBrokenChunks) {
  start();
  for (std::string text : {std::string{"zz\r\nhello\r\n"}, std::string{"5\r\nhelloXX0\r\n\r\n"},
                           "5;" + std::string(100'000, 'x')}) {
    auto c = client();
    c->send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + text);
    EXPECT_THAT(c->read_to_end(), StartsWith("HTTP/1.1 400 "));
    EXPECT_EQ(failed_->code(), ErrorCode::kInvalid);
  }
}

TEST_F(UploadTest, ReadsALargeBodyPieceByPiece) {
  start();
  auto c = client();
  std::string body(20 << 20, 'b');
  c->send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  c->send(body);
  EXPECT_THAT(c->response(), EndsWith("20971520 bbbbbbbbbbbbbbbbbbbb"));
}

TEST_F(UploadTest, SaysContinueWhenTheHandlerWantsTheBody) {
  start();
  auto c = client();
  c->send("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(c->response(false), "HTTP/1.1 100 Continue\r\n\r\n");
  c->send("hello");
  EXPECT_THAT(c->response(), EndsWith("5 hello"));
}

TEST_F(UploadTest, DoesNotSayContinueForABodyNobodyWants) {
  start();
  auto c = client();
  c->send("PUT /unwanted HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
  auto answer = c->read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

TEST_F(UploadTest, ASmallBodyNobodyWantedKeepsTheConnection) {
  start();
  auto c = client();
  for (int i = 0; i < 2; ++i) {
    c->send("PUT /unwanted HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    auto answer = c->response();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
    EXPECT_THAT(answer, Not(HasSubstr("Connection: close")));
  }
}

TEST_F(UploadTest, ALargeBodyNobodyWantedStillLeavesTheAnswerReadable) {
  start();
  auto c = client();
  c->send("PUT /unwanted HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n");
  c->send(std::string(4'000'000, 'x'));  // sent before the answer is read, as simple clients do
  auto answer = c->read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nno"));
}

TEST_F(UploadTest, ACutBodyIsAnErrorOfItsReader) {
  start();
  auto c = client();
  c->send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello");
  c->close();
  ASSERT_TRUE(turn_until([&] { return failed_.has_value(); }));
  EXPECT_EQ(failed_->code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(stopped_);
  EXPECT_TRUE(turn_until([&] { return server_->connections() == 0; }));
}

TEST_F(UploadTest, AStalledBodyTimesOut) {
  auto limits = quick_limits();
  limits.body_idle = 50ms;
  start(limits);
  auto c = client();
  c->send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello");
  EXPECT_THAT(c->read_to_end(), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(failed_->code(), ErrorCode::kTimeout);
}

TEST_F(UploadTest, ABodyIsOverWithItsRequest) {
  start();
  auto c = client();
  c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  c->response();
  std::optional<Error> error;
  asio::co_spawn(io_, kept_->read(), [&](std::exception_ptr, Result<ByteView> r) { error = r.error(); });
  ASSERT_TRUE(turn_until([&] { return error.has_value(); }));
  EXPECT_EQ(error->code(), ErrorCode::kUnavailable);
}

TEST_F(UploadTest, AClientThatGoesAfterItsBodyStopsTheHandler) {
  bool stopped = false;
  handler_.on_handle = [&](HttpRequest request, Stop& stop) -> Task<HttpResponse> {
    (void)co_await read_all(*request.body, 100);
    ++asked_;
    (void)co_await clock_.sleep_until(kSteadyMax, stop);
    stopped = true;
    co_return HttpResponse{200};
  };
  start();
  auto c = client();
  c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(turn_until([&] { return asked_ == 1; }));
  c->close();
  EXPECT_TRUE(turn_until([&] { return stopped; }));
}

TEST_F(UploadTest, StopReachesAnUploadThatWaits) {
  auto limits = quick_limits();
  limits.drain_time = 40ms;
  start(limits);
  auto c = client();
  c->send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello");
  ASSERT_TRUE(turn_until([&] { return asked_ == 1; }));
  bool stopped = false;
  asio::co_spawn(io_, server_->stop(), [&](std::exception_ptr) { stopped = true; });
  EXPECT_TRUE(turn_until([&] { return stopped; }));
  EXPECT_EQ(failed_->code(), ErrorCode::kStopped);
}

}  // namespace
}  // namespace dray::net
