// The gateway's part of every claim, each with its whole chain of behaviours in one run (docs/capabilities.md): a server
// that is not dray-server, devices that are not dray-agent, and dray-gateway once as it was built (claims 20 to 35, and 46
// to 61 for the method), once as it comes out of its Debian package (62 to 78).
//
// A story begins with how the software travels (at once, M4 pull, M10 push) and with what is asked of M1: it came over
// the WAN, was stored, and left from the store. Then it goes through the other behaviours of its name.
#include <gtest/gtest.h>

#include <filesystem>

#include "places.h"
#include "support/gateway_site.h"

namespace dray::testing_support {
namespace {

using namespace std::chrono_literals;
using core::Delivery;
using core::Fetch;

// Out of the package as its package manager would put it; once for all stories.
const std::string& packaged_gateway() {
  static const TempFolder root;
  static const std::string program = [] {
    std::string package;
    for (const auto& entry : std::filesystem::directory_iterator{DRAY_PACKAGES_DIR})
      if (entry.path().filename().string().starts_with("dray-gateway_")) package = entry.path();
    Process unpack{{"dpkg-deb", "-x", package, root.path()}};
    if (package.empty() || unpack.wait().value_or(1) != 0) throw std::runtime_error("no package: " + package + unpack.output());
    return root / "usr/bin/dray-gateway";
  }();
  return program;
}

enum class Medium { kBuilt, kPackage };

class GatewayClaim : public testing::TestWithParam<Medium>, protected GatewaySite {
 protected:
  // --- how it travels ---

