// Artifacts under everything at once: clients that begin, send, repeat and break off the same uploads while
// the sweep removes what rests. Made for the sanitizers: what dangles shows there, and what is wrong shows
// here.
#include "server/artifacts.h"

#include <gtest/gtest.h>

#include "adapters/sqlite/server_store.h"
#include "sim/world.h"

namespace dray::server {
namespace {

using namespace std::chrono_literals;

// Bytes that come in pieces with pauses, and may be cut.
class SlowBody final : public BodySource {
 public:
  SlowBody(sim::Node& node, sim::SimRandom& chance, std::string bytes, bool cut)
      : node_{node}, chance_{chance}, bytes_{std::move(bytes)}, cut_{cut} {}
  Task<Result<ByteView>> read() override {
    [[maybe_unused]] auto slept =
        co_await node_.clock().sleep_until(node_.clock().steady() + chance_.up_to(30ms), never_);
    if (cut_ && at_ >= bytes_.size() / 2) co_return Error{ErrorCode::kUnavailable, "the client has gone"};
    const std::string_view rest = std::string_view{bytes_}.substr(at_);
    const std::string_view piece = rest.substr(0, 1 + random_u64(chance_) % 700);
    at_ += piece.size();
    co_return as_bytes(piece);
  }

 private:
  sim::Node& node_;
  sim::SimRandom& chance_;
  std::string bytes_;
  bool cut_;
  std::size_t at_ = 0;
  Stop never_;
};

struct Life {
  std::unique_ptr<adapters::SqliteServerStore> store;
  std::unique_ptr<adapters::SqliteServerLists> lists;
  std::unique_ptr<ServerTime> time;
    std::unique_ptr<Parts> parts;
  std::unique_ptr<Artifacts> artifacts;
};

class ArtifactsAtOnce {
 public:
  explicit ArtifactsAtOnce(std::uint64_t seed) : world{seed}, chance{seed * 7919} {
    options.upload_kept = 40ms;
    options.most_uploads = 12;
    node.set_program([this](sim::Node& n) { return boot(n); });
    node.power_on();
  }

  void run(int clients, int rounds) {
    node.spawn(load());
    ASSERT_TRUE(world.run_until([this] { return loaded; }, 1min));
    running = clients;
    for (int i = 0; i < clients; ++i) node.spawn(client(rounds));
    for (int i = 0; i < 2; ++i) node.spawn(sweep());
    const auto done = world.run_until([this] { return running == 0 && sweeping == 0; }, 2h);
    ASSERT_TRUE(done) << done.error().message();
  }

  std::string bytes_of(std::uint64_t which) const {
    return std::string(1 + which * 97 % 5'000, static_cast<char>('a' + which % 26)) + std::to_string(which);
  }

  Options options;
  sim::World world;
  sim::SimRandom chance;
  sim::Node& node = world.add("server");
  Life* program = nullptr;
  bool loaded = false;
  int running = 0, sweeping = 0;
  int completed = 0, swept_away = 0, wrong = 0, busy = 0;
  std::set<Sha256> whole;

 private:
  std::shared_ptr<void> boot(sim::Node& n) {
    auto made = std::make_shared<Life>();
    made->store = std::move(*adapters::SqliteServerStore::open({.path = "server.db", .vfs = n.vfs()}));
    made->lists = std::make_unique<adapters::SqliteServerLists>(made->store->db());
    Worker& worker = n.worker("store");
    made->time = std::make_unique<ServerTime>(n.clock(), n.clock());
    made->parts = std::make_unique<Parts>(Parts{n.executor(), *made->time, n.random(), n.disk(), worker, worker,
                                                n.worker("bytes"), *made->store, *made->lists, n.log()});
    made->artifacts = std::make_unique<Artifacts>(*made->parts, options);
    program = made.get();
    return made;
  }

  Task<> load() {
    const auto done = co_await program->artifacts->load();
    EXPECT_TRUE(done);
    loaded = true;
  }

  Task<> rest(Duration most) {
    [[maybe_unused]] auto slept =
        co_await node.clock().sleep_until(node.clock().steady() + chance.up_to(most), never_);
  }

  Task<> sweep() {
    ++sweeping;
    while (running > 0) {
      co_await program->artifacts->sweep();
      co_await rest(20ms);
    }
    --sweeping;
  }

  Task<> client(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      co_await one(random_u64(chance) % 60);
      co_await rest(60ms);
    }
    --running;
  }

