#include "sim/network.h"

#include <gtest/gtest.h>

#include "sim/world.h"

namespace dray::sim {
namespace {

using namespace std::chrono_literals;

struct Progress final : Transfer {
  void on_sent(std::uint64_t total) override { sent = total; }
  void on_end(Result<> how) override { ended = how; }
  std::uint64_t allowance(SteadyTime now) override { return now < paused_until ? 0 : 1'000'000; }
  bool stopped() const override { return sent >= stop_after; }

  std::uint64_t sent = 0, stop_after = ~std::uint64_t{0};
  SteadyTime paused_until{};
  std::optional<Result<>> ended;
};

// Says what it saw; answers /text, /file, /slow (waits until the client goes), /upload, /refuse (reads
// nothing).
struct Door final : HttpHandler {
  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override {
    ++calls;
    seen = request.peer.address + " " + std::string{request.headers.get("Host")} + " " + request.target;
    HttpResponse response{200};
    if (request.target.starts_with("/file")) {
      FileSlice slice{file, 0, file->size(), transfer};
      response.body = std::move(slice);
    } else if (request.target == "/slow") {
      gone = false;
      auto waited = co_await node.clock().sleep_until(node.clock().steady() + 50s, stop);
      gone = !waited;
      response.body = std::string{"late"};
    } else if (request.target == "/upload") {
      auto body = co_await read_all(*request.body, 100 << 20);
      upload_error = body ? std::optional<ErrorCode>{} : body.error().code();
      response.body = body ? std::to_string(body->size()) : std::string{};
    } else if (request.target == "/refuse") {
      response.status = 413;
      response.body = std::string{"too large"};
    } else {
      response.body = std::string{"hello"};
    }
    co_return response;
  }

  explicit Door(Node& n) : node{n} {}
  Node& node;
  std::shared_ptr<File> file;
  std::shared_ptr<Progress> transfer = std::make_shared<Progress>();
  int calls = 0;
  std::string seen;
  std::optional<bool> gone;
  std::optional<ErrorCode> upload_error;
};

struct Collect final : BodySink {
  Result<> head(int s, const Headers& h) override {
    status = s;
    headers = h;
    if (s == refused) return Error{ErrorCode::kConflict, "not this status"};
    return {};
  }
  Task<Result<>> write(ByteView bytes) override {
    body += as_text(bytes);
    Stop never;
    if (node != nullptr) {
      const auto slept = co_await node->clock().sleep_until(node->clock().steady() + 1s, never);
      EXPECT_TRUE(slept);
    }
    co_return Result<>{};
  }

  int status = 0, refused = 0;
  Headers headers;
  std::string body;
  Node* node = nullptr;  // slow: a second for each piece
};

class NetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.set_program([this](Node& node) {
      auto door = std::make_shared<Door>(node);
      door_ = door.get();
      world_.network().serve(node, "server", *door);
      auto file = node.disk().open("file", Mode::kWrite);
      const std::string text = file_text();
      EXPECT_TRUE((*file)->write(0, as_bytes(text)));
      door->file = *file;
      return door;
    });
    server_.power_on();
    client_.power_on();
  }

  static std::string file_text() {
    std::string text(1'000'000, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 1000);
    return text;
  }

  static Task<> call(SimNetwork& network, Node& node, HttpRequest request, BodySink& sink, Stop& stop,
                     std::optional<Result<int>>& out) {
    SimHttpClient http{network, node};
    auto status = co_await http.send(std::move(request), sink, stop);
    out = std::move(status);
  }
  void start(HttpRequest request, BodySink& sink, Stop& stop, std::optional<Result<int>>& out) {
    client_.spawn(call(world_.network(), client_, std::move(request), sink, stop, out));
  }

