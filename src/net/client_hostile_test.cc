// The client against servers whose answers have no end: heads, interim answers, extensions and trailers.
#include <gtest/gtest.h>

#include "net/client.h"
#include "net/client_testing.h"

namespace dray::net {
namespace {

class HostileTest : public ServerFixture {
 protected:
  explicit HostileTest(Duration head_time = Duration{15'000}) {
    ClientLimits limits;
    limits.sweep = Duration{5};
    limits.head_time = head_time;
    client_ = std::make_unique<BeastClient>(io_, clock_, limits);
    asio::co_spawn(io_, client_->send(HttpRequest{Method::kGet, raw_.url()}, sink_, stop_),
                   [this](std::exception_ptr error, Result<int> result) {
                     EXPECT_FALSE(error);
                     result_ = std::move(result);
                   });
    EXPECT_TRUE(raw_.accept());
    raw_.expect();
  }
  ~HostileTest() override {
    client_.reset();
    io_.restart();
    io_.poll();
  }
  // Says it again and again until the client has had enough.
  ErrorCode code_after(const std::string& first, const std::string& again) {
    raw_.say(first);
    std::size_t at = 0;
    EXPECT_TRUE(turn_until([&] {
      const ssize_t n = ::send(raw_.peer(), again.data() + at, again.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) at = (at + static_cast<std::size_t>(n)) % again.size();
      return result_.has_value();
    }));
    return result_ && !*result_ ? result_->error().code() : ErrorCode::kInternal;
  }

  RawServer raw_{io_};
  std::unique_ptr<BeastClient> client_;
  Collect sink_;
  Stop stop_;
  std::optional<Result<int>> result_;
};

TEST_F(HostileTest, InterimAnswersWithoutEndAreAnError) {
  EXPECT_EQ(code_after("", "HTTP/1.1 100 Continue\r\n\r\n"), ErrorCode::kInvalid);
}

TEST_F(HostileTest, AFewInterimAnswersAreNone) {
  for (int i = 0; i < 10; ++i) raw_.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  raw_.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(turn_until([&] { return result_.has_value(); }));
  EXPECT_TRUE(*result_ && **result_ == 200);
  EXPECT_EQ(sink_.body, "ok");
}

TEST_F(HostileTest, AHeadWithoutEndIsAnError) {
  EXPECT_EQ(code_after("HTTP/1.1 200 OK\r\n", "X-Header: 0123456789\r\n"), ErrorCode::kInvalid);
}

class DribbleTest : public HostileTest {
 protected:
  DribbleTest() : HostileTest{Duration{100}} {}
};

TEST_F(DribbleTest, AHeadThatDribblesIsATimeoutThoughEachByteIsProgress) {
  raw_.say("HTTP/1.1 200 OK\r\nX: ");
  int turns = 0;
  ASSERT_TRUE(turn_until([&] {
    if (++turns % 64 == 0) [[maybe_unused]]
      const ssize_t n = ::send(raw_.peer(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    return result_.has_value();
  }));
  EXPECT_EQ(*result_ ? ErrorCode::kInternal : result_->error().code(), ErrorCode::kTimeout);
}

TEST_F(HostileTest, TrailersWithoutEndAreAnError) {
  EXPECT_EQ(code_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-Trailer: 0123456789\r\n"),
            ErrorCode::kInvalid);
}

TEST_F(HostileTest, ChunkExtensionsWithoutEndAreAnError) {
  EXPECT_EQ(code_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", ";a=0123456789"), ErrorCode::kInvalid);
}

TEST_F(HostileTest, ChunksThatAreMostlyExtensionAreAnError) {
  EXPECT_EQ(code_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                       "1;a=" + std::string(1'000, '0') + "\r\nx\r\n"),
            ErrorCode::kInvalid);
}

TEST_F(HostileTest, ChunksOfOneByteAreABody) {
  raw_.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string chunks;
  for (int i = 0; i < 30'000; ++i) chunks += "1\r\nx\r\n";
  chunks += "0\r\n\r\n";
  std::size_t at = 0;
  ASSERT_TRUE(turn_until([&] {
    const ssize_t n = ::send(raw_.peer(), chunks.data() + at, chunks.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) at += static_cast<std::size_t>(n);
    return result_.has_value();
  }));
  EXPECT_TRUE(*result_ && **result_ == 200);
  EXPECT_EQ(sink_.body.size(), 30'000U);
}

}  // namespace
}  // namespace dray::net
