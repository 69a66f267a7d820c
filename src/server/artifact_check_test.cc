// A file of the server's own that is damaged or gone: found when somebody says that it came wrong, sent to nobody, and
// mended by uploading it again; over a real store on a simulated disk, whose power may be cut in between.
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store.h"
#include "server/artifacts.h"
#include "sim/world.h"

namespace dray::server {
namespace {

using namespace std::chrono_literals;

// Comes after five minutes.
class LateBody final : public BodySource {
 public:
  LateBody(Clock& clock, std::string text) : clock_{clock}, text_{std::move(text)} {}
  Task<Result<ByteView>> read() override {
    if (std::exchange(ended_, true)) co_return ByteView{};
    [[maybe_unused]] const auto slept = co_await clock_.sleep_until(clock_.steady() + 300s, never_);
    co_return as_bytes(text_);
  }

 private:
  Clock& clock_;
  const std::string text_;
  bool ended_ = false;
  Stop never_;
};

class ArtifactCheck : public ::testing::Test {
 protected:
  struct Program {
    std::unique_ptr<ServerTime> time;
    std::unique_ptr<adapters::SqliteServerStore> store;
    std::unique_ptr<adapters::SqliteServerLists> lists;
    std::unique_ptr<Parts> parts;
    std::unique_ptr<Artifacts> artifacts;
  };

  ArtifactCheck() {
    world.trace().on_line([this](std::string_view, std::string_view line) { lines.emplace_back(line); });
    node.set_program([this](sim::Node& n) {
      auto made = std::make_shared<Program>();
      made->store = std::move(*adapters::SqliteServerStore::open({.path = "server.db", .vfs = n.vfs()}));
      made->lists = std::make_unique<adapters::SqliteServerLists>(made->store->db());
      Worker& worker = n.worker("store");
      made->time = std::make_unique<ServerTime>(n.clock(), n.clock());
      made->parts = std::make_unique<Parts>(Parts{n.executor(), *made->time, n.random(), n.disk(), worker, worker, n.worker("bytes"),
                                                  *made->store, *made->lists, n.log()});
      made->artifacts = std::make_unique<Artifacts>(*made->parts, options);
      program = made.get();
      n.spawn(start(*made->artifacts));
      return made;
    });
    start_again();
  }

  void start_again() {
    loaded = false;
    if (node.up()) {
      node.power_off();
      EXPECT_TRUE(world.run_for(1s));
    }
    node.power_on();
    EXPECT_TRUE(world.run_until([this] { return loaded; }, 1min));
  }
  Task<> start(Artifacts& artifacts) {
    const auto done = co_await artifacts.load();
    EXPECT_TRUE(done);
    loaded = true;
    co_await artifacts.check(never);
  }

