// The claims that all three tiers keep together, each with its whole chain of behaviours in one run (docs/capabilities.md,
// claims 1 to 19; 36 to 45 for the method): dray-server, dray-gateway and dray-agent as processes, worked by drayctl.
//
// M1 is what every story ends with: the device runs, from the storage that its agent overwrote, the bytes that its gateway
// had stored. Where the WAN is cut on the way, they can only have come from there.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "support/built.h"
#include "support/gateway_site.h"
#include "support/stack.h"

namespace dray::testing_support {
namespace {

using namespace std::chrono_literals;

class SystemClaim : public testing::Test {
 protected:
  // --- the site: its gateway, and devices that run what they came with ---

  void site(int devices = 1) {
    stack_.start_gateway();
    ASSERT_TRUE(eventually([&] { return stack_.gateway_process().ready(); }));
    stack_.make_type("board", {"os"});
    for (int i = 1; i <= devices; ++i) add_device("dev-" + std::to_string(i));
  }
  // The program of a new version ends at once as long as the file "crash" is there; the one from the factory never does.
  void add_device(const std::string& name, const std::string& type = "board", const std::string& component = "os") {
    const std::string crash = home(name) + "/crash";
    stack_.make_device(name, type, {component},
                       "run_settle_s = 0.3\nrun = [\"/bin/sh\", \"-c\", \"test -e " + crash + " && ! grep -q factory $DRAY_CURRENT/" + component +
                           "/image && exit 1; exec tail -f /dev/null\"]\n" + ready_,
                       device_url_);
    stack_.start_device(name);
  }
  // The line between the gateway and its devices, from now on: slow, and breaking.
  void slow_lan(const std::vector<std::string>& options) {
    stack_.start_gateway();
    lan_ = std::make_unique<RelayProcess>(stack_.device_url().substr(7), options);
    device_url_ = lan_->url();
    stack_.make_type("board", {"os"});
    add_device("dev-1");
  }
  std::string image(std::size_t size = 300'000, const std::string& type = "board", const std::string& component = "os") {
    bytes_ = firmware(size);
    return stack_.push_image(type, component, "2", bytes_);
  }

  // --- how the software travels ---

  void at_once(const std::vector<std::string>& sha, const std::string& expiry = "+1h") {
    stack_.start_rollout("2", sha, "delivery = \"pull\"\nupdate_at = \"now\"\nexpires_at = \"" + expiry + "\"\n" + more_);
  }
  // M4: the gateway stores the server's update time, asks for nothing before, and acts on it also after a restart.
  void pull(const std::string& sha, const std::string& expiry = "+1h") {
    planned_at_ = GatewaySite::now() + 5s;
    stack_.start_rollout("2", {sha}, "delivery = \"pull\"\nupdate_at = \"+5s\"\nexpires_at = \"" + expiry + "\"\n" + more_);
    ASSERT_TRUE(stack_.wait_for_state("dev-1", "scheduled", 30s));
    EXPECT_EQ(stack_.gateway_process().wan_bytes(), 0u);
    restart_gateway();
  }
  // M10: the server transmits at its time; the gateway has the bytes and the update time, and needs the server no more.
  void push(const std::string& sha, const std::string& expiry = "+1h") {
    planned_at_ = GatewaySite::now() + 7s;
    stack_.start_rollout("2", {sha}, "delivery = \"push\"\ntransmit_at = \"+2s\"\nupdate_at = \"+7s\"\nexpires_at = \"" + expiry + "\"\n" + more_);
    EXPECT_EQ(stack_.gateway_process().wan_bytes(), 0u) << "before the transmission time";
    ASSERT_TRUE(eventually([&] { return stack_.gateway_process().stored() == 1; }));
    EXPECT_TRUE(runs_old()) << "before the update time";
    stack_.server().signal(SIGKILL);
    stack_.server().wait();
    server_down_ = true;
    restart_gateway();
  }
  void restart_gateway() {
    stack_.gateway_process().kill();
    stack_.gateway_process().start();
    EXPECT_TRUE(eventually([&] { return stack_.gateway_process().ready(); }));
  }
  void server_is_back() {
    if (server_down_) stack_.start_server();
    server_down_ = false;
  }

  // --- M1: how it ends ---

