// The device of the door's tests: one gateway with one job, its artifact stored and its link shown.
#pragma once

#include "gateway/testing/world.h"

namespace dray::gateway::testing_world {

inline const std::string kFile = "/softwaremodules/31/artifacts/os%20image.img";

class DoorWorld : public testing::Test, protected World {
 protected:
  // One device with one job; the artifact is stored and the link shown.
  void begin(core::Ask ask = core::Ask::kPoll, core::EndsOn ends_on = core::EndsOn::kClosed) {
    plan_for(2, ask, ends_on);
    bytes_ = "0123456789";
    for (int i = 0; i < 6; ++i) bytes_ += bytes_;
    artifact_ = server.add_artifact(bytes_, "os", "2.0", 31);
    server.plan.assignments[0].jobs.push_back({JobId{"r1-dev-1"}, DeviceId{"dev-1"}, {{artifact_.sha256}}});
    start();
    id_ = wait_link(ask == core::Ask::kPoll ? "deploymentBase" : "confirmationBase");
  }
  void begin_without_work() {
    plan_for(2);
    start();
    EXPECT_TRUE(until([&] { return get("").status == 200; }));
  }
  std::string deployment() const { return "/deploymentBase/" + id_; }
  std::string feedback_path() const { return deployment() + "/feedback"; }
  // Both sides as on their first day.
  void forget_everything() {
    stop();
    server.plan = {};
    server.seen = {};
    server.artifacts.clear();
    std::filesystem::remove(folder() + "/gateway.db");
  }
  void cancel() {
    server.plan.cancels = {{"c1", JobId{"r1-dev-1"}, "ines", "wrong"}};
    server.publish();
  }
  void begin_cancel() {
    begin();
    ASSERT_EQ(get(kFile, {.take = 10}).status, 200);
    ASSERT_TRUE(until([&] { return core::has_started(*gateway().site().find_job(JobId{"r1-dev-1"})); }));
    cancel();
    ASSERT_EQ(wait_link("cancelAction"), id_);
  }
  static Headers with(std::string_view name, std::string_view value) {
    Headers headers;
    headers.add(name, value);
    return headers;
  }
  static std::string error_code(const Answer& answer) {
    const auto body = answer.json();
    EXPECT_EQ(body.as_object().size(), 3u);
    return std::string{body.at("errorCode").as_string()};
  }
  std::string config(const std::string& data, const std::string& mode = "") {
    return R"({"id":"","time":"20261122T135244",)" + (mode.empty() ? "" : "\"mode\":" + mode + ",") + R"("data":)" + data + "}";
  }
  const core::Attributes& attributes() { return gateway().site().find_device("dev-1")->attributes; }

  std::string bytes_, id_;
  core::Artifact artifact_;
};

}  // namespace dray::gateway::testing_world