  // What POST uploads and one PATCH make of it.
  Artifacts::Outcome upload() { return upload(bytes); }
  Artifacts::Outcome upload(const std::string& text) {
    std::optional<Artifacts::Outcome> out;
    node.spawn(send(*program->artifacts, text, text_body(text), out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return out.value_or(Artifacts::Outcome::kFailed);
  }
  Task<> send(Artifacts& artifacts, std::string text, std::shared_ptr<BodySource> body, std::optional<Artifacts::Outcome>& out) {
    const wire::NewUpload wanted{sha256_of(as_bytes(text)), text.size()};
    const auto begun = co_await artifacts.begin(wanted);
    EXPECT_TRUE(begun);
    if (begun->state.complete) {
      out = Artifacts::Outcome::kComplete;
      co_return;
    }
    ++uploads;
    const auto done = co_await artifacts.append(wanted.sha256, begun->state.offset, std::move(body));
    out = done.outcome;
  }
  ErrorCode open() {
    std::optional<ErrorCode> out;
    node.spawn(open(*program->artifacts, out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return out.value_or(ErrorCode::kInternal);
  }
  Task<> open(Artifacts& artifacts, std::optional<ErrorCode>& out) {
    const auto file = co_await artifacts.open(sha);
    out = file ? ErrorCode::kStopped : file.error().code();
  }
  static constexpr ErrorCode kOpens = ErrorCode::kStopped;

  std::optional<wire::DamageView::What> damage() const {
    const auto* found = program->artifacts->damage(sha);
    return found == nullptr ? std::nullopt : std::optional{found->what};
  }
  void doubt() {
    program->artifacts->doubt(sha);
    ASSERT_TRUE(world.run_for(10s));
  }
  std::ptrdiff_t logged(std::string_view event) const {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(event) != line.npos; });
  }
  void put_in_place(const std::string& text) {
    const auto file = node.disk().open(blob(), Mode::kTruncate);
    ASSERT_TRUE(file && (*file)->write(0, as_bytes(text)));
  }
  Path blob() const { return "blobs/" + sha.hex(); }

  const std::string bytes = std::string(100'003, 'x');
  const Sha256 sha = sha256_of(as_bytes(bytes));
  Options options;
  sim::World world{1};
  sim::Node& node = world.add("server");
  Program* program = nullptr;
  bool loaded = false;
  int uploads = 0;
  std::vector<std::string> lines;
  Stop never;
};

using What = wire::DamageView::What;

TEST_F(ArtifactCheck, AFlippedByteIsFoundPutAsideAndMendedByUploadingItAgain) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  const auto flag = program->artifacts->cut(sha);
  ASSERT_TRUE(node.disk().flip_byte(blob(), 5'000));
  EXPECT_EQ(open(), kOpens) << "nobody has said anything yet";
  doubt();
  EXPECT_EQ(damage(), What::kDamaged);
  EXPECT_TRUE(*flag) << "what is being sent of it is cut";
  EXPECT_EQ(open(), ErrorCode::kNotFound);
  EXPECT_FALSE(program->artifacts->state(sha)) << "HEAD: it has to be begun again";
  EXPECT_TRUE(node.disk().exists("damaged/" + sha.hex()));
  EXPECT_EQ(logged("artifact_damaged"), 1);

  start_again();
  EXPECT_EQ(damage(), What::kDamaged) << "and stays so over a restart";
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  EXPECT_EQ(uploads, 2);
  EXPECT_FALSE(damage());
  EXPECT_EQ(open(), kOpens);
  EXPECT_FALSE(node.disk().exists("damaged/" + sha.hex()));
  EXPECT_FALSE(*program->artifacts->cut(sha));
  start_again();
  EXPECT_FALSE(damage());
  EXPECT_EQ(upload(), Artifacts::Outcome::kComplete);
  EXPECT_EQ(uploads, 2) << "it is here";
}

TEST_F(ArtifactCheck, AFileThatIsGoneIsSaidAtTheStartAndWhenItIsWanted) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  ASSERT_TRUE(node.disk().unlink(blob()));
  EXPECT_EQ(open(), ErrorCode::kNotFound);
  EXPECT_EQ(damage(), What::kGone);
  start_again();
  EXPECT_EQ(damage(), What::kGone);
  EXPECT_EQ(upload(), Artifacts::Outcome::kComplete);
  EXPECT_FALSE(damage());
}

TEST_F(ArtifactCheck, AFileThatIsBackIsUsedAgain) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  const auto move = [&](const Path& from, const Path& to) { return node.disk().rename(from, to).has_value(); };
  ASSERT_TRUE(move(blob(), "blobs/away"));
  EXPECT_EQ(open(), ErrorCode::kNotFound);
  ASSERT_TRUE(world.run_for(5min));
  EXPECT_EQ(damage(), What::kGone);
  ASSERT_TRUE(move("blobs/away", blob()));
  ASSERT_TRUE(world.run_for(61s));
  EXPECT_FALSE(damage());
  EXPECT_EQ(open(), kOpens);
  EXPECT_EQ(logged("artifact_gone"), 1);
  EXPECT_EQ(logged("artifact_mended"), 1);
}

TEST_F(ArtifactCheck, AnotherFileInItsPlaceIsNotTakenForIt) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  ASSERT_TRUE(node.disk().unlink(blob()));
  EXPECT_EQ(open(), ErrorCode::kNotFound);
  put_in_place(std::string(bytes.size(), 'y'));
  ASSERT_TRUE(world.run_for(61s));
  EXPECT_EQ(damage(), What::kDamaged);
  EXPECT_FALSE(node.disk().exists(blob())) << "it is hashed once";
  EXPECT_TRUE(node.disk().exists("damaged/" + sha.hex()));
  ASSERT_TRUE(world.run_for(10min));
  EXPECT_EQ(logged("artifact_damaged"), 1);
  start_again();
  EXPECT_EQ(damage(), What::kDamaged);
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  EXPECT_FALSE(damage());
}

TEST_F(ArtifactCheck, AFileOfAnotherSizeInItsPlaceIsLeftThere) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  ASSERT_TRUE(node.disk().unlink(blob()));
  EXPECT_EQ(open(), ErrorCode::kNotFound);
  put_in_place(bytes.substr(1));
  ASSERT_TRUE(world.run_for(5min));
  EXPECT_EQ(damage(), What::kGone);
  put_in_place(bytes);
  ASSERT_TRUE(world.run_for(61s));
  EXPECT_FALSE(damage());
}

TEST_F(ArtifactCheck, DoubtsAboutOthersDoNotPutOffTheLook) {
  std::vector<Sha256> others;
  for (const char c : {'a', 'b', 'c', 'd'}) {
    const std::string text(1'000, c);
    ASSERT_EQ(upload(text), Artifacts::Outcome::kComplete);
    others.push_back(sha256_of(as_bytes(text)));
  }
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  ASSERT_TRUE(node.disk().unlink(blob()));
  EXPECT_EQ(open(), ErrorCode::kNotFound);
  put_in_place(bytes);
  for (const Sha256& other : others) {
    ASSERT_TRUE(world.run_for(20s));
    program->artifacts->doubt(other);
  }
  EXPECT_FALSE(damage()) << "after 80 seconds";
}

TEST_F(ArtifactCheck, WhileAnUploadComesWhatIsBackIsNotHashed) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  ASSERT_TRUE(node.disk().unlink(blob()));
  EXPECT_EQ(open(), ErrorCode::kNotFound);
  put_in_place(bytes);
  std::optional<Artifacts::Outcome> sent;
  node.spawn(send(*program->artifacts, "slow", std::make_shared<LateBody>(node.clock(), "slow"), sent));
  ASSERT_TRUE(world.run_for(200s));
  EXPECT_EQ(damage(), What::kGone);
  EXPECT_FALSE(sent);
  ASSERT_TRUE(world.run_for(200s));
  EXPECT_EQ(sent, Artifacts::Outcome::kComplete);
  EXPECT_FALSE(damage());
}

TEST_F(ArtifactCheck, WhatTheDiskDidNotGiveWhileItWasSentIsLookedAt) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  const auto doubts = program->artifacts->doubter(sha);
  ASSERT_TRUE(node.disk().flip_byte(blob(), 5'000));
  doubts();
  ASSERT_TRUE(world.run_for(10s));
  EXPECT_EQ(damage(), What::kDamaged);
  start_again();
  doubts();  // its artifacts are gone with the program
}

TEST_F(ArtifactCheck, AFileThatWasCutIsKnownByItsSize) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  {
    const auto file = node.disk().open(blob(), Mode::kTruncate);
    ASSERT_TRUE(file && (*file)->write(0, as_bytes(bytes.substr(0, 50'000))));
  }
  EXPECT_EQ(open(), ErrorCode::kNotFound);
  EXPECT_EQ(damage(), What::kDamaged);
}

TEST_F(ArtifactCheck, WhatIsSoundIsHashedAgainOnceAnHourAtMost) {
  ASSERT_EQ(upload(), Artifacts::Outcome::kComplete);
  for (int i = 0; i < 30; ++i) doubt();
  EXPECT_EQ(logged("artifact_is_sound"), 1);
  EXPECT_FALSE(damage());
  ASSERT_TRUE(world.run_for(1h));
  ASSERT_TRUE(node.disk().flip_byte(blob(), 7));
  doubt();
  EXPECT_EQ(damage(), What::kDamaged);
}

TEST_F(ArtifactCheck, NothingUnknownIsHashed) {
  doubt();
  EXPECT_EQ(logged("artifact_"), 0);
}

}  // namespace
}  // namespace dray::server
