// What is said of a site first: the reason, its sentence and its time are of one and the same matter.
#include <gtest/gtest.h>

#include "wire/admin_api.h"

namespace dray::wire {
namespace {

using namespace std::chrono_literals;
const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

SiteView site() {
  SiteView out;
  out.name = "berlin";
  out.contact_at = kNow - 1min;
  out.open_jobs = 2;
  return out;
}

TEST(SiteView, AnEpochThatWaitsGivesItsTimeToNoOtherReason) {
  SiteView view = site();
  view.epoch_waits = kNow + 1h;
  describe_site(view, kNow);
  EXPECT_EQ(view.reason, "epoch_waits");
  EXPECT_EQ(view.until, kNow + 1h);
  view.unreadable.push_back({"rollout", "r1", "transfer", "oops"});
  describe_site(view, kNow);
  EXPECT_EQ(view.reason, "row_unreadable");
  EXPECT_FALSE(view.until) << "nobody knows when somebody replaces it";
  EXPECT_TRUE(view.sentence.starts_with("Held: rollout r1, transfer")) << view.sentence;
  EXPECT_NE(view.sentence.find("began anew"), std::string::npos) << "the others are said, too: " << view.sentence;
}

TEST(SiteView, AGatewayIsNotSilentBeforeItCouldHaveCalled) {
  SiteView view = site();
  view.contact_at.reset();
  view.created_at = kNow - 1s;
  describe_site(view, kNow);
  EXPECT_EQ(view.reason, "");
  EXPECT_EQ(view.sentence, "The gateway has not called yet; 2 jobs are open.");
  describe_site(view, kNow + 5min);
  EXPECT_EQ(view.reason, "gateway_silent");
}

TEST(JobView, NoReportIsSilenceOnlyWhereTheGatewayIsSilent) {
  JobView job;
  job.result.reason = "gateway_silent";
  job.result.sentence = "The gateway of site berlin has not reported on this job yet.";
  job.heard_at = kNow;
  job.ever_heard = true;
  JobView soon = job, later = job;
  describe_now(soon, kNow + 1s);
  EXPECT_EQ(soon.result.reason, "waiting_report");
  describe_now(later, kNow + 5min);
  EXPECT_EQ(later.result.reason, "gateway_silent");
  EXPECT_NE(later.result.sentence.find("silent since 2026-11-24T00:00:00Z"), std::string::npos) << later.result.sentence;
  job.ever_heard = false;
  describe_now(job, kNow + 5min);
  EXPECT_NE(job.result.sentence.find("never called"), std::string::npos) << job.result.sentence;
}

TEST(SiteView, BytesThatAreWrongAreSaidOnceAsTheServerKnowsThem) {
  SiteView view = site();
  view.storage = StorageReport{{}, 0, 0, {{sha256_of(as_bytes("x")), 3}}};
  describe_site(view, kNow);
  EXPECT_EQ(view.reason, "artifact_damaged");
  EXPECT_NE(view.sentence.find("3 times"), std::string::npos) << view.sentence;
  view.damaged = {"The server's bytes of it are gone."};
  describe_site(view, kNow);
  EXPECT_EQ(view.reason, "artifact_damaged");
  EXPECT_EQ(view.sentence.find("3 times"), std::string::npos) << view.sentence;
  EXPECT_NE(view.sentence.find("are gone."), std::string::npos) << view.sentence;
}

TEST(SiteView, OnlyGatewaysThatStillAskAreCounted) {
  using core::InstanceRole;
  SiteView view = site();
  const auto refused = [](std::string name, Duration ago) {
    return core::Instance{std::move(name), InstanceRole::kWaits, kNow - ago, kNow - ago, kNow - ago};
  };
  view.holding.instances = {{"a", InstanceRole::kHolds, kNow - 1h, kNow}, refused("b", 8min), refused("c", 1min)};
  describe_site(view, kNow);
  EXPECT_EQ(view.reason, "two_gateways");
  EXPECT_TRUE(view.sentence.starts_with("Two gateways call with this site's token: instance a answers for it, and another "
                                        "(instance c) is refused since 2026-11-23T23:59:00Z.")) << view.sentence;
  view.holding.instances.push_back(refused("d", 30s));
  describe_site(view, kNow);
  EXPECT_TRUE(view.sentence.starts_with("3 gateways call")) << view.sentence;
  EXPECT_NE(view.sentence.find("with 1 more."), std::string::npos) << view.sentence;
  view.holding.instances = {{"a", InstanceRole::kHolds, kNow - 1h, kNow}, refused("b", 8min)};
  describe_site(view, kNow);
  EXPECT_TRUE(view.sentence.starts_with("Two gateways have called with this site's token: instance a answers for it, and another "
                                        "(instance b) was refused, last at 2026-11-23T23:52:00Z; it has not asked since.")) << view.sentence;
}

TEST(SiteView, ReasonsHaveAnOrder) {
  SiteView view = site();
  describe_site(view, kNow);
  EXPECT_EQ(view.reason, "");
  EXPECT_EQ(view.state, "working");
  const auto next = [&](const char* reason) {
    describe_site(view, kNow);
    EXPECT_EQ(view.reason, reason) << view.sentence;
  };
  view.misfit = "no_window";
  view.misfit_sentence = "There is no window.";
  next("no_window");
  view.refused = {1, kNow - 1h, "job r1-till-1", "it is too long"};
  next("report_refused");
  view.two_agents = {"till-1"};
  next("two_agents");
  view.plan_trouble = "plan_too_large";
  view.plan_trouble_sentence = "its plan has too many bytes";
  next("plan_too_large");
  view.contact_at = kNow - 1h;
  next("gateway_silent");
  EXPECT_EQ(view.state, "silent");
  view.epoch_waits = kNow + 1h;
  next("epoch_waits");
  view.ids_ended = true;
  next("action_ids_exhausted");
  EXPECT_FALSE(view.until);
  view.unreadable.push_back({"site", "berlin", "limits", "oops"});
  next("row_unreadable");
  for (const char* part : {"no window", "too long", "till-1", "too many bytes", "last heard", "began anew", "32 bits", "limits"})
    EXPECT_NE(view.sentence.find(part), std::string::npos) << part << ": " << view.sentence;
}

}  // namespace
}  // namespace dray::wire
