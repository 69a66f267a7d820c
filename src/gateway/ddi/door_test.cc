// The device door, row by row of docs/ddi.md: base, poll, configData, deploymentBase. The numbers are its sections.
#include "gateway/ddi/door.h"

#include "gateway/testing/door_world.h"

namespace dray::gateway::ddi {
namespace {

using namespace std::chrono_literals;
using testing_world::Answer;
using testing_world::kFile;
using testing_world::Sent;

class DoorTest : public testing_world::DoorWorld {};

// --- 1: base ---

TEST_F(DoorTest, S1_UnknownPathsAre404AndWrongMethods405) {
  begin();
  for (const std::string& path : std::vector<std::string>{"/DEFAULT/controller/v1/", "/DEFAULT/controller/v2/dev-1", "/other/controller/v1/dev-1", "/", "/x", "/DEFAULT/controller/v1/dev-1%zz"})
    EXPECT_EQ(call_path(Method::kGet, path).status, 404) << path;
  for (const std::string& path : std::vector<std::string>{"/nonsense", "/deploymentBase", "/cancelAction", "/deploymentBase/1101/x", "/softwaremodules/31", "/softwaremodules/31/artifacts/a/b"})
    EXPECT_EQ(get(path).status, 404) << path;
  const std::vector<std::pair<Method, std::string>> rows{
      {Method::kPost, ""},          {Method::kPut, ""},          {Method::kDelete, ""},           {Method::kGet, "/configData"},
      {Method::kPost, "/configData"}, {Method::kPost, deployment()}, {Method::kGet, feedback_path()}, {Method::kPut, feedback_path()},
      {Method::kPost, "/cancelAction/" + id_}, {Method::kGet, "/cancelAction/" + id_ + "/feedback"}, {Method::kPost, "/installedBase/" + id_},
      {Method::kGet, "/installedBase"}, {Method::kPost, "/confirmationBase"}, {Method::kGet, "/confirmationBase/activateAutoConfirm"},
      {Method::kPut, "/confirmationBase/deactivateAutoConfirm"}, {Method::kPost, "/softwaremodules/31/artifacts"}, {Method::kDelete, kFile}};
  for (const auto& [method, path] : rows) EXPECT_EQ(call(method, path).status, 405) << to_string(method) << " " << path;
}

TEST_F(DoorTest, S1_TheTenantIsFoundWithoutCaseAndEchoedAsAsked) {
  begin();
  const Answer answer = call_path(Method::kGet, "/deFAULT/controller/v1/dev-1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find("http://gw:8090/deFAULT/controller/v1/dev-1/deploymentBase/"), std::string::npos) << answer.body;
}

TEST_F(DoorTest, S1_LinksCarryTheHostThatWasAsked) {
  begin();
  Sent sent;
  sent.headers.add("Host", "10.1.2.3:443");
  EXPECT_NE(get("", sent).body.find("\"http://10.1.2.3:443/DEFAULT/"), std::string::npos);
}

TEST_F(DoorTest, S1_AcceptDecidesTheTypeOr406) {
  begin();
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "application/hal+json"}, {"*/*", "application/hal+json"}, {"application/hal+json", "application/hal+json"},
      {"application/json", "application/json"}, {"application/json;charset=UTF-8", "application/json"}, {"text/html, application/json;q=0.5", "application/json"}};
  for (const std::string& path : std::vector<std::string>{std::string{}, deployment(), std::string{"/confirmationBase"}}) {
    for (const auto& [accept, type] : rows) {
      const Answer answer = get(path, {.headers = with("Accept", accept)});
      EXPECT_EQ(answer.status, 200) << accept;
      EXPECT_EQ(answer.headers.get("Content-Type"), type) << accept;
    }
    for (const std::string& accept : std::vector<std::string>{"application/atom+xml", "application/cbor", "text/plain"})
      EXPECT_EQ(get(path, {.headers = with("Accept", accept)}).status, 406) << accept;
  }
  EXPECT_EQ(get(kFile, {.headers = with("Accept", "application/octet-stream")}).status, 200);
}

TEST_F(DoorTest, S1_BodiesAreJsonOr415) {
  begin();
  const std::string good = feedback("proceeding", "none");
  for (const std::string& type : std::vector<std::string>{"application/json", "application/json;charset=UTF-8", "Application/JSON"})
    EXPECT_EQ(post(feedback_path(), good, {.type = type}).status, 200) << type;
  for (const std::string& type : std::vector<std::string>{"", "text/plain", "application/x-www-form-urlencoded", "application/cbor"}) {
    EXPECT_EQ(post(feedback_path(), good, {.type = type}).status, 415) << type;
    EXPECT_EQ(put("/configData", config(R"({"a":"b"})"), {.type = type}).status, 415) << type;
  }
}

TEST_F(DoorTest, APowerOnReportThatNamesNoVersionMeansThatNothingRuns) {
  begin();
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b1","dray.version.os":"26.11","shop":"7"})")).status, 200);
  EXPECT_EQ(gateway().site().find_device("dev-1")->running.at("os").version, "26.11");
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b2"})")).status, 200) << "merged, by a device that lost its disk";
  EXPECT_TRUE(gateway().site().find_device("dev-1")->running.empty());
  EXPECT_EQ(gateway().site().find_device("dev-1")->attributes.at("shop"), "7");
}

