// What comes in the middle of a download and is not the rest of the file: nothing that is here is given up for it.
#include "agent/agent_world_testing.h"

namespace dray::agent {
namespace {

using namespace std::chrono_literals;
using testing::BodyFault;

class DownloadAnswers : public testing::AgentTest {
 protected:
  // The first answer breaks off after 200,000 bytes, the next ones are `then`, and after them all is well.
  void update(std::vector<BodyFault> then) {
    set_up();
    server.order(101, {new_os});
    server.fault = [this, then](const std::string&, std::uint64_t) {
      const std::size_t nth = answers_++;
      if (nth == 0) return BodyFault{BodyFault::Kind::kCut, 200'000};
      return nth <= then.size() ? then[nth - 1] : BodyFault{};
    };
    device.power_on();
    ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 30min));
    EXPECT_EQ(server.attributes["dray.version.os"], "2");
  }

 private:
  std::size_t answers_ = 0;
};

TEST_F(DownloadAnswers, APortalCostsItsPageAndNothingElse) {
  update({{BodyFault::Kind::kErrorPage}, {BodyFault::Kind::kErrorPage}, {BodyFault::Kind::kErrorPage}});
  EXPECT_EQ(server.artifact_bytes, kSize);
}

TEST_F(DownloadAnswers, TheWholeFileThatBreaksOffEarlierLosesNothing) {
  update({{BodyFault::Kind::kWhole, 50'000}});
  EXPECT_EQ(server.artifact_bytes, kSize + 50'000) << "the rest of what was there is not fetched again";
}

TEST_F(DownloadAnswers, OfTheWholeFileTheMissingPartIsTaken) {
  update({{BodyFault::Kind::kWhole}});
  EXPECT_EQ(server.artifact_bytes, 200'000 + kSize);
}

TEST_F(DownloadAnswers, WhoSendsNoPartsIsAskedForAllOfIt) {
  update({{BodyFault::Kind::kNoParts}, {BodyFault::Kind::kWhole}});
  EXPECT_EQ(server.artifact_bytes, 200'000 + kSize);
}

// A cache that has kept another file under this name, and says so by its tag.
TEST_F(DownloadAnswers, AnotherFilesTagIsNotTaken) {
  int others = 0;
  server.after = [&](HttpResponse& answer) {
    if (answer.headers.find("Content-Range") && others++ < 1) answer.headers.set("ETag", "\"" + std::string(64, 'a') + "\"");
  };
  set_up();
  server.order(101, {new_os});
  server.fault = [cut = false](const std::string&, std::uint64_t) mutable {
    return std::exchange(cut, true) ? BodyFault{} : BodyFault{BodyFault::Kind::kCut, 200'000};
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 30min)) << "asked for again";
  EXPECT_EQ(others, 2) << "the first one was not taken";
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
}

}  // namespace
}  // namespace dray::agent
