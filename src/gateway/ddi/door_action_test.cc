// The device door, row by row of docs/ddi.md: feedback, cancel, confirmation, downloads. The numbers are its sections.
#include "gateway/ddi/door.h"

#include "gateway/testing/door_world.h"

namespace dray::gateway::ddi {
namespace {

using namespace std::chrono_literals;
using testing_world::Answer;
using testing_world::kFile;
using testing_world::Sent;

class DoorActionTest : public testing_world::DoorWorld {};

// --- 5: feedback ---

TEST_F(DoorActionTest, S5_EveryExecutionButClosedOnlyLogs) {
  begin();
  const std::vector<std::pair<std::string, std::string>> rows{{"proceeding", "RUNNING"}, {"scheduled", "RUNNING"}, {"resumed", "RUNNING"},
                                                              {"download", "DOWNLOAD"}, {"downloaded", "DOWNLOADED"}, {"rejected", "WARNING"}, {"canceled", "CANCELED"}};
  for (const auto& [execution, status] : rows) {
    const Answer answer = post(feedback_path(), feedback(execution, "none"));
    EXPECT_EQ(answer.status, 200) << execution;
    EXPECT_TRUE(answer.body.empty());
    EXPECT_EQ(get(deployment() + "?actionHistory=1").json().at("actionHistory").at("status").as_string(), status);
    EXPECT_EQ(link("deploymentBase"), id_) << execution;
  }
}

TEST_F(DoorActionTest, S5_ClosedEndsAndASecondOneIs410) {
  for (const std::string& finished : std::vector<std::string>{"success", "none"}) {
    if (finished == "none") forget_everything();
    begin();
    EXPECT_EQ(get(kFile).status, 200);
    EXPECT_EQ(post(feedback_path(), feedback("closed", finished)).status, 200);
    const Answer second = post(feedback_path(), feedback("closed", "failure"));
    EXPECT_EQ(second.status, 410);
    EXPECT_TRUE(second.body.empty());
    EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->state == core::JobState::kSucceeded; }));
    EXPECT_EQ(post(feedback_path(), feedback("proceeding", "none")).status, 410);
  }
}

TEST_F(DoorActionTest, S5_ClosedFailureEndsTheAttemptAndIsLoggedUpward) {
  begin();
  EXPECT_EQ(post(feedback_path(), feedback("closed", "failure")).status, 200);
  EXPECT_EQ(post(feedback_path(), feedback("closed", "success")).status, 410);
  EXPECT_TRUE(until([&] {
    const auto entry = server.newest<wire::LogReport>([](const auto&) { return true; });
    return entry && entry->lines == std::vector<std::string>{"said so"};
  }));
}