  Result<int> get(const std::string& path, BodySink& sink, Method method = Method::kGet) {
    return send(HttpRequest{method, "http://server:8080" + path}, sink);
  }
  Result<int> send(HttpRequest request, BodySink& sink) {
    out_.reset();
    start(std::move(request), sink, stop_, out_);
    const auto done = world_.run_until([this] { return out_.has_value(); }, 1h);
    EXPECT_TRUE(done) << done.error().message();
    return out_ ? *out_ : Error{ErrorCode::kInternal, "no answer"};
  }
  Result<int> upload(std::size_t size, BodySink& sink, const std::string& path = "/upload") {
    HttpRequest request{Method::kPost, "http://server" + path};
    request.body = text_body(std::string(size, 'u'));
    return send(std::move(request), sink);
  }
  void fault(Fault::Kind kind, std::uint64_t after = 0) {
    world_.network().on_request(
        [kind, after](const auto&, const auto&, const auto&) { return Fault{kind, after}; });
  }
  Duration now() const { return world_.now().time_since_epoch(); }

  World world_{7};
  Node& server_ = world_.add("server");
  Node& client_ = world_.add("till-1");
  Door* door_ = nullptr;
  Collect sink_;
  Stop stop_;
  std::optional<Result<int>> out_;
};

TEST_F(NetworkTest, ARequestReachesTheHandlerInOriginFormWithHostAndPeer) {
  EXPECT_EQ(*get("/text?a=1", sink_), 200);
  EXPECT_EQ(door_->seen, "till-1 server:8080 /text?a=1");
  EXPECT_EQ(sink_.body, "hello");
  EXPECT_EQ(sink_.headers.get("Content-Length"), "5");
  EXPECT_EQ(sink_.headers.get("date"), "Tue, 24 Nov 2026 00:00:00 GMT");
  EXPECT_GE(now(), 4ms);
  EXPECT_EQ(world_.network().count("till-1", "server", "/te").requests, 1u);
  EXPECT_EQ(world_.network().count("till-1", "server").downloaded, 5u);
}

