// Strangers, who have proven no token, have their share of a server's connections and no more.
#include <gmock/gmock.h>

#include "adapters/posix/started_with.h"
#include "net/net_testing.h"

namespace dray::net {
namespace {

using ::testing::StartsWith;

class StrangersTest : public ServerFixture {
 protected:
  StrangersTest() {
    knows_ = [](const HttpRequest& request) { return request.headers.get("Authorization") == "Bearer right"; };
    handler_.on_now = [this](const HttpRequest& request) -> std::optional<HttpResponse> {
      if (request.target == "/slow") return {};
      return answer(request);
    };
    handler_.on_handle = [this](HttpRequest request, Stop& stop) { return slow(std::move(request), stop); };
  }
  HttpResponse answer(const HttpRequest& request) {
    if (!knows_(request)) return text_response(401, "who are you?");
    return text_response(200, "welcome");
  }
  // As a long poll: proves itself, then waits.
  Task<HttpResponse> slow(HttpRequest request, Stop& stop) {
    HttpResponse out = answer(request);
    ++waiting_;
    [[maybe_unused]] auto how = co_await clock_.sleep_until(kSteadyMax, stop);
    --waiting_;
    co_return out;
  }
  void start_with(std::size_t connections, std::size_t strangers) {
    Limits limits = quick_limits();
    limits.connections = connections;
    limits.strangers = strangers;
    start(limits);
  }
  // Connects in groups that the backlog takes, and lets the server accept them.
  std::vector<std::unique_ptr<RawClient>> idle(std::size_t count) {
    std::vector<std::unique_ptr<RawClient>> out;
    while (out.size() < count) {
      for (int i = 0; i < 50 && out.size() < count; ++i) out.push_back(client());
      io_.restart();
      io_.poll();
    }
    return out;
  }

  int waiting_ = 0;
};

constexpr std::string_view kRight = "Authorization: Bearer right\r\n";

TEST_F(StrangersTest, ThirteenHundredIdleOnesKeepNobodyOut) {
  ASSERT_GE(adapters::raise_file_limit(), 4'000u) << "this test needs so many descriptors";
  start_with(1'024, 256);
  auto before = client();
  before->get("/", kRight);
  EXPECT_THAT(before->response(), StartsWith("HTTP/1.1 200"));
  const auto many = idle(1'300);
  ASSERT_TRUE(turn_until([&] { return server_->strangers() == 256; }));
  EXPECT_EQ(server_->connections(), 257u);
  auto after = client();
  after->get("/", kRight);
  EXPECT_THAT(after->response(), StartsWith("HTTP/1.1 200"));
  const auto more = idle(300);
  for (auto* one : {before.get(), after.get()}) {
    one->get("/", kRight);
    EXPECT_THAT(one->response(), StartsWith("HTTP/1.1 200"))
        << "who has proven a token is not moved by strangers";
  }
  EXPECT_LE(server_->strangers(), 256u);
}

TEST_F(StrangersTest, AWrongTokenLeavesAStrangerWhatItIs) {
  start_with(100, 2);
  auto wrong = client();
  wrong->get("/", "Authorization: Bearer wrong\r\n");
  EXPECT_THAT(wrong->response(), StartsWith("HTTP/1.1 401"));
  EXPECT_EQ(server_->strangers(), 1u);
  wrong->get("/", kRight);
  EXPECT_THAT(wrong->response(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server_->strangers(), 0u);
  wrong->close();
  EXPECT_TRUE(turn_until([&] { return server_->connections() == 0; }));
}

TEST_F(StrangersTest, TheOldestThatNothingIsDoneForMakesRoom) {
  start_with(100, 2);
  auto busy = client(), half = client();
  busy->get("/slow");
  ASSERT_TRUE(turn_until([&] { return waiting_ == 1; }));
  half->send("GET / HT");
  auto third = client();
  third->get("/", kRight);
  EXPECT_THAT(third->response(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(half->read_to_end(), "") << "half a head is no request in work";
  EXPECT_EQ(waiting_, 1);
}

TEST_F(StrangersTest, AnotherIsRefusedWhereAllAreInWork) {
  start_with(100, 2);
  auto a = client(), b = client();
  a->get("/slow");
  b->get("/slow");
  ASSERT_TRUE(turn_until([&] { return waiting_ == 2; }));
  auto c = client();
  EXPECT_THAT(c->read_to_end(), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(waiting_, 2);
}

TEST_F(StrangersTest, WhatIsKeptForThemIsNotTakenByOthers) {
  start_with(4, 2);
  auto a = client(), b = client(), c = client();
  for (auto* one : {a.get(), b.get()}) one->get("/slow", kRight);
  ASSERT_TRUE(turn_until([&] { return waiting_ == 2; }));
  EXPECT_EQ(server_->strangers(), 1u) << "c has said nothing yet";
  c->get("/", kRight);
  EXPECT_THAT(c->response(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server_->strangers(), 1u) << "it is answered, and goes first where there is no room";
}

TEST(Limits, LeaveRoomForFilesAndForStrangers) {
  EXPECT_EQ(limits_for(1'024).connections, 768u);
  EXPECT_EQ(limits_for(1'024).strangers, 256u);
  EXPECT_EQ(limits_for(1 << 20).connections, 12'000u);
  EXPECT_EQ(limits_for(1 << 20).strangers, 1'500u);
  EXPECT_EQ(limits_for(0).strangers, limits_for(0).connections);
}

}  // namespace
}  // namespace dray::net