  // One device to update, one artifact of `size` bytes; another device that nothing is to be done with.
  void one_device(std::size_t size = 300'000) {
    bytes_ = firmware(size);
    devices(2);
    order("dev-1", {{artifact(bytes_).sha256}});
  }
  void begin() {
    publish();
    start(wan_.url(), GetParam() == Medium::kPackage ? packaged_gateway() : "");
    EXPECT_TRUE(server_.wait_until([&] { return server_.job("r1-dev-1").has_value(); })) << "it has the plan";
  }
  // M4: the stored update time is all that the gateway acts on, also when it has lost its process meanwhile.
  void begin_pull(std::chrono::milliseconds from_now = 4s) {
    assignment().planned_at = now() + from_now;
    begin();
    EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "scheduled"));
    EXPECT_EQ(server_.artifact_bytes(), 0u) << "nothing is asked for before the time";
    kill_and_start_gateway();
  }
  // M10: the server holds, then transmits; both the bytes and the update time are stored.
  void begin_push(std::chrono::milliseconds from_now = 5s) {
    assignment().delivery = Delivery::kPush;
    assignment().fetch = Fetch::kHold;
    assignment().planned_at = now() + from_now;
    begin();
    EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "scheduled"));
    EXPECT_EQ(server_.artifact_bytes(), 0u) << "the server has not transmitted";
    assignment().fetch = Fetch::kNow;
    publish();
    EXPECT_TRUE(eventually([&] { return gateway_->stored() == 1; }));
    EXPECT_LT(now(), assignment().planned_at) << "before the update time";
    wan_.order("drop");  // what is to come needs no WAN
    kill_and_start_gateway();
  }

  // --- M1 ---

  // The order is forced, and the bytes that leave are those that are stored.
  void device_is_updated() {
    const DdiDevice d = device("dev-1");
    std::string action;
    EXPECT_TRUE(d.receive(action) == bytes_);
    EXPECT_GE(now(), assignment().planned_at);
    const auto deployment = d.get("/deploymentBase/" + action).json().at("deployment");
    EXPECT_EQ(deployment.at("update"), "forced");
    EXPECT_TRUE(read_file(folder_ / "gateway/data/blobs/" + plan_.artifacts[0].sha256.hex()) == bytes_);
    EXPECT_EQ(d.feedback(action, "closed", "success"), 200);
    ends("succeeded");
  }
  void ends(const std::string& state) {
    wan_.order("heal");
    EXPECT_TRUE(server_.wait_for_job("r1-dev-1", state)) << server_.job("r1-dev-1")->state << "\n" << gateway_->process().output();
    EXPECT_LE(server_.artifact_bytes(), bytes_.size() + bytes_.size() / 100) << "once over the WAN";
  }

  // --- M6, M12 ---
  void asks_first() { plan_.device_types[0].ask = core::Ask::kConfirmation; }
  void answers_and_is_updated() {
    const DdiDevice d = device("dev-1");
    const std::string question = d.wait_for("confirmationBase");
    ASSERT_NE(question, "");
    EXPECT_GE(now(), assignment().planned_at);
    EXPECT_EQ(d.get("/deploymentBase/" + question).status, 404) << "nothing is transmitted before the response";
    EXPECT_EQ(gateway_->lan_bytes(), 0u);
    EXPECT_EQ(d.post("/confirmationBase/" + question + "/feedback", R"({"confirmation":"confirmed"})").status, 200);
    device_is_updated();
  }

  // --- M8, M14 ---
  // The status moves the stored time, once for one status; a restart of the gateway does not move it back.
  void busy_moves_the_time() {
    assignment().status_deferral = 3s;
    const DdiDevice d = device("dev-1");
    EXPECT_EQ(d.put("/configData", R"({"data":{"dray.busy":";customer at the till"}})").status, 200);
    EXPECT_TRUE(eventually([&] { return job_here("reason") == "device_busy"; }));
    EXPECT_EQ(defer(now() + 1h, "", "dev-2").status, 201);  // what is answered is durable, and all before it
    const std::string moved{job_here("update_at")};
    EXPECT_GT(*parse_rfc3339(moved), assignment().planned_at);
    kill_and_start_gateway();
    EXPECT_TRUE(eventually([&] { return !job_here("update_at").empty(); }));
    EXPECT_EQ(job_here("update_at"), moved);
    EXPECT_FALSE(d.shows("deploymentBase"));
    EXPECT_EQ(d.put("/configData", R"({"mode":"remove","data":{"dray.busy":""}})").status, 200);
    device_is_updated();
    EXPECT_GE(now(), *parse_rfc3339(moved));
  }

  // --- M9, M15 ---
  // A request from outside moves the stored time; neither a new plan nor a restart moves it back.
  void deferral_moves_the_time(WallTime until, const std::string& more = "") {
    EXPECT_EQ(defer(until, more).status, 201);
    publish();
    kill_and_start_gateway();
    EXPECT_TRUE(eventually([&] { return !job_here("update_at").empty(); }));
    EXPECT_EQ(*parse_rfc3339(job_here("update_at")), until);
    EXPECT_FALSE(device("dev-1").shows("deploymentBase"));
    deferred_until_ = until;
  }

  // --- M16 ---
  // It fails, and fails again; the third attempt ends normally. Each attempt is an action of its own.
  void repeats_until_it_ends_normally() {
    const DdiDevice d = device("dev-1");
    std::string before;
    for (int failures = 0; failures < 2; ++failures) {
      std::string action;
      EXPECT_TRUE(d.receive(action) == bytes_);
      EXPECT_NE(action, before);
      EXPECT_EQ(d.feedback(action, "closed", "failure"), 200);
      before = action;
    }
    device_is_updated();
    EXPECT_EQ(server_.job("r1-dev-1")->attempt, 3);
  }

  // --- M18 ---
  // The transmission to the device has begun and can not be completed: the expiry stops it in the middle.
  void expiry_stops_the_transmission() {
    const DdiDevice d = device("dev-1");
    const std::string action = d.wait_for("deploymentBase");
    ASSERT_NE(action, "");
    EXPECT_GE(now(), deferred_until_);
    const HttpAnswer cut = d.fetch_slowly(d.downloads(action).at(0), 1 << 20, [&] {
      EXPECT_LT(now(), assignment().expires_at);
      EXPECT_TRUE(eventually([&] { return job_here("state") == "expired"; }));
      EXPECT_GE(now(), assignment().expires_at);
    });
    EXPECT_EQ(cut.status, 200);
    EXPECT_LT(cut.body.size(), bytes_.size()) << "it was not completed";
    EXPECT_EQ(d.get("/deploymentBase/" + action).status, 404);
    EXPECT_EQ(d.wait_for("cancelAction"), action);
    ends("expired");
  }
  static constexpr std::size_t kTooLong = 32 << 20;  // more than what fits into the buffers of a stopped connection

  // As the gateway's own API shows the job; "" before it has loaded.
  std::string job_here(const char* member) const {
    const HttpAnswer answer = http("GET", gateway_->local_url() + "/api/v1/jobs");
    if (answer.status != 200) return "";
    const auto body = answer.json();
    const auto& jobs = body.at("jobs").as_array();
    return jobs.empty() ? "" : std::string{jobs[0].at(member).as_string()};
  }

  std::string bytes_;
  WallTime deferred_until_;
  RelayProcess wan_{server_.url().substr(7), {}};
};

TEST_P(GatewayClaim, M1) {
  one_device();
  begin();
  EXPECT_TRUE(eventually([&] { return gateway_->stored() == 1; }));
  wan_.order("drop");  // so it can only come from the gateway's own storage
  device_is_updated();
}

