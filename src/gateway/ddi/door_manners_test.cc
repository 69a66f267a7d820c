// How the door speaks and listens, where clients and hawkBit have their ways (docs/ddi.md 0, 1, 3 and 11).
#include "gateway/ddi/door.h"

#include "gateway/testing/door_world.h"

namespace dray::gateway::ddi {
namespace {

using namespace std::chrono_literals;
using testing_world::Answer;
using testing_world::kFile;
using testing_world::Sent;

class MannersTest : public testing_world::DoorWorld {
 protected:
  std::string status() { return status_of(*gateway().site().find_device("dev-1"), gateway().site().now()); }
  void runs(const std::string& boot, const std::string& version) {
    EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":")" + boot + R"(","dray.version.os":")" + version + "\"}")).status, 200);
  }
};

TEST_F(MannersTest, AStatusIsNoNewerForWhatIsSaidBesideIt) {
  begin_without_work();
  EXPECT_EQ(put("/configData", config(R"({"dray.busy":";till is in use"})")).status, 200);
  EXPECT_EQ(status(), "busy");
  clock.leap += 200s;
  EXPECT_EQ(put("/configData", config(R"({"serial":"7"})")).status, 200);
  runs("b1", "1.0");
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b1"})", "\"replace\"")).status, 200);
  EXPECT_EQ(status(), "busy");
  clock.leap += 101s;
  EXPECT_EQ(status(), "") << "five minutes after it was said nobody knows";
  EXPECT_EQ(put("/configData", config(R"({"dray.busy":";till is in use"})")).status, 200);
  EXPECT_EQ(status(), "busy") << "the same, said again";
  EXPECT_EQ(put("/configData", config(R"({"serial":"8"})", "\"replace\"")).status, 200);
  EXPECT_EQ(status(), "") << "taken away by a replacement";
}

TEST_F(MannersTest, WhoseReportEndsTheUpdateIsNotAskedForItAgain) {
  begin(core::Ask::kPoll, core::EndsOn::kPowerOn);
  runs("b1", "1.0");
  EXPECT_EQ(link("configData"), "");
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_EQ(post(feedback_path(), feedback("proceeding", "none", R"(,"dray":{"phase":"switching"})")).status, 200);
  runs("b2", "2.0");
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.job("r1-dev-1")->state == core::JobState::kSucceeded; }));
  EXPECT_EQ(link("configData"), "");
  EXPECT_EQ(link("installedBase"), id_);
  EXPECT_EQ(post(feedback_path(), feedback("closed", "success")).status, 200) << "its echo";
  EXPECT_EQ(link("configData"), "");
  restart();
  EXPECT_EQ(link("configData"), "");
}

TEST_F(MannersTest, InstalledBaseNamesNoUpdateThatIsNotInstalled) {
  begin(core::Ask::kPoll, core::EndsOn::kPowerOn);
  runs("b1", "1.0");
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_EQ(post(feedback_path(), feedback("closed", "success")).status, 200);
  EXPECT_EQ(link("installedBase"), "") << "it restarts";
  EXPECT_NE(link("configData"), "") << "into what?";
  runs("b2", "1.0");
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.job("r1-dev-1")->attempt == 2; })) << "it was rolled back";
  EXPECT_EQ(link("installedBase"), "");
  restart();
  EXPECT_EQ(link("installedBase"), "");
  id_ = wait_link("deploymentBase");
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_EQ(post(feedback_path(), feedback("closed", "success")).status, 200);
  runs("b3", "2.0");
  EXPECT_EQ(link("installedBase"), id_);
}

TEST_F(MannersTest, WhatInstalledBaseSaidOutlivesTheUpdateThatItEnded) {
  begin();
  EXPECT_EQ(put("/installedBase", R"({"name":"os-image","version":"2.0"})").status, 201);
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.job("r1-dev-1")->state == core::JobState::kSucceeded; }));
  EXPECT_EQ(put("/configData", config(R"({"serial":"1"})")).status, 200);
  EXPECT_EQ(gateway().site().find_device("dev-1")->running["os"].version, "2.0");
}