TEST_F(NetworkTest, AFileComesWholeAtTheRateOfTheLink) {
  world_.network().link("server", "till-1").rate = BytesPerSecond{100'000};
  EXPECT_EQ(*get("/file", sink_), 200);
  EXPECT_EQ(sink_.body, file_text());
  EXPECT_GE(now(), 10s);
  EXPECT_LE(now(), 10'100ms);
  EXPECT_EQ(door_->transfer->sent, 1'000'000u);
  ASSERT_TRUE(door_->transfer->ended);
  EXPECT_TRUE(*door_->transfer->ended);
  EXPECT_EQ(world_.network().count("till-1", "server", "/file").downloaded, 1'000'000u);
}

TEST_F(NetworkTest, TwoTransfersShareALink) {
  world_.network().link("server", "till-1").rate = BytesPerSecond{100'000};
  Collect other;
  std::optional<Result<int>> out;
  start(HttpRequest{Method::kGet, "http://server/file"}, other, stop_, out);
  EXPECT_EQ(*get("/file", sink_), 200);
  EXPECT_GE(other.body.size(), 980'000u);
  EXPECT_GE(now(), 19'800ms);
}

TEST_F(NetworkTest, ASlowSinkHoldsTheSenderBack) {
  sink_.node = &client_;
  world_.after(3s, [&] { EXPECT_LE(door_->transfer->sent, (3 + 2 + Pipe::kWindow) * 65'536u); });
  EXPECT_EQ(*get("/file", sink_), 200);
  EXPECT_EQ(sink_.body, file_text());
  EXPECT_GE(now(), 16s);
}

TEST_F(NetworkTest, APausedTransferWaitsAndAStoppedOneIsCut) {
  door_->transfer->paused_until = server_.clock().steady() + 30s;
  door_->transfer->stop_after = 300'000;
  EXPECT_EQ(get("/file", sink_).error().code(), ErrorCode::kUnavailable);
  EXPECT_GE(now(), 30s);
  EXPECT_GE(sink_.body.size(), 300'000u);
  EXPECT_LT(sink_.body.size(), 400'000u);
  EXPECT_EQ(door_->transfer->ended->error().code(), ErrorCode::kStopped);
}

TEST_F(NetworkTest, HeadGivesTheLengthAndNoBody) {
  EXPECT_EQ(*get("/file", sink_, Method::kHead), 200);
  EXPECT_EQ(sink_.headers.get("Content-Length"), "1000000");
  EXPECT_EQ(sink_.body, "");
}

TEST_F(NetworkTest, AnUploadStreamsAndAnEarlyAnswerEndsIt) {
  EXPECT_EQ(*upload(3'000'000, sink_), 200);
  EXPECT_EQ(sink_.body, "3000000");
  world_.network().link("till-1", "server").rate = BytesPerSecond{100'000};
  EXPECT_EQ(*upload(50'000'000, sink_, "/refuse"), 413);
  EXPECT_LT(now(), 10s);
  EXPECT_LT(world_.network().count("till-1", "server", "/refuse").uploaded, 200'000u);
}

TEST_F(NetworkTest, ALostRequestIsNeverSeenAndALostAnswerIs) {
  fault(Fault::Kind::kLoseRequest);
  EXPECT_EQ(get("/text", sink_).error().code(), ErrorCode::kTimeout);
  EXPECT_EQ(door_->calls, 0);
  EXPECT_GE(now(), 60s);
  fault(Fault::Kind::kLoseAnswer);
  EXPECT_EQ(get("/text", sink_).error().code(), ErrorCode::kTimeout);
  EXPECT_EQ(door_->calls, 1);
}

TEST_F(NetworkTest, AnAnswerIsCutAfterExactlySoManyBytes) {
  for (const std::uint64_t after : {0u, 1u, 65'536u, 70'000u, 1'000'000u}) {
    fault(Fault::Kind::kCutAnswer, after);
    Collect sink;
    door_->transfer->ended.reset();
    EXPECT_EQ(get("/file", sink).error().code(), ErrorCode::kUnavailable);
    EXPECT_EQ(sink.body, file_text().substr(0, after));
    ASSERT_TRUE(door_->transfer->ended);
    EXPECT_FALSE(*door_->transfer->ended);
  }
}

TEST_F(NetworkTest, ACutUploadIsAnErrorOnBothSides) {
  fault(Fault::Kind::kCutUpload, 100'000);
  EXPECT_EQ(upload(200'000, sink_).error().code(), ErrorCode::kUnavailable);
  ASSERT_TRUE(world_.run_for(1s));
  EXPECT_EQ(door_->upload_error, ErrorCode::kUnavailable);
}

TEST_F(NetworkTest, AHostThatIsDownOrUnknownIsUnavailableAtOnce) {
  EXPECT_EQ(send(HttpRequest{Method::kGet, "http://nowhere/"}, sink_).error().code(),
            ErrorCode::kUnavailable);
  EXPECT_EQ(send(HttpRequest{Method::kGet, "server/"}, sink_).error().code(), ErrorCode::kInvalid);
  server_.power_off();
  EXPECT_EQ(get("/text", sink_).error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(now(), 1s);
}

TEST_F(NetworkTest, APartitionInTheMiddleIsATimeoutAndAHealedOneDoesNotReviveTheConnection) {
  world_.network().link("server", "till-1").rate = BytesPerSecond{100'000};
  world_.after(2s, [&] { world_.network().partition("server", "till-1"); });
  world_.after(4s, [&] { world_.network().heal("server", "till-1"); });
  EXPECT_EQ(get("/file", sink_).error().code(), ErrorCode::kTimeout);
  EXPECT_GT(sink_.body.size(), 150'000u);
  EXPECT_EQ(sink_.body, file_text().substr(0, sink_.body.size()));
  EXPECT_LT(sink_.body.size(), 250'000u);
  EXPECT_EQ(*get("/text", sink_), 200);
}

TEST_F(NetworkTest, OneWayLossLetsRequestsThroughAndNoAnswers) {
  world_.network().link("server", "till-1").lost = true;
  EXPECT_EQ(get("/text", sink_).error().code(), ErrorCode::kTimeout);
  EXPECT_EQ(door_->calls, 1);
}

TEST_F(NetworkTest, TheServersPowerLossCutsItsConnections) {
  world_.after(1s, [&] { server_.power_off(); });
  EXPECT_EQ(get("/slow", sink_).error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(now(), 2s);
  EXPECT_FALSE(server_.up());
  server_.power_on();
  EXPECT_EQ(*get("/text", sink_), 200);
}

TEST_F(NetworkTest, AClientThatStopsOrLosesPowerRequestsTheHandlersStop) {
  world_.after(1s, [&] { stop_.request(); });
  EXPECT_EQ(get("/slow", sink_).error().code(), ErrorCode::kStopped);
  ASSERT_TRUE(world_.run_for(1s));
  EXPECT_EQ(door_->gone, true);

  Stop other;
  std::optional<Result<int>> out;
  start(HttpRequest{Method::kGet, "http://server/slow"}, sink_, other, out);
  ASSERT_TRUE(world_.run_for(1s));
  EXPECT_EQ(door_->gone, false);
  client_.power_off();
  ASSERT_TRUE(world_.run_for(1s));
  EXPECT_EQ(door_->gone, true);
  EXPECT_FALSE(out);
}

TEST_F(NetworkTest, ASinkThatRefusesTheHeadEndsTheCall) {
  sink_.refused = 200;
  EXPECT_EQ(get("/file", sink_).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(sink_.body, "");
  ASSERT_TRUE(world_.run_for(1s));
  ASSERT_TRUE(door_->transfer->ended);
  EXPECT_FALSE(*door_->transfer->ended);
}

// Everything at once, replayed: power cuts on both ends, cuts, losses, a slow line.
std::uint64_t storm(std::uint64_t seed) {
  World world{seed};
  Node& server = world.add("server");
  server.set_program([&](Node& node) {
    auto door = std::make_shared<Door>(node);
    world.network().serve(node, "server", *door);
    auto file = node.disk().open("file", Mode::kWrite);
    EXPECT_TRUE((*file)->write(0, as_bytes(std::string(300'000, 'f'))));
    door->file = *file;
    return door;
  });
  int files = 0;
  struct Client {
    Client(World& w, Node& n, int& f) : http{w.network(), n}, node{n}, files{f} { n.spawn(run(*this)); }
    static Task<> run(Client& self) {
      for (;;) {
        Collect sink;
        HttpRequest request{Method::kGet, "http://server/file"};
        request.idle_limit = 5s;
        const auto status = co_await self.http.send(std::move(request), sink, self.stop);
        if (status) {
          EXPECT_EQ(sink.body.size(), 300'000u);
          ++self.files;
        }
        const auto slept =
            co_await self.node.clock().sleep_until(self.node.clock().steady() + 100ms, self.stop);
        if (!slept) co_return;
      }
    }
    SimHttpClient http;
    Node& node;
    int& files;
    Stop stop;
  };
  server.power_on();
  std::vector<Node*> nodes{&server};
  for (int i = 0; i < 4; ++i) {
    Node& node = world.add("till-" + std::to_string(i));
    node.set_program([&](Node& n) { return std::make_shared<Client>(world, n, files); });
    node.power_on();
    nodes.push_back(&node);
    world.network().link("server", node.name()).rate = BytesPerSecond{200'000};
  }
  world.network().on_request([&](const auto&, const auto&, const auto&) {
    return Fault{static_cast<Fault::Kind>(world.random().uniform(5)), world.random().uniform(300'000)};
  });
  world.on_crashed([&](Node& node) { world.after(700ms, [&node] { node.power_on(); }); });
  std::function<void()> cut = [&] {
    nodes[world.random().uniform(nodes.size())]->power_off();
    world.after(4s, cut);
  };
  world.after(1s, cut);
  const auto done = world.run_until([&] { return files >= 20; }, 1h);
  EXPECT_TRUE(done) << done.error().message();
  return world.trace_hash();
}

TEST(Network, AStormOfFaultsReplaysFromItsSeed) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) EXPECT_EQ(storm(seed), storm(seed));
  EXPECT_NE(storm(1), storm(2));
}

}  // namespace
}  // namespace dray::sim