TEST_F(DoorActionTest, S5_WhatIsMissingOrUnknownIs400) {
  begin();
  for (const std::string& body : std::vector<std::string>{R"({})", R"({"status":{}})", R"({"status":{"execution":"proceeding"}})", R"({"status":{"execution":"proceeding","result":{}}})",
                                 R"({"status":{"execution":"PROCEEDING","result":{"finished":"none"}}})", R"({"status":{"execution":"proceeding","result":{"finished":"maybe"}}})", "nonsense", "[]"}) {
    const Answer answer = post(feedback_path(), body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(error_code(answer), "hawkbit.server.error.rest.body.notReadable");
  }
}

TEST_F(DoorActionTest, S5_SloppyBodiesOfRealClientsAreTaken) {
  begin();
  for (const std::string& body : std::vector<std::string>
       {std::string{R"({ "id": 7, "time": "20261122T135246", "status": { "result": { "progress": { "cnt" : 0, "of" : 0 }, "finished": "none" }, "execution": "proceeding", "details" : [ "Installing" ] } })"},
        std::string{"{\"id\":\"\",\"status\":{\"result\":{\"finished\":\"none\"},\"execution\":\"proceeding\",\"details\":[ \"No artifact download URL.\n\",\"x\" ]}}"},
        std::string{R"({"status":{"execution":"proceeding","result":{"finished":"none","progress":{"cnt":9,"of":5}},"code":200,"details":"one string"},"extra":{"a":[1]}})"},
        std::string{R"({"timestamp":1627997501890,"status":{"execution":"proceeding","result":{"finished":"none","progress":null},"details":null}})"}})
    EXPECT_EQ(post(feedback_path(), body).status, 200) << body;
  const auto history = get(deployment() + "?actionHistory=9").json().at("actionHistory").at("messages").as_array();
  EXPECT_EQ(history.at(0).as_string(), "Device reported status code: 200");
}

TEST_F(DoorActionTest, S14_QuotasOfFeedback) {
  begin();
  std::string details;
  for (int i = 0; i < 51; ++i) details += "\"m\",";
  details.pop_back();
  const Answer many = post(feedback_path(), R"({"status":{"execution":"proceeding","result":{"finished":"none"},"details":[)" + details + "]}}");
  EXPECT_EQ(many.status, 429);
  EXPECT_EQ(error_code(many), "hawkbit.server.error.quota.tooManyEntries");
  gateway().site().history(ActionId{std::stoll(id_)}).entries = 1000;
  EXPECT_EQ(post(feedback_path(), feedback("proceeding", "none")).status, 429);
  EXPECT_EQ(post(feedback_path(), feedback("closed", "success")).status, 200) << "always accepted";
}

TEST_F(DoorActionTest, ABodyOverAMebibyteIs413) {
  begin();
  const std::string large = R"({"status":{"execution":"proceeding","result":{"finished":"none"},"details":[")" + std::string(1 << 20, 'x') + "\"]}}";
  EXPECT_EQ(post(feedback_path(), large).status, 413);
  EXPECT_EQ(post(feedback_path(), feedback("proceeding", "none")).status, 200);
}

// --- 6: cancel ---

TEST_F(DoorActionTest, S6_GetCancel) {
  begin_cancel();
  EXPECT_EQ(get("/cancelAction/" + id_).body, R"({"id":")" + id_ + R"(","cancelAction":{"stopId":")" + id_ + R"("}})");
  EXPECT_EQ(get(deployment()).status, 404);
  EXPECT_EQ(link("deploymentBase"), "");
}

TEST_F(DoorActionTest, S6_CancelOfWhatIsNotCancelledIs404And405) {
  begin();
  EXPECT_EQ(get("/cancelAction/" + id_).status, 404);
  const Answer answer = post("/cancelAction/" + id_ + "/feedback", feedback("closed", "success"));
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(error_code(answer), "hawkbit.server.error.action.notCancelable");
  EXPECT_EQ(post("/cancelAction/9/feedback", feedback("closed", "success")).status, 404);
}

TEST_F(DoorActionTest, S6_OnlyClosedAndRejectedMoveACancel) {
  begin_cancel();
  for (const std::string& execution : std::vector<std::string>{"canceled", "proceeding", "scheduled", "resumed", "download", "downloaded"}) {
    EXPECT_EQ(post("/cancelAction/" + id_ + "/feedback", feedback(execution, "none")).status, 200) << execution;
    EXPECT_EQ(link("cancelAction"), id_) << execution;
  }
  EXPECT_EQ(post("/cancelAction/" + id_ + "/feedback", feedback("closed", "none")).status, 200);
  EXPECT_EQ(link("cancelAction"), "");
  EXPECT_EQ(get("/cancelAction/" + id_).status, 200) << "cancelled is still told";
  EXPECT_EQ(get(deployment()).status, 404);
  EXPECT_EQ(post(feedback_path(), feedback("proceeding", "none")).status, 410);
}

