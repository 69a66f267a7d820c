// Real swupdate, unchanged, installs through our gateway; the plan comes from a scripted server.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "interop/swupdate/swupdate_device.h"
#include "support/gateway_process.h"
#include "support/plan_server.h"
#include "support/relay_process.h"

namespace dray::interop {
namespace {

using testing_support::GatewayProcess;
using testing_support::PlanServer;
using testing_support::RelayProcess;
using testing_support::TempFolder;

constexpr std::chrono::seconds kLong{90};

std::string random_payload(std::size_t size) {
  std::mt19937_64 generator{size};  // compresses as badly as firmware does
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(generator());
  return out;
}

class Swupdate : public testing::Test {
 protected:
  void SetUp() override { gateway_ = std::make_unique<GatewayProcess>(folder_ / "gateway", server_.url(), "gateway-token"); }

  // A plan with one device and one job of one image.
  void order(const std::string& image, const std::string& version) {
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    core::Plan plan = server_.plan();
    plan.site = SiteId{"berlin"};
    plan.action_ids = {{1101, 1'001'100}};
    plan.device_types = {{.name = "board", .components = {"os"}, .order = {{"os"}}, .ask = core::Ask::kPoll, .ends_on = core::EndsOn::kClosed}};
    plan.devices = {{.name = DeviceId{"dev-1"}, .type = "board", .token_sha256 = sha256_of(as_bytes("tok-dev-1")).hex()}};
    plan.artifacts = {server_.add_artifact(image, "image.swu", "os", version)};
    plan.assignments = {{.id = AssignmentId{"r1-berlin"}, .rollout = RolloutId{"r1"}, .planned_at = now, .expires_at = now + std::chrono::hours{1},
                         .jobs = {{JobId{"r1-dev-1"}, DeviceId{"dev-1"}, {{plan.artifacts[0].sha256}}}}}};
    server_.publish(plan);
  }

  // swupdate waits for its restart before it says `closed`.
  void restart_device(const std::string& url) {
    ASSERT_TRUE(device_.process().wait_for("is pending testing", kLong)) << device_.process().output();
    device_.stop();
    device_.start(url, "2");
  }

  TempFolder folder_;
  PlanServer server_{"gateway-token"};
  std::unique_ptr<GatewayProcess> gateway_;
  SwupdateDevice device_{folder_ / "device", "dev-1", "tok-dev-1"};
};

TEST_F(Swupdate, M1_InstallsThroughTheGateway) {
  order(device_.make_image("hello from the gateway\n", "1.0.0"), "1.0.0");
  device_.start(gateway_->device_url());
  restart_device(gateway_->device_url());
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded", kLong)) << device_.process().output();
  EXPECT_EQ(device_.installed(), "hello from the gateway\n");
}

// Started to tell of one update it says "done" of whatever is offered then.
TEST_F(Swupdate, ItsWordForAnUpdateThatItNeverFetchedIsNotBelieved) {
  order(device_.make_image("hello from the gateway\n", "1.0.0"), "1.0.0");
  device_.start(gateway_->device_url(), "2");
  EXPECT_TRUE(server_.wait_until([&] {
    const auto job = server_.job("r1-dev-1");
    return job && job->attempt == 2;
  }, kLong)) << device_.process().output();
  const auto reports = server_.reports();
  EXPECT_TRUE(std::any_of(reports.begin(), reports.end(), [](const wire::Report& r) {
    const auto* job = std::get_if<wire::JobReport>(&r.body);
    return job != nullptr && job->reason == "closed_without_bytes";
  }));
  restart_device(gateway_->device_url());  // it has fetched and installed it by now
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded", kLong)) << device_.process().output();
  EXPECT_EQ(device_.installed(), "hello from the gateway\n");
}

TEST_F(Swupdate, TellsByItsAttributesWhatItRuns) {
  order(device_.make_image("hello from the gateway\n", "1.0.0"), "1.0.0");
  core::Plan plan = server_.plan();
  plan.device_types[0].ends_on = core::EndsOn::kPowerOn;
  server_.publish(plan);
  device_.identify({{"dray.boot_id", "boot-1"}, {"dray.version.os", "0.9"}});
  device_.start(gateway_->device_url());
  ASSERT_TRUE(device_.process().wait_for("is pending testing", kLong)) << device_.process().output();
  EXPECT_TRUE(server_.wait_until([&] {
    const auto device = server_.device("dev-1");
    return device && device->running.contains("os") && device->running.at("os").version == "0.9";
  }, kLong));
  device_.stop();
  device_.identify({{"dray.boot_id", "boot-2"}, {"dray.version.os", "1.0.0"}});
  device_.start(gateway_->device_url(), "2");
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded", kLong)) << device_.process().output();
  EXPECT_EQ(server_.job("r1-dev-1")->reason, "succeeded");
  EXPECT_EQ(server_.device("dev-1")->running.at("os").version, "1.0.0");
}

TEST_F(Swupdate, M16_ResumesATransferThatWasCut) {
  const std::string payload = random_payload(24 << 20);
  const std::string image = device_.make_image(payload, "1.0.0");
  RelayProcess relay{gateway_->device_address(), {"--cut-after", "16777216", "--cuts", "1"}};
  order(image, "1.0.0");
  device_.start(relay.url());
  restart_device(relay.url());
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded", kLong)) << device_.process().output();
  EXPECT_EQ(device_.installed(), payload);
  EXPECT_EQ(relay.cuts(), 1);
  // Resumed, not repeated: beyond the image only what was lost in flight at the cut crossed the line again (the buffers
  // of two connections on a busy machine).
  EXPECT_LT(relay.bytes_down(), image.size() + (8 << 20));
  EXPECT_EQ(server_.artifact_bytes(), image.size());
  EXPECT_EQ(server_.job("r1-dev-1")->attempt, 1);
}

TEST_F(Swupdate, M19_ObeysACancelDuringTheDownload) {
  const std::string image = device_.make_image(random_payload(8 << 20), "1.0.0");
  RelayProcess relay{gateway_->device_address(), {"--rate", "400 kB/s"}};
  order(image, "1.0.0");
  device_.start(relay.url());
  ASSERT_TRUE(server_.wait_for_job("r1-dev-1", "downloading", kLong)) << device_.process().output();
  core::Plan plan = server_.plan();
  plan.cancels = {{"c1", JobId{"r1-dev-1"}, "ines", "wrong image"}};
  server_.publish(plan);
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "cancelled", kLong)) << device_.process().output();
  EXPECT_NE(device_.installed().size(), std::size_t{8 << 20});
}

}  // namespace
}  // namespace dray::interop