TEST_P(GatewayClaim, M1_M2) {
  bytes_ = firmware(300'000);
  devices(5);
  const auto os = artifact(bytes_);
  for (int i = 1; i <= 5; ++i) order("dev-" + std::to_string(i), {{os.sha256}});
  begin();
  for (int i = 2; i <= 5; ++i) {
    std::string action;
    EXPECT_TRUE(device("dev-" + std::to_string(i)).receive(action) == bytes_);
    EXPECT_EQ(device("dev-" + std::to_string(i)).feedback(action, "closed", "success"), 200);
  }
  device_is_updated();
  EXPECT_EQ(server_.artifact_bytes(), bytes_.size());
  EXPECT_EQ(gateway_->lan_bytes(), 5 * bytes_.size());
}

TEST_P(GatewayClaim, M1_M2_M3) {
  bytes_ = firmware(300'000);
  const std::string other = firmware(200'000);
  devices(5);
  plan_.device_types.push_back({.name = "sensor", .components = {"fw"}, .order = {{"fw"}}});
  plan_.devices[2].type = plan_.devices[3].type = "sensor";
  const auto os = artifact(bytes_), fw = artifact(other, "fw");
  order("dev-1", {{os.sha256}});
  order("dev-2", {{os.sha256}});
  order("dev-3", {{fw.sha256}});
  order("dev-4", {{fw.sha256}});
  order("dev-5", {{fw.sha256}});  // a board: nothing of this fits it
  begin();
  for (const int i : {2, 3, 4}) {
    std::string action;
    EXPECT_TRUE(device("dev-" + std::to_string(i)).receive(action) == (i == 2 ? bytes_ : other));
    EXPECT_EQ(device("dev-" + std::to_string(i)).feedback(action, "closed", "success"), 200);
  }
  EXPECT_TRUE(server_.wait_for_job("r1-dev-5", "incompatible"));
  EXPECT_FALSE(device("dev-5").shows("deploymentBase"));
  std::string action;
  EXPECT_TRUE(device("dev-1").receive(action) == bytes_);
  EXPECT_EQ(device("dev-1").feedback(action, "closed", "success"), 200);
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded"));
  EXPECT_EQ(server_.artifact_bytes(), bytes_.size() + other.size());
}

TEST_P(GatewayClaim, M1_M4) {
  one_device();
  begin_pull();
  device_is_updated();
}

TEST_P(GatewayClaim, M1_M4_M6) {
  one_device();
  asks_first();
  begin_pull();
  answers_and_is_updated();
}

TEST_P(GatewayClaim, M1_M4_M8) {
  one_device();
  assignment().status_deferral = 3s;
  begin_pull();
  busy_moves_the_time();
}

TEST_P(GatewayClaim, M1_M4_M9) {
  one_device();
  begin_pull();
  deferral_moves_the_time(now() + 6s);
  device_is_updated();
  EXPECT_GE(now(), deferred_until_);
}

TEST_P(GatewayClaim, M1_M4_M9_M18) {
  one_device(kTooLong);
  assignment().expires_at = now() + 15s;
  begin_pull();
  deferral_moves_the_time(now() + 6s, R"(,"accept_expiry":true)");
  expiry_stops_the_transmission();
}

TEST_P(GatewayClaim, M1_M10) {
  one_device();
  begin_push();
  device_is_updated();
}

TEST_P(GatewayClaim, M1_M10_M12) {
  one_device();
  asks_first();
  begin_push();
  answers_and_is_updated();
}

TEST_P(GatewayClaim, M1_M10_M14) {
  one_device();
  assignment().status_deferral = 3s;
  begin_push();
  busy_moves_the_time();
}

TEST_P(GatewayClaim, M1_M10_M15) {
  one_device();
  begin_push();
  wan_.order("heal");
  deferral_moves_the_time(now() + 6s);
  device_is_updated();
  EXPECT_GE(now(), deferred_until_);
}

TEST_P(GatewayClaim, M1_M10_M15_M18) {
  one_device(kTooLong);
  assignment().expires_at = now() + 16s;
  begin_push();
  wan_.order("heal");
  deferral_moves_the_time(now() + 6s, R"(,"accept_expiry":true)");
  expiry_stops_the_transmission();
}

TEST_P(GatewayClaim, M1_M16) {
  one_device();
  begin();
  repeats_until_it_ends_normally();
}

TEST_P(GatewayClaim, M1_M16_M17) {
  ends_on_power_on();
  one_device();
  begin();
  const DdiDevice d = device("dev-1");
  d.report_power_on("boot-1", "os", "1");
  std::string first, second;
  EXPECT_TRUE(d.receive(first) == bytes_);
  EXPECT_EQ(d.feedback(first, "closed", "success"), 200);
  d.report_power_on("boot-2", "os", "1");  // it says "done", but the old version runs: rolled back
  EXPECT_TRUE(d.receive(second) == bytes_);
  EXPECT_NE(first, second);
  EXPECT_EQ(d.feedback(second, "closed", "success"), 200);
  EXPECT_TRUE(eventually([&] { return job_here("state") == "rebooting"; })) << "its word alone ends nothing";
  d.report_power_on("boot-3", "os", "2");
  ends("succeeded");
  EXPECT_EQ(server_.job("r1-dev-1")->attempt, 2);
  EXPECT_EQ(server_.device("dev-1")->boot_id, "boot-3");
}

TEST_P(GatewayClaim, M1_M16_M18) {
  one_device(kTooLong);
  assignment().expires_at = now() + 7s;
  begin();
  const DdiDevice d = device("dev-1");
  std::string action;
  EXPECT_TRUE(d.receive(action) == bytes_);
  EXPECT_EQ(d.feedback(action, "closed", "failure"), 200);  // repeated, and then the time is over
  expiry_stops_the_transmission();
  EXPECT_EQ(server_.job("r1-dev-1")->attempt, 2);
}

INSTANTIATE_TEST_SUITE_P(Built, GatewayClaim, testing::Values(Medium::kBuilt));
INSTANTIATE_TEST_SUITE_P(Package, GatewayClaim, testing::Values(Medium::kPackage));

}  // namespace
}  // namespace dray::testing_support