TEST_F(DoorActionTest, S6_ARejectedCancelGoesOn) {
  for (const auto& [execution, finished] : std::vector<std::pair<std::string, std::string>>{{"rejected", "success"}, {"closed", "failure"}}) {
    if (!id_.empty()) {
      stop();
      forget_everything();
      }
    begin_cancel();
    EXPECT_EQ(post("/cancelAction/" + id_ + "/feedback", feedback(execution, finished)).status, 200);
    EXPECT_EQ(wait_link("deploymentBase"), id_);
    EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->cancel.has_value(); }));
    EXPECT_EQ(server.job("r1-dev-1")->cancel->answer, "too_late");
  }
}

TEST_F(DoorActionTest, S6_AnInstallationThatBeatsTheCancelCounts) {
  begin_cancel();
  EXPECT_EQ(post(feedback_path(), feedback("closed", "success")).status, 200);
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->state == core::JobState::kSucceeded; }));
}

// --- 8: confirmation, installedBase, downloads ---

TEST_F(DoorActionTest, S8_ConfirmationFlow) {
  begin(core::Ask::kConfirmation);
  EXPECT_EQ(get("/confirmationBase").json().at("_links").at("confirmationBase").at("href").as_string(), "http://gw:8090/DEFAULT/controller/v1/dev-1/confirmationBase/" + id_ + "?c=1");
  EXPECT_EQ(boost::json::serialize(get("/confirmationBase").json().at("autoConfirm")), R"({"active":false,"activatedAt":0})");
  EXPECT_TRUE(get("/confirmationBase/" + id_).json().as_object().contains("confirmation"));
  EXPECT_EQ(get(deployment()).status, 404) << "waiting";
  EXPECT_EQ(post(feedback_path(), feedback("proceeding", "none")).status, 404);
  EXPECT_EQ(get(kFile).status, 404);
  const std::string path = "/confirmationBase/" + id_ + "/feedback";
  EXPECT_EQ(post(path, R"({"code":200})").status, 400);
  EXPECT_EQ(post(path, R"({"confirmation":"perhaps"})").status, 400);
  EXPECT_EQ(post("/confirmationBase/9/feedback", R"({"confirmation":"confirmed"})").status, 404);
  EXPECT_EQ(post(path, R"({"confirmation":"confirmed","code":200,"details":["ok"]})").status, 200);
  EXPECT_EQ(link("deploymentBase"), id_);
  EXPECT_EQ(get("/confirmationBase/" + id_).status, 404);
  EXPECT_EQ(post(path, R"({"confirmation":"confirmed"})").status, 404) << "waits no more";
  EXPECT_EQ(get(kFile).status, 200);
  post(feedback_path(), feedback("closed", "success"));
  EXPECT_EQ(post(path, R"({"confirmation":"confirmed"})").status, 410);
}

TEST_F(DoorActionTest, S8_DeniedHidesTheRequestUntilThen) {
  begin(core::Ask::kConfirmation);
  const std::string path = "/confirmationBase/" + id_ + "/feedback";
  EXPECT_EQ(post(path, R"({"confirmation":"denied","dray":{"answer":"busy","retry_after":600,"why":"customer at the till"}})").status, 200);
  EXPECT_EQ(link("confirmationBase"), "");
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->state == core::JobState::kDeferred; }));
  clock.leap += 601s;
  EXPECT_EQ(wait_link("confirmationBase"), id_) << "asked again under the same action";
}

TEST_F(DoorActionTest, S8_APlainDeniedKeepsTheRequestAndALaterConfirmedCounts) {
  begin(core::Ask::kConfirmation);
  const std::string path = "/confirmationBase/" + id_ + "/feedback";
  EXPECT_EQ(post(path, R"({"confirmation":"denied"})").status, 200);
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->state == core::JobState::kDeferred; }));
  EXPECT_EQ(link("confirmationBase"), id_);
  EXPECT_TRUE(get("/confirmationBase/" + id_).json().as_object().contains("confirmation"));
  EXPECT_EQ(post(path, R"({"confirmation":"confirmed"})").status, 200);
  EXPECT_EQ(link("deploymentBase"), id_);
}