TEST_F(DoorTest, S1_HeadWorksWhereGetDoes) {
  begin();
  for (const std::string& path : std::vector<std::string>{std::string{}, deployment(), std::string{"/confirmationBase"}, std::string{"/softwaremodules/31/artifacts"}, kFile, kFile + ".MD5SUM"}) {
    const Answer head = call(Method::kHead, path), whole = get(path);
    EXPECT_EQ(head.status, 200) << path;
    EXPECT_TRUE(head.body.empty());
    EXPECT_EQ(head.headers.get("Content-Length"), std::to_string(whole.body.size())) << path;
    EXPECT_EQ(head.headers.get("ETag"), whole.headers.get("ETag"));
  }
}

TEST_F(DoorTest, S1_EveryGetButArtifactsHasAnETagAnd304) {
  begin();
  for (const std::string& path : std::vector<std::string>{std::string{}, deployment(), std::string{"/confirmationBase"}, std::string{"/softwaremodules/31/artifacts"}}) {
    const Answer first = get(path);
    const std::string etag{first.headers.get("ETag")};
    EXPECT_EQ(etag, "\"0" + md5_of(as_bytes(first.body)) + "\"") << path;
    for (const std::string& known : std::vector<std::string>{etag, "W/" + etag, "\"x\", " + etag, std::string{"*"}}) {
      const Answer again = get(path, {.headers = with("If-None-Match", known)});
      EXPECT_EQ(again.status, 304) << path << " " << known;
      EXPECT_TRUE(again.body.empty());
      EXPECT_EQ(again.headers.get("ETag"), etag);
    }
    EXPECT_EQ(get(path, {.headers = with("If-None-Match", "\"0123\"")}).status, 200);
  }
}

