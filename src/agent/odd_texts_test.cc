// Odd texts on a device, and servers that refuse words: an answer or a result is never lost, nothing becomes
// unreadable.
#include "agent/agent_world_testing.h"
#include "agent/state.h"

namespace dray::agent {
namespace {

using namespace std::chrono_literals;
using namespace testing;  // NOLINT(google-build-using-namespace): the rig is what this file is about

TEST_F(AgentTest, ABusyFileInLatin1IsAnAnswerAllTheSame) {
  set_up();
  ASSERT_TRUE(replace_file(device.disk(), "busy",
                           "retry_after=30\n  Kasse \xFC"
                           "ber\r\n\x1b[31m bis zehn\n"));
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 1min));
  const auto said = wire::parse_json(server.confirmations[0]);
  ASSERT_TRUE(said) << "strict JSON: " << server.confirmations[0];
  EXPECT_EQ(said->at("dray").at("why").as_string(),
            "Kasse \xEF\xBF\xBD"
            "ber; ␛[31m bis zehn");
  ASSERT_TRUE(world.run_for(1s));
  EXPECT_TRUE(load_state(device.disk())) << "its state can be read";
  ASSERT_TRUE(device.disk().unlink("busy"));
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
}

TEST_F(AgentTest, ABusyFileOfAnySizeIsAReasonCutAtItsLimit) {
  set_up();
  std::string text = "retry_after=30\n";
  while (text.size() < 100'000) text += "Käufer ";
  ASSERT_TRUE(replace_file(device.disk(), "busy", text));
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 1min));
  const auto said = wire::parse_json(server.confirmations[0]);
  ASSERT_TRUE(said);
  const std::string why{said->at("dray").at("why").as_string()};
  EXPECT_TRUE(why.starts_with("Käufer Käufer")) << why;
  EXPECT_LE(why.size(), wire::kLongestWhy);
  EXPECT_EQ(why.find("\xEF\xBF\xBD"), std::string::npos) << "no half letter at its end";
}

TEST_F(AgentTest, AttributesOfEveryEncodingAndLengthReachTheServer) {
  std::string longest;
  for (int i = 0; i < 300; ++i) longest += "ä";
  set_up();
  settings.attributes = {{"ort", "Köln"}, {"alt", "K\xF6ln"}, {"lang", longest}};
  for (int i = 0; i < 120; ++i) settings.attributes["viel-" + std::to_string(i)] = "x";
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min)) << phase();
  EXPECT_EQ(server.attributes["ort"], "Köln");
  EXPECT_EQ(server.attributes["alt"], "K\xEF\xBF\xBDln");
  EXPECT_EQ(server.attributes["lang"], longest.substr(0, 256)) << "128 characters";
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
  EXPECT_LE(server.attributes.size(), wire::kMostAttributes);
}

// What was ordered is what the installer is given, what it says, and what is reported.
TEST_F(AgentTest, VersionsOfAnyCharactersComeBackAsTheyWereOrdered) {
  set_up();
  device.power_on();
  int action = 100;
  for (const std::string version : {"2.0~rc1", "26.11-β", "2.0 rc 1", "1:2.0-1+b/1", "a=b"}) {
    server.feedback.clear();
    server.order(++action, {{"os", version, "image of " + version}});
    ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min)) << version << " " << phase();
    EXPECT_EQ(server.attributes["dray.version.os"], version);
    EXPECT_EQ(server.attributes["dray.sha256.os"], sha256_of(as_bytes("image of " + version)).hex());
  }
}

// hawkBit takes some ASCII only; a device that could not say what it runs would be verifying for ever.
TEST_F(AgentTest, AServerThatRefusesAnAttributeIsToldItInAscii) {
  set_up();
  settings.attributes = {{"ort", "Köln"}};
  server.refuses = [](const std::string& path, const std::string& body) {
    return path == "/configData" && body.find("ö") != std::string::npos;
  };
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min)) << phase();
  EXPECT_EQ(server.attributes["ort"], "K?ln");
}

TEST_F(AgentTest, AServerThatRefusesItsAttributesIsToldWhatRuns) {
  set_up();
  settings.attributes = {{"ort", "Köln"}};
  server.refuses = [](const std::string& path, const std::string& body) {
    return path == "/configData" && body.find("ort") != std::string::npos;
  };
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min)) << phase();
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
  EXPECT_FALSE(server.attributes.contains("ort"));
}

// --- a server that takes so many attributes and no more ---

