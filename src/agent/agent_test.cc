// The agent whole, in a simulated world: a device that may lose power at any write, and a server that does
// what it is told.
#include "agent/agent_world_testing.h"

namespace dray::agent {
namespace {

using namespace std::chrono_literals;
using namespace testing;  // NOLINT(google-build-using-namespace): the rig is what this file is about

TEST_F(AgentTest, UpdatesRestartsAndReportsPowerOnBeforeItCloses) {
  set_up();
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
  EXPECT_EQ(server.attributes["dray.version.app"], "7");  // carried over
  EXPECT_EQ(server.attributes["dray.sha256.os"], sha256_of(as_bytes(new_os.bytes)).hex());
  EXPECT_EQ(server.attributes["dray.type"], "till-t3");
  ASSERT_EQ(server.boot_ids.size(), 2U);
  EXPECT_NE(server.boot_ids[0], server.boot_ids[1]);
  EXPECT_EQ(server.feedback,
            (std::vector<std::string>{"proceeding none", "downloaded none", "proceeding none",
                                      "proceeding none switching", "closed success"}));
  EXPECT_EQ(server.artifact_bytes, kSize);
  EXPECT_EQ(server.trail.back(), "POST /DEFAULT/controller/v1/dev-1/deploymentBase/101/feedback");
}

TEST_F(AgentTest, SwitchesTwoComponentsTogether) {
  set_up();
  server.order(101, {new_os, {"app", "8", image(40'000, 4)}});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
  EXPECT_EQ(server.attributes["dray.version.app"], "8");
  EXPECT_EQ(server.boot_ids.size(), 2U);
}

TEST_F(AgentTest, ResumesACutTransferWhereItStopped) {
  set_up();
  server.order(101, {new_os});
  int cuts = 0;
  server.fault = [&](const std::string&, std::uint64_t) {
    return cuts++ < 3 ? BodyFault{BodyFault::Kind::kCut, 50'000} : BodyFault{};
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  EXPECT_EQ(server.artifact_bytes, kSize);
}

TEST_F(AgentTest, NeverInstallsAnErrorPageAndGoesOnWhenItIsGone) {
  set_up();
  server.order(101, {new_os});
  int pages = 0;
  server.fault = [&](const std::string&, std::uint64_t) {
    return pages++ < 2 ? BodyFault{BodyFault::Kind::kErrorPage} : BodyFault{};
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
}

TEST_F(AgentTest, GivesUpOnBytesThatStayWrongAndKeepsTheOldVersion) {
  set_up();
  server.order(101, {new_os});
  server.fault = [](const std::string&, std::uint64_t) { return BodyFault{BodyFault::Kind::kWrongBytes}; };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("failure"); }, 10min));
  EXPECT_NE(server.sentences.back().find("hash"), std::string::npos);
  EXPECT_EQ(server.attributes["dray.version.os"], "1");
  EXPECT_EQ(server.boot_ids.size(), 1U);
}

TEST_F(AgentTest, GoesOnBehindACacheWhosePartsBeginAtItsOwnBlocks) {
  set_up();
  server.order(101, {new_os});
  int cuts = 0;
  server.fault = [&](const std::string&, std::uint64_t from) {
    if (cuts++ < 2) return BodyFault{BodyFault::Kind::kCut, 50'001};
    return from > 0 ? BodyFault{BodyFault::Kind::kEarlier} : BodyFault{};
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
  EXPECT_LT(server.artifact_bytes, kSize + 50'001) << "what was there is not fetched again";
}

// A portal says 200 and shows a page for whatever is asked, until somebody signs in: hours later nothing is lost.
TEST_F(AgentTest, APortalBetweenItAndItsGatewayHasTakenNothingAndFailsNothing) {
  set_up();
  server.order(101, {new_os});
  bool portal = true;
  server.fault = [&](const std::string&, std::uint64_t) { return BodyFault{portal ? BodyFault::Kind::kErrorPage : BodyFault::Kind::kNone}; };
  server.instead = [&](const HttpRequest& request, const std::string&) -> std::optional<HttpResponse> {
    if (!portal || request.method == Method::kGet) return {};
    HttpResponse page{200};
    page.headers.set("Content-Type", "text/html");
    page.body = std::string{"<html>Please log in</html>"};
    return page;
  };
  device.power_on();
  ASSERT_TRUE(world.run_for(3h));
  EXPECT_TRUE(server.boot_ids.empty());
  EXPECT_EQ(phase(), "downloading") << "no attempt has failed";
  portal = false;
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 30min));
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
}

// Many a server calls whatever it answers "text/html", also nothing, a word, and the file itself.
TEST_F(AgentTest, AnAnswerThatIsOnlyCalledAPageIsAnAnswer) {
  set_up();
  for (const char* word : {"", "ok"}) {
    server.feedback.clear();
    server.order(*word == 0 ? 101 : 102, {*word == 0 ? new_os : TestPart{"os", "3", "third"}});
    server.after = [word](HttpResponse& answer) {
      answer.headers.set("Content-Type", "text/html; charset=utf-8");
      if (std::get_if<std::string>(&answer.body) != nullptr && std::get<std::string>(answer.body).empty()) answer.body = std::string{word};
    };
    if (*word == 0) device.power_on();
    ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 30min)) << word;
  }
}

// A portal that says 404 knows no actions; a server whose page for what is gone is one for people is believed after a while.
TEST_F(AgentTest, APageThatSaysGoneIsBelievedOnlyWhenTheServerIsHeardBesides) {
  set_up();
  server.order(101, {new_os});
  bool portal = false, gone = false;
  std::size_t told = 0;
  server.instead = [&](const HttpRequest& request, const std::string& path) -> std::optional<HttpResponse> {
    const bool closes = path.ends_with("/feedback") && phase() == "committed";
    portal = portal || (closes && !gone);
    if (!portal && !(gone && closes)) return {};
    if (request.method == Method::kPost) ++told;
    HttpResponse page{404};
    page.headers.set("Content-Type", "text/html");
    page.body = std::string{"<!DOCTYPE html><h1>Not found</h1>"};
    return page;
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return portal; }, 30min));
  ASSERT_TRUE(world.run_for(3h));
  EXPECT_FALSE(server.closed("success"));
  EXPECT_GE(told, 30U) << "told again";
  EXPECT_LE(told, 100U) << "ever more seldom";
  gone = true;
  server.withdraw();
  portal = false;
  told = 0;
  ASSERT_TRUE(world.run_for(3h));
  EXPECT_GE(told, 2U);
  EXPECT_LE(told, 10U) << "it is the server that says so";
}

TEST_F(AgentTest, RefusesABodyThatIsShorterThanOrdered) {
  set_up();
  server.order(101, {new_os});
  server.fault = [](const std::string&, std::uint64_t) { return BodyFault{BodyFault::Kind::kShort}; };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("failure"); }, 30min));
  EXPECT_EQ(server.attributes["dray.version.os"], "1");
}