  std::string home(const std::string& device) const { return stack_.folder("devices/" + device); }
  std::string running(const std::string& device, const std::string& component = "os") const {
    return read_file(home(device) + "/data/device/current/" + component + "/image");
  }
  bool runs_old() const { return running("dev-1") == kFactory; }
  static constexpr const char* kFactory = "factory image of os";
  void ends_updated(const std::string& device = "dev-1") {
    EXPECT_TRUE(eventually([&] { return running(device) == bytes_; })) << stack_.gateway().output();
    EXPECT_GE(GatewaySite::now(), planned_at_);
    server_is_back();
    EXPECT_TRUE(stack_.wait_for_state(device, "succeeded", 60s)) << job() << stack_.gateway().output();
    EXPECT_TRUE(stack_.wait_for_versions(device, {{"os", "2"}}, 60s));
    EXPECT_LE(stack_.gateway_process().wan_bytes(), bytes_.size()) << "once over the WAN";
  }
  void ends_with_the_old_version(const std::string& state, const std::string& device = "dev-1") {
    server_is_back();
    EXPECT_TRUE(stack_.wait_for_state(device, state, 60s)) << job() << stack_.gateway().output();
    EXPECT_TRUE(stack_.wait_for_versions(device, {{"os", "1"}}, 60s));
    EXPECT_EQ(running(device), kFactory);
  }
  boost::json::value job() const { return stack_.device_view("dev-1").at("job"); }

  // The gateway's own word about the only job; "" while it starts.
  std::string job_here(const char* member) {
    const HttpAnswer answer = http("GET", stack_.gateway_process().local_url() + "/api/v1/jobs");
    if (answer.status != 200) return "";
    const auto body = answer.json();
    const auto& jobs = body.at("jobs").as_array();
    return jobs.empty() ? "" : std::string{jobs[0].at(member).as_string()};
  }

  // --- the behaviours that come between ---

  // M6, M12: the gateway asks, the device answers, and only then is anything transmitted.
  void asks_before_it_transmits() {
    ASSERT_TRUE(stack_.device("dev-1").wait_for("offer_answered answer=ready"));
    EXPECT_GE(GatewaySite::now(), planned_at_);
    ends_updated();
    const std::string said = stack_.gateway().output();
    EXPECT_LT(said.find("to=Ready"), said.find("to=Transmitting")) << said;
  }

  // M8, M14: the device's status moves the stored time by the predetermined period; it stays moved over a restart.
  void busy_moves_the_time() {
    ASSERT_TRUE(eventually([&] { return job_here("reason") == "device_busy"; })) << stack_.gateway().output();
    const WallTime moved = *parse_rfc3339(job_here("update_at"));
    EXPECT_GT(moved, planned_at_);
    std::filesystem::remove(home("dev-1") + "/data/busy");
    restart_gateway();
    ASSERT_TRUE(eventually([&] { return !job_here("update_at").empty(); }));
    EXPECT_GE(*parse_rfc3339(job_here("update_at")), moved);
    ends_updated();
    EXPECT_GE(GatewaySite::now(), moved);
  }
  void device_is_busy() { write_file(home("dev-1") + "/data/busy", "customer at the till\n"); }

  // M7, M13: the device is silent for a deferment of its own and answers when it can be updated. The stored time stays,
  // the gateway waits on, and a restart of either side changes nothing.
  void device_defers_by_itself() {
    ready_ = "[ready]\nwhile_busy = \"wait\"\nbusy_retry_s = 1\n";
    site();
    device_is_busy();
  }
  void deferment_ends_in_an_answer() {
    ASSERT_TRUE(eventually([&] { return job_here("reason") == "device_deferring"; })) << stack_.gateway().output();
    const std::string stored = job_here("update_at");
    EXPECT_LE(*parse_rfc3339(stored), GatewaySite::now());
    restart_gateway();
    stack_.start_device("dev-1");
    ASSERT_TRUE(stack_.device("dev-1").wait_for("installed component=os version=1"));
    ASSERT_TRUE(eventually([&] { return job_here("reason") == "device_deferring"; })) << stack_.gateway().output();
    EXPECT_EQ(job_here("update_at"), stored);
    EXPECT_EQ(stack_.gateway_process().lan_bytes(), 0u) << "nothing is transmitted before the answer";
    std::filesystem::remove(home("dev-1") + "/data/busy");
    asks_before_it_transmits();
  }