TEST_F(DoorTest, S1_IdsAreNumbersAndBelongToTheDevice) {
  begin();
  for (const std::string& path : std::vector<std::string>{"/deploymentBase/abc", "/cancelAction/1x", "/installedBase/-1", "/confirmationBase/0", "/softwaremodules/x/artifacts", "/deploymentBase/99999999999999999999"})
    EXPECT_EQ(get(path).status, 400) << path;
  for (const std::string& path : std::vector<std::string>{"/deploymentBase/9", "/cancelAction/9", "/installedBase/9", "/confirmationBase/9"}) {
    const Answer answer = get(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(error_code(answer), "hawkbit.server.error.repo.entityNotFound");
  }
  EXPECT_EQ(get(deployment(), {.device = "dev-2"}).status, 404) << "another device's action";
  EXPECT_EQ(post(feedback_path(), feedback("closed", "success"), {.device = "dev-2"}).status, 404);
}

TEST_F(DoorTest, S11_ActionIdsAreNeverOneDigitAndZeros) {
  for (const std::int64_t id : {1, 7, 10, 200, 3000, 9'000'000}) EXPECT_TRUE(is_awkward_action_id(id)) << id;
  for (const std::int64_t id : {11, 101, 1101, 2010}) EXPECT_FALSE(is_awkward_action_id(id)) << id;
  Leases leases;
  leases.set_blocks({{2000, 2001}, {3000, 3005}});
  EXPECT_EQ(leases.next().value(), 2001);
  leases.take(leases.next());
  EXPECT_EQ(leases.next().value(), 3001);
  leases.take(ActionId{3005});
  EXPECT_TRUE(leases.next().empty());
}

TEST_F(DoorTest, S11_AGatewayThatMayBeAnOlderStateTakesIdsWhereCountingDoesNotReach) {
  Leases leases;
  leases.set_blocks({{1101, 2100}, {3001, 1'003'000}});
  leases.restore(1500, 0);
  for (const std::uint64_t chance : {0ULL, 7ULL, 499'999ULL, 500'000ULL, ~0ULL}) {
    leases.doubt(chance);
    const std::int64_t id = leases.next().value();
    EXPECT_GT(id, 500'000) << chance;
    EXPECT_LE(id, 1'003'000) << chance;
    EXPECT_FALSE(is_awkward_action_id(id)) << id;
    leases.take(leases.next());
  }
  leases.trust();
  EXPECT_EQ(leases.next().value(), 1501) << "counting goes on where it was";
  leases.forget_blocks();
  leases.doubt(7);
  EXPECT_TRUE(leases.next().empty()) << "another epoch's blocks";
}

TEST_F(DoorTest, S12_TokensDecide) {
  settings.unknown_devices_token_sha256 = sha256_of(as_bytes("site-secret")).hex();
  begin();
  const std::vector<std::tuple<std::string, std::string, int>> rows{
      {"dev-1", "TargetToken tok-dev-1", 200},  {"dev-1", "TargetToken tok-dev-2", 401}, {"dev-1", "TargetToken", 401},
      {"dev-1", "TargetToken ", 401},           {"dev-1", "targettoken tok-dev-1", 401}, {"dev-1", "TargetToken  tok-dev-1", 401},
      {"dev-1", "Bearer tok-dev-1", 401},       {"dev-9", "TargetToken tok-dev-9", 401}, {"dev-1", "GatewayToken site-secret", 401},
      {"dev-1", "GatewayToken site-secreu", 401}, {"dev-9", "GatewayToken site-secret", 200}};
  for (const auto& [device, token, status] : rows) {
    const Answer answer = get("", {.device = device, .token = token});
    EXPECT_EQ(answer.status, status) << device << " " << token;
    if (status == 401) {
      EXPECT_TRUE(answer.body.empty());
      EXPECT_FALSE(answer.headers.find("WWW-Authenticate"));
    }
  }
  EXPECT_EQ(get(kFile, {.token = "TargetToken wrong"}).status, 401);
}

TEST_F(DoorTest, S12_AnUnknownDeviceGetsNoWorkAndIsReported) {
  settings.unknown_devices_token_sha256 = sha256_of(as_bytes("site-secret")).hex();
  begin_without_work();
  const Sent unknown{.device = "new-7", .token = "GatewayToken site-secret"};
  EXPECT_EQ(put("/configData", config(R"({"a":"b"})"), unknown).status, 404) << "not before its first poll";
  const Answer poll = get("", unknown);
  EXPECT_EQ(poll.status, 200);
  EXPECT_EQ(poll.json().at("_links").as_object().size(), 1u) << poll.body;
  EXPECT_EQ(put("/configData", config(R"({"serial":"17"})"), unknown).status, 200);
  EXPECT_TRUE(until([&] {
    const auto report = server.newest<wire::RegisteredReport>([](const auto&) { return true; });
    return report && report->device.value() == "new-7" && report->attributes.contains("serial");
  }));
}

// What it said as an unknown one, the server dropped with its entry: else it would know neither what runs there nor of which
// type it says to be, before the device happens to say something else.
TEST_F(DoorTest, S12_WhatAnUnknownDeviceSaidIsToldAgainWhenItWasAdded) {
  settings.unknown_devices_token_sha256 = sha256_of(as_bytes("site-secret")).hex();
  begin_without_work();
  const Sent unknown{.device = "new-7", .token = "GatewayToken site-secret"};
  EXPECT_EQ(get("", unknown).status, 200);
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b7","dray.version.os":"3","dray.type":"scale-s2"})"), unknown).status, 200);
  ASSERT_TRUE(until([&] { return server.newest<wire::RegisteredReport>([](const auto& r) { return r.attributes.contains("dray.type"); }).has_value(); }));
  EXPECT_FALSE(server.device("new-7"));
  core::Device added = server.plan.devices.at(0);
  added.name = DeviceId{"new-7"};
  server.plan.devices.push_back(added);
  server.publish();
  ASSERT_TRUE(until([&] { return server.device("new-7").has_value(); }));
  EXPECT_EQ(server.device("new-7")->attributes.at("dray.type"), "scale-s2");
  EXPECT_EQ(server.device("new-7")->boot_id, "b7");
  EXPECT_EQ(server.device("new-7")->running.at("os").version, "3");
}