TEST_F(DoorActionTest, S8_AfterBusyAConfirmedAndAutoConfirmCountAtOnce) {
  for (const bool automatic : {false, true}) {
    if (automatic) {
      stop();
      forget_everything();
    }
    begin(core::Ask::kConfirmation);
    const std::string path = "/confirmationBase/" + id_ + "/feedback";
    EXPECT_EQ(post(path, R"({"confirmation":"denied","dray":{"answer":"defer","retry_after":600}})").status, 200);
    EXPECT_EQ(link("confirmationBase"), "");
    restart();
    EXPECT_EQ(link("confirmationBase"), "");
    const Answer yes = automatic ? post("/confirmationBase/activateAutoConfirm", "") : post(path, R"({"confirmation":"confirmed"})");
    EXPECT_EQ(yes.status, 200);
    EXPECT_EQ(link("deploymentBase"), id_) << automatic;
  }
}

TEST_F(DoorActionTest, S8_DeniedTakesAReadyBackButNotAStart) {
  begin(core::Ask::kConfirmation);
  const std::string path = "/confirmationBase/" + id_ + "/feedback";
  EXPECT_EQ(post(path, R"({"confirmation":"confirmed"})").status, 200);
  EXPECT_EQ(post(path, R"({"confirmation":"denied"})").status, 200);
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_EQ(link("confirmationBase"), id_);
  EXPECT_EQ(post(path, R"({"confirmation":"confirmed"})").status, 200);
  EXPECT_EQ(get(kFile).status, 200);
  for (const char* body : {R"({"confirmation":"denied"})", R"({"confirmation":"denied","dray":{"answer":"cancelled"}})"})
    EXPECT_EQ(post(path, body).status, 404) << body;
  EXPECT_EQ(link("deploymentBase"), id_);
}

TEST_F(DoorActionTest, S8_ALocalCancelIsFinal) {
  begin(core::Ask::kConfirmation);
  EXPECT_EQ(post("/confirmationBase/" + id_ + "/feedback", R"({"confirmation":"denied","dray":{"answer":"cancelled","by":"technician","why":"no"}})").status, 200);
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->state == core::JobState::kCancelled; }));
}

TEST_F(DoorActionTest, S8_AutoConfirmIsAStandingReady) {
  begin(core::Ask::kConfirmation);
  EXPECT_EQ(post("/confirmationBase/deactivateAutoConfirm", "").status, 200) << "was off";
  EXPECT_EQ(post("/confirmationBase/activateAutoConfirm", R"({"initiator":"alice","remark":"x"})").status, 200);
  EXPECT_EQ(link("deploymentBase"), id_) << "waiting actions run";
  const Answer again = post("/confirmationBase/activateAutoConfirm", "");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(error_code(again), "hawkbit.server.error.repo.autoConfAlreadyActive");
  restart();
  const auto base = get("/confirmationBase").json();
  EXPECT_EQ(base.at("autoConfirm").at("initiator").as_string(), "alice");
  EXPECT_TRUE(base.at("_links").as_object().contains("deactivateAutoConfirm"));
  EXPECT_EQ(post("/confirmationBase/deactivateAutoConfirm", "").status, 200);
  EXPECT_TRUE(get("/confirmationBase").json().at("_links").as_object().contains("activateAutoConfirm"));
}

TEST_F(DoorActionTest, S8_InstalledBase) {
  begin();
  EXPECT_EQ(get("/installedBase/" + id_).status, 404) << "active";
  EXPECT_EQ(put("/installedBase", R"({"name":"linux"})").status, 400);
  const Answer unknown = put("/installedBase", R"({"name":"linux","version":"1.2.3"})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(error_code(unknown), "hawkbit.server.error.repo.entityNotFound");
  EXPECT_EQ(put("/installedBase", R"({"name":"os-image","version":"1.9"})").status, 404) << "another version";
  EXPECT_EQ(put("/installedBase", R"({"name":"os-image","version":"2.0"})").status, 201);
  EXPECT_EQ(put("/installedBase", R"({"name":"os-image","version":"2.0"})").status, 200);
  EXPECT_TRUE(until([&] { return server.device("dev-1") && server.device("dev-1")->running["os"].version == "2.0"; }));
  EXPECT_EQ(link("deploymentBase"), "") << "it runs already";
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->state == core::JobState::kSucceeded; }));
}