TEST_F(AgentTest, ObeysACancelBeforeTheSwitchOver) {
  set_up();
  world.network().link("gw", "dev").rate = BytesPerSecond{30'000};
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "downloading"; }, 1min));
  server.cancel();
  ASSERT_TRUE(world.run_until([&] { return saw("cancel closed success"); }, 1min));
  EXPECT_EQ(phase(), "cancelled");
  ASSERT_TRUE(world.run_for(1min));
  EXPECT_FALSE(saw("proceeding none switching"));
  EXPECT_EQ(server.boot_ids.size(), 1U);
}

TEST_F(AgentTest, RejectsACancelThatCameAfterTheSwitchOverAndEndsNormally) {
  set_up();
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "installing" || phase() == "restarting"; }, 5min));
  server.cancel();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
  EXPECT_FALSE(saw("cancel closed success"));
}

TEST_F(AgentTest, ACancelThatCrossesTheAnnouncementIsObeyed) {
  set_up();
  server.order(101, {new_os});
  server.on_feedback = [&](const std::string&, const std::string& what) {
    if (what == "switching") server.cancel();
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return saw("cancel closed success"); }, 5min));
  ASSERT_TRUE(world.run_for(1min));
  EXPECT_EQ(server.attributes["dray.version.os"], "1");
  EXPECT_EQ(server.boot_ids.size(), 1U);
}

// A gateway takes a power-on report behind the announcement for a restart in the middle of the switch-over.
TEST_F(AgentTest, AfterAPowerCutReportsPowerOnBeforeItAnnounces) {
  set_up();
  settings.start_jitter = 1h;  // the first call of its own is long after the rest of the update
  bool cut = false;
  server.fault = [&](const std::string&, std::uint64_t) {
    if (!std::exchange(cut, true)) device.power_off();
    return BodyFault{};
  };
  std::size_t starts_known = 0;
  server.on_feedback = [&](const std::string&, const std::string& what) {
    if (what == "switching") starts_known = server.boot_ids.size();
  };
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return saw("proceeding none switching"); }, 5h));
  EXPECT_TRUE(cut);
  EXPECT_EQ(starts_known, 2U);
}

// A gateway that was restored from an older state waits for an answer about what runs here already.
TEST_F(AgentTest, AskedAgainAboutWhatHasEndedTellsWhatRunsAndDoesNotRepeatItInATightLoop) {
  set_up();
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  ASSERT_TRUE(world.run_for(1min));
  server.sleep = "00:01:00";
  server.ask_first = true;
  server.order(101, {new_os});
  const std::size_t calls = server.trail.size(), reports = server.reported.size();
  ASSERT_TRUE(world.run_for(10min));
  EXPECT_GT(server.reported.size(), reports);
  EXPECT_EQ(server.reported.back(), "2");
  EXPECT_LE(server.trail.size(), calls + 10 * 6);
  EXPECT_EQ(phase(), "committed");
}