TEST_F(DoorTest, S12_TheSitesTokenIsOffByDefault) {
  begin_without_work();
  EXPECT_EQ(get("", {.device = "new-7", .token = "GatewayToken "}).status, 401);
}

TEST_F(DoorTest, S1_AControllerIdHas256CharactersPercentDecoded) {
  settings.unknown_devices_token_sha256 = sha256_of(as_bytes("site-secret")).hex();
  begin_without_work();
  const std::string longest(256, 'a');
  EXPECT_EQ(get("", {.device = longest, .token = "GatewayToken site-secret"}).status, 200);
  const Answer answer = get("", {.device = longest + "a", .token = "GatewayToken site-secret"});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(error_code(answer), "hawkbit.server.error.repo.constraintViolation");
  EXPECT_EQ(get("", {.device = "dev%2D1", .token = "TargetToken tok-dev-1"}).status, 200);
}

TEST_F(DoorTest, S14_ADeviceThatAsksTooOftenGetsAnEmpty429) {
  settings.request_burst = 5;
  settings.requests_per_second = 0.001;
  begin_without_work();
  Answer answer;
  for (int i = 0; i < 8; ++i) answer = get("");
  EXPECT_EQ(answer.status, 429);
  EXPECT_TRUE(answer.body.empty());
  EXPECT_EQ(get("", {.device = "dev-2"}).status, 200) << "quotas count per device";
}

// --- 2: poll ---

TEST_F(DoorTest, S2_ThePollShowsOneLinkAndSleep) {
  begin();
  const auto body = get("").json();
  EXPECT_EQ(body.at("config").at("polling").at("sleep").as_string(), "00:00:02");
  const auto& links = body.at("_links").as_object();
  EXPECT_EQ(links.at("deploymentBase").at("href").as_string(), "http://gw:8090/DEFAULT/controller/v1/dev-1/deploymentBase/" + id_ + "?c=1");
  EXPECT_EQ(links.at("configData").at("href").as_string(), "http://gw:8090/DEFAULT/controller/v1/dev-1/configData");
  EXPECT_EQ(links.size(), 2u);
}

TEST_F(DoorTest, S2_AnUnchangedPollIsAnsweredFromMemory) {
  begin();
  const Answer first = get("");
  EXPECT_EQ(get("").body, first.body);
  EXPECT_TRUE(last_was_fast);
  EXPECT_EQ(get("", {.headers = with("If-None-Match", first.headers.get("ETag"))}).status, 304);
  EXPECT_TRUE(last_was_fast);
  EXPECT_EQ(get("", {.token = "TargetToken wrong"}).status, 401);
  EXPECT_FALSE(last_was_fast);
  put("/configData", config(R"({"a":"b"})"));
  EXPECT_NE(get("").body, first.body) << "configData is gone";
  cancel();
  EXPECT_TRUE(until([&] { return link("deploymentBase").empty(); }));
}

