// Claims 5 and 11 (docs/capabilities.md): the times come from the server, computed from the amount of data and both rates
// as the gateway has measured them, and server, gateway and agent, as processes, keep to them.
//
// A first update measures: 8 MB over a WAN of 1 MB/s and a LAN of 3 MB/s. The second one is planned with that. On rates
// that are only assumed its transmission would take eight minutes; on the measured ones it takes less than one.
#include <gtest/gtest.h>

#include <chrono>

#include "support/gateway_site.h"
#include "support/stack.h"

namespace dray::testing_support {
namespace {

using namespace std::chrono_literals;
using boost::json::value;

constexpr std::size_t kMeasuring = 8'000'000, kImage = 25'000'000;

WallTime time_of(const value& object, const char* member) {
  return *parse_rfc3339(std::string{object.at(member).as_string()});
}
WallTime minute(WallTime time) { return std::chrono::floor<std::chrono::minutes>(time); }
// "14:03-17:03": the wall clock of UTC, three hours from then on.
std::string window_from(WallTime from) {
  const auto text = [](WallTime t) { return to_rfc3339(t).substr(11, 5); };
  return text(from) + "-" + text(from + 3h);
}

class PlannedClaim : public testing::Test {
 protected:
  void SetUp() override {
    stack_.slow_wan({"--rate", "1 MB/s"});
    stack_.start_gateway();
    ASSERT_TRUE(eventually([&] { return stack_.gateway_process().ready(); }));
    lan_ = std::make_unique<RelayProcess>(stack_.gateway_process().device_address(), std::vector<std::string>{"--rate", "3 MB/s"});
    stack_.make_type("board", {"os"});
    stack_.make_device("dev-1", "board", {"os"}, "run_settle_s = 0.3\nrun = [\"/bin/sh\", \"-c\", \"exec tail -f /dev/null\"]\n", lan_->url());
    stack_.start_device("dev-1");
    measure();
  }

  // Both rates are measured by a real update and reported: they are known at the server, and no more assumed.
  void measure() {
    const std::string sha = stack_.push_image("board", "os", "2", firmware(kMeasuring));
    stack_.start_rollout("2", {sha});
    ASSERT_TRUE(stack_.wait_for_state("dev-1", "succeeded", 120s)) << stack_.gateway().output();
    ASSERT_TRUE(eventually([&] { return !wan().at("assumed").as_bool(); }));
    ASSERT_TRUE(eventually([&] { return !stack_.device_view("dev-1").at("rate").at("assumed").as_bool(); }));
    EXPECT_NEAR(wan().at("rate").to_number<double>(), 1e6, 0.25e6);
    EXPECT_NEAR(stack_.device_view("dev-1").at("rate").at("rate").to_number<double>(), 3e6, 0.9e6);
    EXPECT_LE(stack_.gateway_process().wan_bytes(), kMeasuring);
  }
  value wan() const { return stack_.ctl({"site", "show", "berlin"}).at("rates").at("wan"); }