TEST_F(AgentTest, AsksItselfOnceMoreBeforeTheSwitchOver) {
  set_up();
  server.order(101, {new_os});
  server.on_feedback = [&](const std::string& execution, const std::string&) {
    if (execution == "downloaded") {
      EXPECT_TRUE(replace_file(device.disk(), "busy", "in use"));
    }
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "holding"; }, 5min));
  ASSERT_TRUE(world.run_for(10min));
  EXPECT_EQ(phase(), "holding");
  EXPECT_EQ(server.boot_ids.size(), 1U);
  ASSERT_TRUE(device.disk().unlink("busy"));
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
}

TEST_F(AgentTest, AVersionThatNeverComesUpIsLeftAfterThreeTrialStarts) {
  crash_starts = 1000;
  set_up();
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("failure"); }, 10min));
  EXPECT_EQ(server.sentences.back(), "Back from os 2: not committed in 3 starts");
  EXPECT_EQ(server.attributes["dray.version.os"], "1");
  EXPECT_EQ(1000 - current->crash_starts, 3);
}

TEST_F(AgentTest, LosingTheGatewayAfterTheSwitchRollsNothingBack) {
  set_up();
  server.order(101, {new_os});
  server.on_feedback = [&](const std::string&, const std::string& what) {
    if (what == "switching") world.after(Duration{50}, [&] { world.network().partition("gw", "dev"); });
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "committed"; }, 10min));
  EXPECT_FALSE(server.closed("success"));
  ASSERT_TRUE(world.run_for(3h));
  world.network().heal("gw", "dev");
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
}

TEST_F(AgentTest, FetchesAheadOfAMaintenanceWindowAndSwitchesInIt) {
  set_up();
  server.update = "skip";
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "holding"; }, 5min));
  ASSERT_TRUE(world.run_for(10min));
  EXPECT_EQ(phase(), "holding");
  server.update = "forced";
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  EXPECT_EQ(server.artifact_bytes, kSize);
}

TEST_F(AgentTest, ANewOrderForBytesThatFailedElsewhereFetchesNothingTwice) {
  crash_starts = 3;
  set_up();
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("failure"); }, 10min));
  server.order(102, {new_os});
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  EXPECT_EQ(server.artifact_bytes, kSize);
}

// --- power loss at every write ---

struct Cut {
  std::string kind;
  sim::Power how;
  bool worst;
};

class PowerCut : public ::testing::TestWithParam<Cut> {};

// One update with the power going at write `n` of the device. How many writes it took.
struct OneRun : AgentTest {
  OneRun() : AgentTest{7} {}
  void TestBody() override {}
  std::uint64_t update(const Cut& cut, std::uint64_t n) {
    set_up(cut.kind);
    world.set_crash_options({cut.worst});
    world.network().link("gw", "dev").rate = BytesPerSecond{100'000};
    const std::uint64_t before = device.disk().ops();
    bool gone = false;
    device.disk().on_op([&, before](std::uint64_t op, const std::string&) {
      if (gone || op - before != n) return sim::Power::kStays;
      gone = true;
      return cut.how;
    });
    server.order(101, {new_os, {"app", "8", image(20'000, 4)}});
    device.power_on();
    const auto done = world.run_until([&] { return server.closed("success"); }, 30min);
    EXPECT_TRUE(done) << "power lost at write " << n << ": " << (done ? "" : done.error().message());
    EXPECT_EQ(server.attributes["dray.version.os"], "2") << n;
    EXPECT_EQ(server.attributes["dray.version.app"], "8") << n;
    // What was checkpointed is not sent again: a second of the link, and what the network had on the line.
    EXPECT_LE(server.artifact_bytes, kSize + 20'000 + kSize) << n;
    EXPECT_LE(world.network().count("dev", "gw", "/DEFAULT/controller/v1/dev-1/softwaremodules/").downloaded,
              kSize + 20'000 + 230'000)
        << n;
    EXPECT_FALSE(server.closed("failure")) << n << ": " << server.sentences.back();
    return device.disk().ops() - before;
  }
};

TEST_P(PowerCut, AtAnyWriteEndsWithTheNewVersionAndNoSecondDownload) {
  const std::uint64_t writes = OneRun{}.update(GetParam(), 0);
  ASSERT_GT(writes, 50U);
#ifdef DRAY_SANITIZED
  const std::uint64_t step = 7;  // instrumented code is slow; the plain build tries them all
#else
  const std::uint64_t step = 1;
#endif
  for (std::uint64_t n = 1; n <= writes && !HasFailure(); n += step) OneRun{}.update(GetParam(), n);
}

INSTANTIATE_TEST_SUITE_P(Agent, PowerCut,
                         ::testing::Values(Cut{"ab-dir", sim::Power::kLostBefore, false},
                                           Cut{"ab-dir", sim::Power::kLostAfter, true},
                                           Cut{"single-file", sim::Power::kLostBefore, false},
                                           Cut{"single-file", sim::Power::kLostAfter, true}),
                         [](const auto& cut) {
                           return (cut.param.kind == "ab-dir" ? std::string{"AbDir"}
                                                              : std::string{"SingleFile"}) +
                                  (cut.param.how == sim::Power::kLostBefore ? "Before" : "After");
                         });

}  // namespace
}  // namespace dray::agent