TEST_F(DoorTest, S2_InstalledBaseAndConfigDataFollowAFinishedActionAndNotAnError) {
  begin();
  put("/configData", config(R"({"a":"b"})"));
  EXPECT_EQ(get("").json().at("_links").as_object().size(), 1u);
  post(feedback_path(), feedback("closed", "failure"));
  EXPECT_FALSE(get("").json().at("_links").as_object().contains("configData"));
  const std::string second = wait_link("deploymentBase");
  EXPECT_NE(second, id_);
  EXPECT_EQ(get(kFile).status, 200);
  post("/deploymentBase/" + second + "/feedback", feedback("closed", "success"));
  const auto body = get("").json();
  const auto& links = body.at("_links").as_object();
  EXPECT_EQ(links.at("installedBase").at("href").as_string(), "http://gw:8090/DEFAULT/controller/v1/dev-1/installedBase/" + second);
  EXPECT_TRUE(links.contains("configData"));
  EXPECT_FALSE(links.contains("deploymentBase"));
}

TEST_F(DoorTest, S2_ALongPollHoldsOnlyWithTheCurrentETagAndEndsWithAChange) {
  begin();
  const std::string etag{get("").headers.get("ETag")};
  Headers headers = with("Prefer", "wait=60");
  EXPECT_EQ(get("", {.headers = headers}).status, 200) << "no If-None-Match";
  headers.add("If-None-Match", "\"0old\"");
  EXPECT_EQ(get("", {.headers = headers}).status, 200);
  headers = with("Prefer", "wait=1");
  headers.add("If-None-Match", etag);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(get("", {.headers = headers}).status, 304);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 900ms);
  headers.set("Prefer", "wait=60");
  cancel();  // arrives while the poll waits
  const Answer changed = get("", {.headers = headers});
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.body.find("deploymentBase"), std::string::npos);
}

// --- 3: configData ---

TEST_F(DoorTest, S3_Modes) {
  begin_without_work();
  EXPECT_EQ(put("/configData", config(R"({"a":"1","b":"2"})")).status, 200);
  EXPECT_EQ(put("/configData", config(R"({"b":"3","c":"4","a":null})", "\"merge\"")).status, 200);
  EXPECT_EQ(attributes(), (core::Attributes{{"b", "3"}, {"c", "4"}}));
  EXPECT_EQ(put("/configData", config(R"({"d":"5"})", "null")).status, 200);
  EXPECT_EQ(attributes(), (core::Attributes{{"b", "3"}, {"c", "4"}, {"d", "5"}}));
  EXPECT_EQ(put("/configData", config(R"({"b":"whatever"})", "\"remove\"")).status, 200);
  EXPECT_EQ(attributes(), (core::Attributes{{"c", "4"}, {"d", "5"}}));
  EXPECT_EQ(put("/configData", config(R"({"x":"9","y":null})", "\"replace\"")).status, 200);
  EXPECT_EQ(attributes(), (core::Attributes{{"x", "9"}}));
  EXPECT_EQ(put("/configData", config(R"({"x":"9"})")).body, "");
  restart();
  EXPECT_EQ(attributes(), (core::Attributes{{"x", "9"}}));
}