TEST_F(MannersTest, AcceptIsWeighedAsItIsMeant) {
  begin();
  const std::string hal = "application/hal+json", json = "application/json", none;
  const std::vector<std::pair<std::string, std::string>> rows{
      {"application/*+json", hal},
      {"application/*", hal},
      {"Application/JSON", json},
      {"*/*;q=0.1, application/json", json},
      {"*/*, application/json", json},
      {"application/json;q=0.5, application/hal+json;q=0.9", hal},
      {"application/json;q=0.5, */*;q=0.8", hal},
      {"application/json, application/hal+json", json},
      {"application/hal+json, application/json", hal},
      {"application/hal+json;q=0, */*", json},
      {"application/json;charset=UTF-8;q=0.9, application/hal+json;q=0.1", json},
      {"application/json; Q=nonsense", json},
      {"application/json;q=0", none},
      {"*/*;q=0", none},
      {"application/*+json;q=0.0", none},
      {"application/*+xml, text/*", none},
      {"application/cbor", none}};
  for (const auto& [accept, type] : rows) {
    const Answer answer = get("", {.headers = with("Accept", accept)});
    EXPECT_EQ(answer.status, type.empty() ? 406 : 200) << accept;
    if (!type.empty()) {
      EXPECT_EQ(answer.headers.get("Content-Type"), type) << accept;
    }
  }
}

TEST_F(MannersTest, AHostThatIsNoneIsNeverEchoed) {
  begin();
  for (const std::string& host : std::vector<std::string>{"evil/x?y", "gw\"", "gw'", "user@gw", "gw:80/DEFAULT", "gw, other"})
    for (const std::string& path : std::vector<std::string>{std::string{}, deployment(), std::string{"/confirmationBase"}, kFile}) {
      const Answer answer = get(path, {.headers = with("Host", host)});
      EXPECT_EQ(answer.status, 400) << host << path;
      EXPECT_EQ(answer.body, "") << host;
    }
  EXPECT_NE(get("", {.headers = with("Host", "[::1]:8090")}).body.find("\"http://[::1]:8090/DEFAULT/"), std::string::npos);
}

TEST_F(MannersTest, NoAnswerOfJsonIsKept) {
  begin();
  for (const std::string& path : std::vector<std::string>{std::string{}, deployment(), std::string{"/confirmationBase"}, std::string{"/softwaremodules/31/artifacts"}}) {
    const Answer first = get(path), again = get(path, {.headers = with("If-None-Match", first.headers.get("ETag"))});
    EXPECT_EQ(first.headers.get("Cache-Control"), "no-cache, no-store, max-age=0, must-revalidate") << path;
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.headers.get("Cache-Control"), "no-cache, no-store, max-age=0, must-revalidate") << path;
  }
  EXPECT_NE(get("/deploymentBase/9").headers.get("Cache-Control"), "") << "errors, too";
  EXPECT_EQ(get(kFile).headers.get("Cache-Control"), "") << "a file may be kept: what is behind its address never changes";
}

TEST_F(MannersTest, BodiesWithMoreThanJsonAreTaken) {
  begin();
  const std::string nul(1, '\0'), mark = "\xEF\xBB\xBF";
  EXPECT_EQ(put("/configData", config(R"({"a":"1"})") + nul).status, 200);
  EXPECT_EQ(put("/configData", mark + config(R"({"b":"2"})") + "\r\n" + nul).status, 200);
  EXPECT_EQ(attributes(), (core::Attributes{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(post(feedback_path(), mark + feedback("proceeding", "none") + nul + "}").status, 200);
  EXPECT_EQ(post(feedback_path(), nul + feedback("proceeding", "none")).status, 400);
}

}  // namespace
}  // namespace dray::gateway::ddi
