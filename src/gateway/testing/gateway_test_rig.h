// What tests of the whole gateway share: one artifact for some devices, and a foreign client's way through an update.
#pragma once

#include <algorithm>
#include <string>

#include "gateway/testing/world.h"

namespace dray::gateway::testing_world {

inline std::string some_bytes(std::size_t n, unsigned seed = 1) {
  std::string out(n, '\0');
  for (char& c : out) c = static_cast<char>(seed = seed * 1664525 + 1013904223, seed >> 24);
  return out;
}

class GatewayTest : public testing::Test, protected World {
 protected:
  void one_artifact(int devices, std::size_t bytes = 1 << 20, core::Ask ask = core::Ask::kPoll,
                    core::EndsOn ends_on = core::EndsOn::kClosed) {
    plan_for(devices, ask, ends_on);
    bytes_ = some_bytes(bytes);
    artifact_ = server.add_artifact(bytes_, "os", "2.0", 31);
    add_jobs({{artifact_.sha256}});
  }
  std::string file_path(std::int64_t module = 31, const std::string& component = "os") const {
    return "/softwaremodules/" + std::to_string(module) + "/artifacts/" + component + "%20image.img";
  }
  std::string state_of(const std::string& job) const {
    const auto report = server.job(job);
    return report ? std::string{to_string(report->state)} : std::string{};
  }
  bool until_state(const std::string& job, const std::string& state) {
    const bool reached = until([&] { return state_of(job) == state; });
    EXPECT_TRUE(reached) << job << " is " << state_of(job) << ", not " << state;
    return reached;
  }
  std::size_t asked_for(const std::string& what) const {
    return static_cast<std::size_t>(std::count_if(server.requests.begin(), server.requests.end(),
                                                  [&](const auto& r) { return r.starts_with("GET /gateway/v1/" + what); }));
  }
  // A foreign client's whole update.
  void update_foreign(const std::string& device) {
    const std::string id = wait_link("deploymentBase", device);
    EXPECT_EQ(get("/deploymentBase/" + id, {.device = device}).status, 200);
    const Answer file = get(file_path(), {.device = device});
    EXPECT_EQ(file.status, 200);
    EXPECT_TRUE(file.body == bytes_);
    EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("closed", "success"), {.device = device}).status, 200);
  }
  void power_on(const std::string& version, const std::string& boot) {
    const Answer answer = put("/configData", R"({"mode":"merge","data":{"dray.boot_id":")" + boot + R"(","dray.version.os":")" + version + R"("}})");
    EXPECT_EQ(answer.status, 200);
  }
  // Up to the bytes: asked, confirmed, fetched.
  std::string receive_with_confirmation() {
    const std::string id = wait_link("confirmationBase");
    EXPECT_EQ(post("/confirmationBase/" + id + "/feedback", R"({"confirmation":"confirmed"})").status, 200);
    EXPECT_EQ(link("deploymentBase"), id);
    EXPECT_EQ(get(file_path()).status, 200);
    return id;
  }

  std::string bytes_;
  core::Artifact artifact_;
};

}  // namespace dray::gateway::testing_world