TEST_F(DoorTest, S3_WhatIsWrongChangesNothing) {
  begin_without_work();
  EXPECT_EQ(put("/configData", config(R"({"a":"1"})")).status, 200);
  const std::vector<std::pair<std::string, std::string>> rows{
      {"{", "rest.body.notReadable"},
      {R"({"mode":"merge"})", "rest.body.notReadable"},
      {config(R"({"a":"2"})", "\"sometimes\""), "rest.body.notReadable"},
      {config(R"({"a":{"b":"c"}})"), "rest.body.notReadable"},
      {config("{}"), "repo.constraintViolation"},
      {config(R"({"a":"2","b":")" + std::string(129, 'x') + "\"}"), "repo.invalidTargetAttributes"},
      {config(R"({"a":"2",")" + std::string(129, 'x') + R"(":"b"})"), "repo.invalidTargetAttributes"}};
  for (const auto& [body, code] : rows) {
    const Answer answer = put("/configData", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(error_code(answer), "hawkbit.server.error." + code) << body;
  }
  EXPECT_EQ(attributes(), (core::Attributes{{"a", "1"}}));
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":\"v\",";
  many.back() = '}';
  const Answer full = put("/configData", config(many));
  EXPECT_EQ(full.status, 429) << "101 with the one that is there";
  EXPECT_EQ(error_code(full), "hawkbit.server.error.quota.tooManyEntries");
  EXPECT_EQ(put("/configData", config(many, "\"replace\"")).status, 200) << "exactly 100";
}

std::string many_attributes(const std::string& prefix, int n, const std::string& more = "") {
  std::string out = "{";
  for (int i = 0; i < n; ++i) out += "\"" + prefix + std::to_string(i) + "\":\"v\",";
  out += more;
  if (out.back() == ',') out.pop_back();
  return out + "}";
}

TEST_F(DoorTest, S3_NoOtherAttributesKeepAPowerOnReportAway) {
  begin_without_work();
  ASSERT_EQ(put("/configData", config(many_attributes("old-", 100))).status, 200);
  const std::string start = R"("dray.boot_id":"b2","dray.version.os":"2")";
  EXPECT_EQ(put("/configData", config("{" + start + "}")).status, 200) << "beside a hundred others";
  EXPECT_EQ(put("/configData", config(many_attributes("new-", 60, R"("dray.boot_id":"b3","dray.version.os":"3")"))).status, 200);
  EXPECT_EQ(attributes().at("dray.version.os"), "3");
  EXPECT_EQ(attributes().at("dray.boot_id"), "b3");
  EXPECT_TRUE(attributes().contains("old-99")) << "the rest stays as it was";
  EXPECT_FALSE(attributes().contains("new-0"));
  EXPECT_EQ(attributes().size(), 102U);
  const std::string said = local(Method::kGet, "/api/v1/devices").body;
  EXPECT_NE(said.find("attributes_refused"), std::string::npos) << said;
  EXPECT_EQ(put("/configData", config(many_attributes("new-", 60))).status, 429) << "what is no power-on report is refused";
  EXPECT_EQ(put("/configData", config(many_attributes("new-", 60, start), "\"replace\"")).status, 200);
  EXPECT_EQ(attributes().size(), 62U);
  EXPECT_EQ(local(Method::kGet, "/api/v1/devices").body.find("attributes_refused"), std::string::npos);
}

TEST_F(DoorTest, S3_APowerOnReportWithMoreThanFitsSaysWhatRuns) {
  begin_without_work();
  EXPECT_EQ(put("/configData", config(many_attributes("k", 150, R"("dray.boot_id":"b1","dray.version.os":"1")"), "\"replace\"")).status, 200);
  EXPECT_EQ(attributes(), (core::Attributes{{"dray.boot_id", "b1"}, {"dray.version.os", "1"}}));
  EXPECT_EQ(put("/configData", config(many_attributes("dray.version.", 120, R"("dray.boot_id":"b2")"))).status, 429) << "what runs has a bound, too";
  EXPECT_EQ(attributes().at("dray.boot_id"), "b1");
}

TEST_F(DoorTest, S3_WhatASecondProgramSaysOfItsUseOutlivesAPowerOnReport) {
  begin_without_work();
  EXPECT_EQ(put("/configData", config(R"({"dray.busy":";till is in use"})")).status, 200);
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b1"})", "\"replace\"")).status, 200);
  EXPECT_EQ(attributes().at("dray.busy"), ";till is in use");
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b1","dray.busy":null})", "\"replace\"")).status, 200);
  EXPECT_FALSE(attributes().contains("dray.busy"));
}