TEST_F(AgentTest, RenamedAttributesTakeThePlaceOfTheOldOnes) {
  set_up();
  server.most_attributes = 100;
  settings.attributes.clear();
  for (int i = 0; i < 60; ++i) {
    server.attributes["old-" + std::to_string(i)] = "x";
    settings.attributes["new-" + std::to_string(i)] = "x";
  }
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min)) << phase();
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
  EXPECT_TRUE(server.attributes.contains("new-59"));
  EXPECT_FALSE(server.attributes.contains("old-0"));
}

TEST_F(AgentTest, AQuotaOnAttributesIsNoGroundNotToSayWhatRuns) {
  set_up();
  server.most_attributes = 100;
  server.knows_replace = false;
  settings.attributes.clear();
  for (int i = 0; i < 60; ++i) settings.attributes["new-" + std::to_string(i)] = "x";
  for (int i = 0; i < 80; ++i) server.attributes["old-" + std::to_string(i)] = "x";
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min)) << phase();
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
  EXPECT_FALSE(server.attributes.contains("new-0")) << "for these there is no room";
}

TEST_F(AgentTest, AnAttributeThatIsRefusedTakesNoneOfTheOthersAway) {
  set_up();
  server.attributes["shop"] = "7";
  settings.attributes = {{"ort", "Köln"}};
  server.refuses = [](const std::string& path, const std::string& body) {
    return path == "/configData" && body.find("ort") != std::string::npos;
  };
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.attributes["dray.version.os"] == "1"; }, 5min));
  EXPECT_EQ(server.attributes["shop"], "7");
}

TEST_F(AgentTest, AnAnswerWhoseWordsAreRefusedIsGivenWithoutThem) {
  set_up();
  ASSERT_TRUE(replace_file(device.disk(), "busy", "retry_after=30\nsale in progress\n"));
  server.refuses = [](const std::string&, const std::string& body) {
    return body.find("sale") != std::string::npos;
  };
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 1min));
  EXPECT_EQ(server.confirmations[0],
            R"({"confirmation":"denied","dray":{"answer":"busy","retry_after":30}})");
}

TEST_F(AgentTest, AFailureWhoseWordsAreRefusedIsReportedWithoutThem) {
  set_up();
  server.fault = [](const std::string&, std::uint64_t) { return BodyFault{BodyFault::Kind::kWrongBytes}; };
  server.refuses = [](const std::string& path, const std::string& body) {
    return path.ends_with("/feedback") && body.find("details") != std::string::npos;
  };
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("failure"); }, 10min)) << phase();
  EXPECT_TRUE(server.sentences.empty());
}

// 400 for a while, for whatever reason: it was taken as done, and the result was lost.
TEST_F(AgentTest, AResultThatIsRefusedIsToldUntilItIsTakenAndNotInATightLoop) {
  set_up();
  int refused = 0;
  server.refuses = [&](const std::string& path, const std::string& body) {
    return path.ends_with("/feedback") && body.find("closed") != std::string::npos && ++refused <= 10;
  };
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return refused >= 10; }, 30min)) << phase();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 30min)) << phase();
  server.feedback.clear();
  server.order(102, {{"os", "3", image(kSize, 5)}});
  server.refuses = [&](const std::string& path, const std::string& body) {
    const bool no = path.ends_with("/feedback") && body.find("closed") != std::string::npos;
    refused += no ? 1 : 0;
    return no;
  };
  refused = 0;
  ASSERT_TRUE(world.run_until([&] { return refused > 0; }, 30min));
  ASSERT_TRUE(world.run_for(10min));
  EXPECT_LE(refused, 2 * 60) << "far fewer than 60 times a minute";
  EXPECT_GE(refused, 2 * 4) << "and it goes on";
}

TEST_F(AgentTest, SomebodysWordsAtTheDeviceInLatin1AreTaken) {
  set_up();
  server.ask_first = true;
  settings.asks_operator = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "waiting"; }, 5min));
  EXPECT_NE(local("{\"command\":\"answer\",\"answer\":\"busy\",\"why\":\"f\xFCr Kunden\"}").find("Noted"),
            std::string::npos);
  const std::string long_why =
      local(R"({"command":"answer","answer":"busy","why":")" + std::string(1'025, 'x') + "\"}");
  EXPECT_NE(long_why.find("why: is longer than 1024 bytes"), std::string::npos) << long_why;
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 5min));
  const auto said = wire::parse_json(server.confirmations[0]);
  ASSERT_TRUE(said) << server.confirmations[0];
  EXPECT_EQ(said->at("dray").at("why").as_string(), "f\xEF\xBF\xBDr Kunden");
}

}  // namespace
}  // namespace dray::agent