  // M9, M15: a request from outside moves the stored time; a restart does not move it back.
  void deferral_moves_the_time() {
    const WallTime until = GatewaySite::now() + 6s;
    const HttpAnswer made = http("POST", stack_.gateway_process().local_url() + "/api/v1/deferrals", {{"Content-Type", "application/json"}},
                                 R"({"device":"dev-1","until":")" + to_rfc3339(until) + R"(","by":"ines","why":"stocktaking"})");
    EXPECT_EQ(made.status, 201) << made.body;
    restart_gateway();
    ASSERT_TRUE(eventually([&] { return !job_here("update_at").empty(); }));
    EXPECT_EQ(*parse_rfc3339(job_here("update_at")), until);
    EXPECT_TRUE(runs_old());
    ends_updated();
    EXPECT_GE(GatewaySite::now(), until);
  }

  // M16: the new version does not come up, so the update has not ended normally; it is repeated until it has.
  void new_version_crashes() { write_file(home("dev-1") + "/crash", ""); }
  void repeats_until_it_ends_normally() {
    ASSERT_TRUE(stack_.gateway().wait_for("to=Backoff")) << stack_.gateway().output();
    std::filesystem::remove(home("dev-1") + "/crash");
    ends_updated();
    EXPECT_GE(job().at("attempt").to_number<int>(), 2) << job();
  }

  // M16, M18: the line breaks again and again, every time the transmission goes on, and the expiry stops it.
  void breaks_until_the_expiry() {
    ASSERT_TRUE(eventually([&] { return lan_->cuts() >= 2; }));
    EXPECT_TRUE(eventually([&] { return job_here("state") == "expired"; })) << stack_.gateway().output();
    EXPECT_LT(lan_->bytes_down(), bytes_.size()) << "it was not completed";
    EXPECT_GT(lan_->bytes_down(), 0u);
    ends_with_the_old_version("expired");
  }

