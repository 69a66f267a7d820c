#include "server/intake.h"

#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "adapters/posix/system_clock.h"

namespace dray::server {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

TEST(Intake, OneSiteHasTwoBatchesOnTheirWayAndNoMore) {
  Intake intake{{}};
  auto first = std::make_unique<Intake::Room>(intake, "berlin", 10);
  const Intake::Room second{intake, "berlin", 10};
  EXPECT_EQ(intake.refusal("berlin", 1), "two batches of this site are on their way already");
  EXPECT_EQ(intake.refusal("lyon", 1), "");
  first.reset();
  EXPECT_EQ(intake.refusal("berlin", 1), "");
}

TEST(Intake, BodiesOfAllSitesTogetherAreBoundedAndSmallOnesPass) {
  Intake intake{{}};
  std::vector<std::unique_ptr<Intake::Room>> rooms;
  for (int i = 0; i < 60; ++i) {
    const std::string site = "site-" + std::to_string(i);
    if (intake.refusal(site, 8 * kMiB).empty())
      rooms.push_back(std::make_unique<Intake::Room>(intake, site, 8 * kMiB));
  }
  EXPECT_EQ(rooms.size(), 8u);
  EXPECT_EQ(intake.bytes(), 64 * kMiB);
  EXPECT_EQ(intake.refusal("another", 64 << 10), "");
  rooms.clear();
  EXPECT_EQ(intake.bytes(), 0u);
}

struct Waiting {
  std::unique_ptr<Intake::Room> room;
  bool decoded = false, stopped = false;
};

Task<> decode(Waiting& waiting, Clock& clock, Stop& stop) {
  const bool done = co_await waiting.room->decode(clock, stop);
  (done ? waiting.decoded : waiting.stopped) = true;
}

TEST(Intake, OnlySoMuchStandsAsValuesAtATime) {
  asio::io_context io;
  adapters::SystemClock clock{io};
  Intake intake{{}};
  Stop stop;
  Waiting waiting[4];
  for (int i = 0; i < 4; ++i) {
    waiting[i].room = std::make_unique<Intake::Room>(intake, std::to_string(i), 8 * kMiB);
    asio::co_spawn(io, decode(waiting[i], clock, stop), asio::detached);
  }
  io.poll();
  EXPECT_TRUE(waiting[0].decoded && waiting[1].decoded);
  EXPECT_FALSE(waiting[2].decoded || waiting[3].decoded);
  waiting[0].room.reset();
  io.poll();
  EXPECT_NE(waiting[2].decoded, waiting[3].decoded) << "one of them";
  stop.request();
  io.run();
  EXPECT_TRUE(waiting[2].stopped || waiting[3].stopped);
}

}  // namespace
}  // namespace dray::server