  Task<> one(std::uint64_t which) {
    Artifacts& artifacts = *program->artifacts;
    std::string bytes = bytes_of(which);
    const Sha256 sha = sha256_of(as_bytes(bytes));
    if (which % 3 == 0) bytes.back() = '!';  // never what was announced
    const wire::NewUpload wanted{sha, bytes.size()};
    const auto begun = co_await artifacts.begin(wanted);
    if (!begun || begun->too_many) co_return;
    if (begun->state.complete) {
      EXPECT_TRUE(whole.contains(sha)) << "said to be whole, and nobody sent it";
      auto file = co_await artifacts.open(sha);
      EXPECT_TRUE(file);
      co_return;
    }
    if (random_u64(chance) % 4 == 0) co_await rest(100ms);  // long enough to be swept away
    const std::uint64_t at = begun->state.offset;
    EXPECT_LE(at, bytes.size());
    const std::uint64_t count = random_u64(chance) % 3 == 0 ? (bytes.size() - at) / 2 : bytes.size() - at;
    auto body =
        std::make_shared<SlowBody>(node, chance, bytes.substr(at, count), random_u64(chance) % 4 == 0);
    const auto done = co_await artifacts.append(sha, at, std::move(body));
    note(done, sha, bytes);
  }

  void note(const Artifacts::Appended& done, const Sha256& sha, const std::string& bytes) {
    using Outcome = Artifacts::Outcome;
    EXPECT_NE(done.outcome, Outcome::kFailed) << done.error.message();
    EXPECT_LE(done.state.offset, bytes.size());
    if (done.outcome == Outcome::kComplete) {
      EXPECT_EQ(sha256_of(as_bytes(bytes)), sha) << "wrong bytes were taken";
      whole.insert(sha);
      ++completed;
    }
    swept_away += done.outcome == Outcome::kNoSuch;
    wrong += done.outcome == Outcome::kWrongHash;
    busy += done.outcome == Outcome::kBusy;
  }

  Stop never_;
};

// A hundred bytes every three seconds.
class Trickle final : public BodySource {
 public:
  Trickle(sim::Node& node, int pieces) : node_{node}, left_{pieces} {}
  Task<Result<ByteView>> read() override {
    [[maybe_unused]] auto slept = co_await node_.clock().sleep_until(node_.clock().steady() + 3s, never_);
    if (left_-- == 0) co_return ByteView{};
    co_return as_bytes(piece_);
  }

 private:
  sim::Node& node_;
  int left_;
  const std::string piece_ = std::string(100, 'x');
  Stop never_;
};

Task<> trickle(Artifacts& artifacts, wire::NewUpload wanted, std::shared_ptr<BodySource> body) {
  const auto begun = co_await artifacts.begin(wanted);
  EXPECT_TRUE(begun);
  const auto done = co_await artifacts.append(wanted.sha256, 0, std::move(body));
  EXPECT_EQ(done.outcome, Artifacts::Outcome::kComplete);
}

TEST(Artifacts, OfASlowUploadOnlyWhatJustCameIsNotInTheFile) {
  ArtifactsAtOnce all{1};
  all.options.upload_kept = 1h;
  all.run(0, 0);
  const std::string bytes(2'000, 'x');
  const Sha256 sha = sha256_of(as_bytes(bytes));
  Artifacts& artifacts = *all.program->artifacts;
  all.node.spawn(trickle(artifacts, {sha, bytes.size()}, std::make_shared<Trickle>(all.node, 20)));
  for (const std::uint64_t pieces : {4, 9, 14}) {
    const auto there = all.world.run_until([&] { return artifacts.state(sha) && artifacts.state(sha)->offset >= pieces * 100; }, 1min);
    ASSERT_TRUE(there) << "a kill after a minute would lose all of it";
    EXPECT_GE((*all.node.disk().open("uploads/" + sha.hex(), Mode::kRead))->size(), pieces * 100);
  }
  EXPECT_TRUE(all.world.run_until([&] { return artifacts.blob(sha) != nullptr; }, 5min));
}

TEST(Artifacts, SurviveClientsAndSweepsAtTheSameTime) {
  int completed = 0, swept_away = 0, wrong = 0, busy = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ArtifactsAtOnce all{seed};
    all.run(12, 40);
    if (::testing::Test::HasFailure()) return;
    for (std::uint64_t which = 0; which < 60; ++which) {
      const std::string bytes = all.bytes_of(which);
      const Sha256 sha = sha256_of(as_bytes(bytes));
      const auto stored = read_file(all.node.disk(), "blobs/" + sha.hex(), 100'000);
      EXPECT_EQ(stored.has_value(), all.whole.contains(sha));
      if (stored) {
        EXPECT_EQ(*stored, bytes);
      }
    }
    completed += all.completed;
    swept_away += all.swept_away;
    wrong += all.wrong;
    busy += all.busy;
  }
  // All of it has happened, and often.
  EXPECT_GT(completed, 200);
  EXPECT_GT(swept_away, 50);
  EXPECT_GT(wrong, 50);
  EXPECT_GT(busy, 50);
}

}  // namespace
}  // namespace dray::server