TEST_F(DoorActionTest, S8_WhatInstalledBaseSaidOutlivesAttributesWithoutAVersionAndARestart) {
  begin();
  server.add_artifact("older", "app", "7", 32);
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().plan().plan().artifacts.size() == 2; }));
  EXPECT_EQ(put("/installedBase", R"({"name":"app","version":"7"})").status, 201) << "by its component";
  EXPECT_EQ(put("/configData", config(R"({"serial":"1"})")).status, 200);
  restart();
  const auto running = [&] { return gateway().site().find_device("dev-1")->running; };
  EXPECT_EQ(running()["app"].version, "7");
  EXPECT_EQ(put("/configData", config(R"({"dray.version.app":"8"})")).status, 200);
  EXPECT_EQ(running()["app"].version, "8") << "a version that is reported goes first";
}

TEST_F(DoorActionTest, S4_NoOtherAttributeKeepsAPowerOnReportAway) {
  begin();
  const std::string odd(129, 'x'), report = R"("dray.boot_id":"b2","dray.version.os":"2.0")";
  EXPECT_EQ(put("/configData", config("{\"serial\":\"" + odd + "\"}")).status, 400) << "no power-on report";
  EXPECT_EQ(put("/configData", config("{" + report + ",\"serial\":\"" + odd + "\",\"" + odd + "\":\"1\",\"rack\":\"7\"}")).status, 200);
  const auto* device = gateway().site().find_device("dev-1");
  EXPECT_EQ(device->running.at("os").version, "2.0");
  EXPECT_EQ(device->boot_id, "b2");
  EXPECT_EQ(device->attributes.at("rack"), "7");
  EXPECT_FALSE(device->attributes.contains("serial"));
  EXPECT_TRUE(device->attributes_refused);
}

TEST_F(DoorActionTest, S8_TheFileAndItsHeaders) {
  begin();
  const Answer answer = get(kFile);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, bytes_);
  EXPECT_EQ(answer.headers.get("Content-Type"), "application/octet-stream");
  EXPECT_EQ(answer.headers.get("Content-Length"), std::to_string(bytes_.size()));
  EXPECT_EQ(answer.headers.get("ETag"), "\"" + artifact_.sha1 + "\"");
  EXPECT_TRUE(answer.headers.find("Last-Modified"));
  EXPECT_EQ(answer.headers.get("Accept-Ranges"), "bytes");
  EXPECT_EQ(answer.headers.get("Content-Disposition"), "attachment;filename=\"os image.img\"");
  EXPECT_EQ(answer.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(get(kFile, {.headers = with("If-None-Match", "\"" + artifact_.sha1 + "\"")}).status, 304);
  EXPECT_EQ(get(kFile, {.headers = with("If-None-Match", "W/\"" + artifact_.sha1 + "\"")}).status, 304) << "compared weakly";
  EXPECT_EQ(get(kFile, {.headers = with("If-None-Match", "\"other\"")}).status, 200);
}