  // People's part: when devices may be interrupted, and a rollout without any times.
  void rollout(const std::string& delivery, WallTime window) {
    stack_.ctl({"site", "set", "berlin", "--time-zone", "UTC", "--update-window", window_from(window)});
    bytes_ = firmware(kImage);
    const std::string sha = stack_.push_image("board", "os", "3", bytes_);
    const std::string keys = "delivery = \"" + delivery + "\"\nexpires_at = \"+2h\"\n";
    id_ = stack_.start_rollout("3", {sha}, keys);
    ASSERT_TRUE(eventually([&] { return stack_.ctl({"rollout", "show", id_}).at("planning").at("sites").to_number<int>() == 1; }));
    times_ = stack_.ctl({"rollout", "sites", id_}).as_array().at(0);
    EXPECT_TRUE(times_.at("fits").as_bool()) << times_;
    EXPECT_EQ(times_.at("bytes").to_number<std::uint64_t>(), kImage);
    // What is counted on is what was measured, with caution.
    EXPECT_EQ(times_.at("rate"), wan().at("low"));
    EXPECT_EQ(time_of(times_, "fetched_at") - time_of(times_, "start_at"), transmission()) << times_;
    // And it is what the same file would have said before.
    const value asked = stack_.ctl({"rollout", "plan", stack_.folder("rollout.toml")});
    EXPECT_EQ(asked.at("items").at(0).at("bytes"), times_.at("bytes"));
    EXPECT_EQ(asked.at("items").at(0).at("fits"), times_.at("fits"));
  }
  Duration transmission() const {
    const auto rate = times_.at("rate").to_number<std::uint64_t>();
    return Duration{static_cast<std::int64_t>((kImage * 1000 + rate - 1) / rate)};
  }
  void restart_gateway() {
    stack_.gateway_process().kill();
    stack_.gateway_process().start();
    EXPECT_TRUE(eventually([&] { return stack_.gateway_process().ready(); }));
  }
  std::string running() const { return read_file(stack_.folder("devices/dev-1") + "/data/device/current/os/image"); }
  // What the gateway itself has stored of the newest job.
  std::string job_here(const char* member) {
    const HttpAnswer answer = http("GET", stack_.gateway_process().local_url() + "/api/v1/jobs");
    if (answer.status != 200) return "";
    const auto body = answer.json();
    for (const auto& job : body.at("jobs").as_array())
      if (job.at("id").as_string() == id_ + "-dev-1") return std::string{job.at(member).as_string()};
    return "";
  }
  void stored_time_is_reached() {
    EXPECT_TRUE(eventually([&] { return job_here("update_at") == std::string{times_.at("update_at").as_string()}; }));
    ASSERT_TRUE(wait_until(time_of(times_, "update_at")));
  }
  // Looks at the gateway until the clock shows it.
  bool wait_until(WallTime time) {
    while (GatewaySite::now() < time)
      if (!eventually([&] { return stack_.gateway_process().ready(); })) return false;
    return true;
  }
  void ends_in_time() {
    for (const WallTime last = time_of(times_, "finish_at"); running() != bytes_ && GatewaySite::now() < last;)
      stack_.gateway_process().ready();
    EXPECT_TRUE(running() == bytes_) << "the promise is kept: " << times_ << stack_.gateway().output();
    EXPECT_LE(stack_.gateway_process().wan_bytes(), kImage + kMeasuring) << "once over the WAN";
  }

  Stack stack_;
  std::unique_ptr<RelayProcess> lan_;
  std::string bytes_, id_;
  value times_;
};

TEST_F(PlannedClaim, M1_M4_M5) {
  const WallTime window = minute(GatewaySite::now()) + 2min;
  rollout("pull", window);
  EXPECT_EQ(time_of(times_, "update_at"), window) << "the first instant at which it fits: " << times_;
  const auto before = stack_.gateway_process().wan_bytes();
  restart_gateway();
  stored_time_is_reached();
  EXPECT_LE(before, kMeasuring) << "nothing is fetched before the update time";
  ends_in_time();
  EXPECT_TRUE(stack_.wait_for_versions("dev-1", {{"os", "3"}}, 60s));
}

TEST_F(PlannedClaim, M1_M10_M11) {
  const WallTime window = minute(GatewaySite::now()) + 5min;
  rollout("push", window);
  EXPECT_EQ(time_of(times_, "update_at"), window) << times_;
  // The latest start that still arrives before it, with a margin of a minute.
  EXPECT_EQ(time_of(times_, "transmit_at"), window - 1min - transmission()) << times_;
  const std::size_t stored = stack_.gateway_process().stored();
  ASSERT_TRUE(wait_until(time_of(times_, "transmit_at") - 2s));
  EXPECT_EQ(stack_.gateway_process().stored(), stored);
  EXPECT_LE(stack_.gateway_process().wan_bytes(), kMeasuring) << "nothing goes before the transmission time";
  ASSERT_TRUE(eventually([&] { return stack_.gateway_process().stored() > stored; })) << stack_.gateway().output();
  EXPECT_LT(GatewaySite::now(), window) << "the bytes are there in time";
  EXPECT_TRUE(running() != bytes_);
  // From here on the WAN is down.
  stack_.server().signal(SIGKILL);
  stack_.server().wait();
  restart_gateway();
  stored_time_is_reached();
  ends_in_time();
  stack_.start_server();
  EXPECT_TRUE(stack_.wait_for_versions("dev-1", {{"os", "3"}}, 60s));
}

}  // namespace
}  // namespace dray::testing_support