  Stack stack_;
  std::unique_ptr<RelayProcess> lan_;
  std::string bytes_, more_, ready_, device_url_;
  WallTime planned_at_{};
  bool server_down_ = false;
};

TEST_F(SystemClaim, M1) {
  site();
  at_once({image()});
  ends_updated();
}

TEST_F(SystemClaim, M1_M2) {
  site(4);
  at_once({image()});
  for (int i = 1; i <= 4; ++i) ends_updated("dev-" + std::to_string(i));
  EXPECT_EQ(stack_.gateway_process().wan_bytes(), bytes_.size());
  EXPECT_EQ(stack_.gateway_process().lan_bytes(), 4 * bytes_.size());
}

TEST_F(SystemClaim, M1_M2_M3) {
  site(2);
  stack_.make_type("sensor", {"fw"});
  stack_.make_type("lamp", {"light"});
  for (const char* name : {"sensor-1", "sensor-2"}) add_device(name, "sensor", "fw");
  add_device("lamp-1", "lamp", "light");
  const std::string firmware_of_sensors = image(200'000, "sensor", "fw"), other = bytes_;
  at_once({image(), firmware_of_sensors});
  ASSERT_TRUE(stack_.wait_for_state("sensor-1", "succeeded", 60s));
  ASSERT_TRUE(stack_.wait_for_state("sensor-2", "succeeded", 60s));
  ASSERT_TRUE(stack_.wait_for_state("dev-1", "succeeded", 60s));
  ASSERT_TRUE(stack_.wait_for_state("dev-2", "succeeded", 60s));
  EXPECT_TRUE(stack_.wait_for_state("lamp-1", "incompatible", 60s));
  EXPECT_TRUE(running("dev-1") == bytes_ && running("dev-2") == bytes_);
  EXPECT_TRUE(running("sensor-1", "fw") == other && running("sensor-2", "fw") == other);
  EXPECT_EQ(running("lamp-1", "light"), "factory image of light");
  EXPECT_EQ(stack_.gateway_process().wan_bytes(), bytes_.size() + other.size());
}

TEST_F(SystemClaim, M1_M4) {
  site();
  pull(image());
  ends_updated();
}

TEST_F(SystemClaim, M1_M4_M6) {
  site();
  pull(image());
  asks_before_it_transmits();
}

TEST_F(SystemClaim, M1_M4_M6_M7) {
  device_defers_by_itself();
  pull(image());
  deferment_ends_in_an_answer();
}

TEST_F(SystemClaim, M1_M4_M8) {
  site();
  more_ = "status_deferral_s = 3\n";
  device_is_busy();
  pull(image());
  busy_moves_the_time();
}

TEST_F(SystemClaim, M1_M4_M9) {
  site();
  pull(image());
  deferral_moves_the_time();
}

TEST_F(SystemClaim, M1_M4_M16) {
  site();
  new_version_crashes();
  pull(image());
  repeats_until_it_ends_normally();
}

TEST_F(SystemClaim, M1_M4_M16_M18) {
  slow_lan({"--rate", "400 kB/s", "--cut-after", "200000", "--cuts", "1000"});
  pull(image(20 << 20), "+15s");
  breaks_until_the_expiry();
}

TEST_F(SystemClaim, M1_M10) {
  site();
  push(image());
  ends_updated();
}

TEST_F(SystemClaim, M1_M10_M12) {
  site();
  push(image());
  asks_before_it_transmits();
}

TEST_F(SystemClaim, M1_M10_M12_M13) {
  device_defers_by_itself();
  push(image());
  deferment_ends_in_an_answer();
}

TEST_F(SystemClaim, M1_M10_M14) {
  site();
  more_ = "status_deferral_s = 3\n";
  device_is_busy();
  push(image());
  busy_moves_the_time();
}

TEST_F(SystemClaim, M1_M10_M15) {
  site();
  push(image());
  deferral_moves_the_time();
}

TEST_F(SystemClaim, M1_M10_M16) {
  site();
  new_version_crashes();
  push(image());
  repeats_until_it_ends_normally();
}

TEST_F(SystemClaim, M1_M10_M16_M18) {
  slow_lan({"--rate", "400 kB/s", "--cut-after", "200000", "--cuts", "1000"});
  push(image(20 << 20), "+17s");
  breaks_until_the_expiry();
}

TEST_F(SystemClaim, M1_M16) {
  site();
  new_version_crashes();
  at_once({image()});
  repeats_until_it_ends_normally();
}

TEST_F(SystemClaim, M1_M16_M17) {
  site();
  new_version_crashes();
  at_once({image()});
  repeats_until_it_ends_normally();
  // What ended it was the report of the restarted device, not the word of the one that installed.
  EXPECT_TRUE(stack_.gateway().wait_for("to=Succeeded event=PowerOn")) << stack_.gateway().output();
}

TEST_F(SystemClaim, M1_M16_M18) {
  slow_lan({"--rate", "400 kB/s", "--cut-after", "200000", "--cuts", "1000"});
  at_once({image(20 << 20)}, "+16s");
  breaks_until_the_expiry();
}

// Two devices are cancelled in the middle of their transmission, one at its gateway and one by its own operator, and keep
// their version; the third one is updated all the same.
TEST_F(SystemClaim, M1_M19) {
  slow_lan({"--rate", "400 kB/s"});
  add_device("dev-2");
  device_url_.clear();
  add_device("dev-3");
  at_once({image(20 << 20)});
  ASSERT_TRUE(stack_.wait_for_state("dev-1", "downloading", 60s));
  ASSERT_TRUE(stack_.wait_for_state("dev-2", "downloading", 60s));
  const std::string id{job().at("id").as_string()};
  const HttpAnswer done = http("POST", stack_.gateway_process().local_url() + "/api/v1/jobs/" + id + "/cancel",
                               {{"Content-Type", "application/json"}}, R"({"by":"ines","why":"stocktaking"})");
  EXPECT_EQ(done.status, 200) << done.body;
  Process at_the_device{{built("dray-agent"), "cancel", "--why", "closing time", "--config", home("dev-2") + "/agent.toml"}};
  EXPECT_EQ(at_the_device.wait(), 0) << at_the_device.output();
  ends_with_the_old_version("cancelled");
  ends_with_the_old_version("cancelled", "dev-2");
  EXPECT_EQ(stack_.device_view("dev-2").at("job").at("reason").as_string(), "cancelled_on_device");
  ends_updated("dev-3");
  EXPECT_EQ(stack_.ctl({"rollout", "show", "r1"}).at("failed").to_number<int>(), 0) << "a cancel is no failure";
}

}  // namespace
}  // namespace dray::testing_support