TEST_F(DoorTest, S3_RealClientsBodiesAreTaken) {
  begin_without_work();
  EXPECT_EQ(put("/configData", R"({ "id": "", "time": "20261122T135244", "status": { "result": { "finished": "success" }, "execution": "closed", "details" : [ "" ] }, "data" : {  "serial": "SN-0001","hwRevision": "1.0" } })").status, 200);
  EXPECT_EQ(put("/configData", R"({"mode":"merge","data":{"VIN":"x","n":3,"b":true}})").status, 200);
  EXPECT_EQ(attributes().at("n"), "3");
  EXPECT_EQ(put("/configData", "{\"data\":{\"odd\":\"a\nb\"}}").status, 200) << "a raw newline in a string";
}

// --- 4: deploymentBase ---

TEST_F(DoorTest, S4_TheDeploymentHasEveryField) {
  begin();
  const auto body = get(deployment() + "?c=1").json();
  EXPECT_EQ(body.at("id").as_string(), id_);
  const auto& deployment_object = body.at("deployment").as_object();
  EXPECT_EQ(deployment_object.at("download").as_string(), "forced");
  EXPECT_EQ(deployment_object.at("update").as_string(), "forced");
  const auto& chunk = deployment_object.at("chunks").as_array().at(0).as_object();
  EXPECT_EQ(chunk.at("part").as_string(), "os");
  EXPECT_EQ(chunk.at("version").as_string(), "2.0");
  EXPECT_EQ(chunk.at("name").as_string(), "os-image");
  const auto& artifact = chunk.at("artifacts").as_array().at(0).as_object();
  EXPECT_EQ(artifact.at("filename").as_string(), "os image.img");
  EXPECT_EQ(artifact.at("size").as_int64(), static_cast<std::int64_t>(bytes_.size()));
  EXPECT_EQ(artifact.at("hashes").at("sha1").as_string(), artifact_.sha1);
  EXPECT_EQ(artifact.at("hashes").at("md5").as_string(), artifact_.md5);
  EXPECT_EQ(artifact.at("hashes").at("sha256").as_string(), artifact_.sha256.hex());
  const std::string href = "http://gw:8090/DEFAULT/controller/v1/dev-1" + kFile;
  for (const auto* name : {"download", "download-http"}) EXPECT_EQ(artifact.at("_links").at(name).at("href").as_string(), href);
  for (const auto* name : {"md5sum", "md5sum-http"}) EXPECT_EQ(artifact.at("_links").at(name).at("href").as_string(), href + ".MD5SUM");
  EXPECT_FALSE(body.as_object().contains("actionHistory"));
}

TEST_F(DoorTest, S4_TheHistoryIsShownWhenAskedForNewestFirst) {
  begin();
  for (const std::string& text : std::vector<std::string>{"one", "two", "Update Server: ours"})
    EXPECT_EQ(post(feedback_path(), R"({"status":{"execution":"proceeding","result":{"finished":"none"},"details":[")" + text + "\"]}}").status, 200);
  EXPECT_FALSE(get(deployment()).json().as_object().contains("actionHistory"));
  EXPECT_FALSE(get(deployment() + "?actionHistory=0").json().as_object().contains("actionHistory"));
  const auto newest = get(deployment() + "?c=1&actionHistory=1").json();
  EXPECT_EQ(boost::json::serialize(newest.at("actionHistory")), R"({"status":"RUNNING","messages":["two"]})");
  const auto all = get(deployment() + "?actionHistory=-1").json();
  EXPECT_EQ(boost::json::serialize(all.at("actionHistory").at("messages")), R"(["two","one"])");
}

TEST_F(DoorTest, S4_AFinishedActionIsStillReadAndACancelledOneIsNot) {
  begin();
  EXPECT_EQ(get(kFile).status, 200);
  post(feedback_path(), feedback("closed", "success"));
  EXPECT_EQ(get(deployment()).status, 200);
  EXPECT_EQ(get("/installedBase/" + id_).status, 200);
  EXPECT_EQ(get("/installedBase/" + id_).json().at("deployment").at("chunks").as_array().size(), 1u);
}

}  // namespace
}  // namespace dray::gateway::ddi