TEST_F(DoorActionTest, S8_Ranges) {
  begin();
  const std::string size = std::to_string(bytes_.size());
  const std::vector<std::tuple<std::string, std::string, std::string>> rows{
      {"bytes=0-9", bytes_.substr(0, 10), "bytes 0-9/" + size}, {"bytes=600-", bytes_.substr(600), "bytes 600-" + std::to_string(bytes_.size() - 1) + "/" + size},
      {"bytes=-5", bytes_.substr(bytes_.size() - 5), "bytes " + std::to_string(bytes_.size() - 5) + "-" + std::to_string(bytes_.size() - 1) + "/" + size}};
  for (const auto& [range, body, content_range] : rows) {
    const Answer answer = get(kFile, {.headers = with("Range", range)});
    EXPECT_EQ(answer.status, 206) << range;
    EXPECT_EQ(answer.body, body) << range;
    EXPECT_EQ(answer.headers.get("Content-Range"), content_range);
  }
  for (const std::string& range : std::vector<std::string>{"bytes=5-4", "bytes=" + size + "-", std::string{"bytes=0-5,3-9"}, std::string{"lines=1"}}) {
    const Answer answer = get(kFile, {.headers = with("Range", range)});
    EXPECT_EQ(answer.status, 416) << range;
    EXPECT_TRUE(answer.body.empty());
    EXPECT_EQ(answer.headers.get("Content-Range"), "bytes */" + size);
  }
  Headers conditional = with("Range", "bytes=0-9");
  conditional.add("If-Range", "\"" + artifact_.sha1 + "\"");
  EXPECT_EQ(get(kFile, {.headers = conditional}).status, 206);
  conditional.set("If-Range", "\"other\"");
  EXPECT_EQ(get(kFile, {.headers = conditional}).status, 200);
  EXPECT_EQ(get(kFile, {.headers = with("If-Match", artifact_.sha1)}).status, 200);
  const Answer mismatch = get(kFile, {.headers = with("If-Match", "\"other\"")});
  EXPECT_EQ(mismatch.status, 412);
  EXPECT_TRUE(mismatch.body.empty());
}

TEST_F(DoorActionTest, S8_SeveralRangesComeAsMultipart) {
  begin();
  const std::string size = std::to_string(bytes_.size());
  const Answer answer = get(kFile, {.headers = with("Range", "bytes=0-2,10-12")});
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.headers.get("Content-Type"), "multipart/byteranges; boundary=THIS_STRING_SEPARATES_MULTIPART");
  EXPECT_EQ(answer.body,
            "\r\n--THIS_STRING_SEPARATES_MULTIPART\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-2/" + size + "\r\n\r\n012" +
                "\r\n--THIS_STRING_SEPARATES_MULTIPART\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 10-12/" + size + "\r\n\r\n012" +
                "\r\n--THIS_STRING_SEPARATES_MULTIPART--\r\n");
}

TEST_F(DoorActionTest, S8_ListAndChecksum) {
  begin();
  const auto list = get("/softwaremodules/31/artifacts").json();
  EXPECT_EQ(list.as_array().size(), 1u);
  EXPECT_EQ(list.at(0).at("filename").as_string(), "os image.img");
  const Answer sum = get(kFile + ".MD5SUM");
  EXPECT_EQ(sum.body, artifact_.md5 + "  os image.img");
  EXPECT_EQ(sum.headers.get("Content-Type"), "text/plain");
  EXPECT_EQ(sum.headers.get("Content-Disposition"), "attachment;filename=\"os image.img.MD5SUM\"");
  for (const std::string& path : std::vector<std::string>{"/softwaremodules/32/artifacts", "/softwaremodules/31/artifacts/other.img", "/softwaremodules/32/artifacts/os%20image.img", "/softwaremodules/31/artifacts/other.img.MD5SUM"}) {
    const Answer none = get(path);
    EXPECT_EQ(none.status, 404) << path;
    EXPECT_TRUE(none.body.empty()) << path;
  }
  EXPECT_EQ(get(kFile, {.device = "dev-2"}).status, 404) << "no action there";
  EXPECT_EQ(get(kFile).status, 200);
  post(feedback_path(), feedback("closed", "success"));
  EXPECT_EQ(get(kFile).status, 404) << "no open action any more";
  EXPECT_EQ(get("/softwaremodules/31/artifacts").status, 200) << "installed ones are listed";
}

}  // namespace
}  // namespace dray::gateway::ddi
