// What a newer rollout has updated, and an older one that comes to it later; and what is said of times that a new expiry changes.
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

// Tills in Berlin and in Lyon, by turns.
class Overtaken : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    for (int i = 10; i < 30; ++i) add_device("t-" + std::to_string(i), i % 2 == 0 ? "berlin" : "lyon", "till");
  }
  void make(const std::string& release, const std::string& version, const std::string& filter, std::vector<core::PhaseTerms> phases, bool computed = false) {
    wire::NewRollout rollout{.release_name = release, .release_version = version, .filter = filter};
    rollout.terms = {.delivery = core::Delivery::kPull, .update_at = kNow, .expires_at = kNow + 9h, .computed = computed};
    rollout.phases = std::move(phases);
    must(store->add_rollout(rollout, must(core::parse_filter(filter, core::kDeviceFields)), plan_type, kNow, {}));
  }
  std::vector<std::string> jobs(const std::string& site, const std::string& rollout = "r") {
    std::vector<std::string> out;
    for (const auto& assignment : must(store->load_plan(site)).assignments)
      for (const auto& job : assignment.jobs)
        if (job.id.value().starts_with(rollout)) out.push_back(job.id.value());
    return out;
  }
  void reports(const std::string& site, const std::vector<std::string>& ids, const std::string& state) {
    std::vector<wire::Report> all;
    for (const auto& id : ids) all.push_back(job_report(1, ++seq_, id, state));
    report(site, std::move(all));
  }
  wire::JobView job(const std::string& id) { return must(lists.job(JobId{id})); }
  // The counts that the store keeps are what the jobs say.
  void expect_counts_to_be_true() {
    const auto view = must(lists.rollout(RolloutId{"r1"}));
    std::vector<core::StateCounts> states(view.rollout.phases.size());
    for (const auto& one : must(lists.jobs(RolloutId{"r1"}, {.cursor = {}, .limit = 1000, .filter = {}})).items) ++states.at(one.phase)[one.result.state];
    EXPECT_EQ(view.states, states);
  }
  std::int64_t seq_ = 0;
};

// r1 begins at Lyon an hour after Berlin; meanwhile Lyon got the newer r2.
TEST_F(Overtaken, WhatANewerRolloutHasUpdatedIsNotTakenBackByALaterPhaseOfAnOlderOne) {
  core::PhaseTerms berlin{.share = core::Passing{"site=berlin"}}, lyon;
  berlin.soak = std::chrono::hours{1};
  make("tills", "2", "name~t-*", {berlin, lyon});
  must(store->add_release({"tills-os", "3", {sha('a')}}, kNow, {}));
  make("tills-os", "3", "name~t-* and site=lyon", {core::PhaseTerms{}});
  const auto of_newer = jobs("lyon");
  ASSERT_EQ(of_newer.size(), 10U);
  reports("lyon", of_newer, "succeeded");
  reports("berlin", jobs("berlin"), "succeeded");
  must(store->pass_time(plan_type, kNow + 2h));
  EXPECT_TRUE(jobs("lyon", "r1").empty()) << "r1 has the component of r2 and one more";
  const wire::JobView ended = job("r1-t-11");
  EXPECT_EQ(ended.result.state, core::JobState::kCancelled);
  EXPECT_EQ(ended.result.reason, "superseded");
  EXPECT_EQ(ended.result.sentence, "superseded by r2; app is not updated");
  EXPECT_EQ(rollout_state("r1"), "finished") << "nothing is left to do";
  expect_counts_to_be_true();
}

TEST_F(Overtaken, WhatHasFailedIsNotTriedAgainOverANewerVersion) {
  make("tills", "2", "name~t-*", {core::PhaseTerms{}});
  reports("lyon", jobs("lyon"), "failed");
  make("tills", "2", "name=t-11", {core::PhaseTerms{}});
  reports("lyon", {"r2-t-11"}, "succeeded");
  must(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{}, plan_type, kNow, {}));
  const wire::JobView ended = job("r1.2-t-11");
  EXPECT_EQ(ended.result.sentence, "superseded by r2");
  EXPECT_EQ(ended.past.at(0).result.state, core::JobState::kFailed);
  EXPECT_EQ(job("r1.2-t-13").result.state, core::JobState::kScheduled) << "the newer one is not for it";
  EXPECT_EQ(jobs("lyon", "r1").size(), 9U);
  expect_counts_to_be_true();
}

TEST_F(Overtaken, WhatDidNotFitIsNotSaidAnyMoreOfAnotherExpiry) {
  make("tills", "2", "name=t-11", {core::PhaseTerms{}}, true);
  const server::WhenAsked when = [](const server::SiteWork&) { return kNow; };
  std::vector<server::SiteResult> results;
  for (const auto& work : must(lists.site_works(RolloutId{"r1"}, when, kNow))) {
    server::SiteResult result{.assignment = work.assignment, .asked = work.asked};
    result.planned = server::PlannedSite{.at = kNow};
    result.planned->misfit = "expires_too_soon";
    result.planned->sentence = "It would fit if it expired later.";
    results.push_back(result);
  }
  must(store->save_times(RolloutId{"r1"}, results, kNow));
  ASSERT_EQ(job("r1-t-11").result.reason, "expires_too_soon");
  auto times = must(lists.site_times(RolloutId{"r1"}, {})).items;
  ASSERT_EQ(times.size(), 1U);
  EXPECT_EQ(times[0].assumed, true) << "nobody has measured it";
  wire::RateReport rate;
  rate.device = DeviceId{};
  rate.link = "wan";
  rate.rate = rate.low = 1000;
  rate.samples = 9;
  report("lyon", {{1, ++seq_, kNow, rate}});
  EXPECT_EQ(must(lists.site_times(RolloutId{"r1"}, {})).items.at(0).assumed, false);
  reports("lyon", {"r1-t-11"}, "expired");
  must(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{"ines", "", kNow + 90h}, plan_type, kNow, {}));
  EXPECT_NE(job("r1.2-t-11").result.reason, "expires_too_soon");
  EXPECT_EQ(job("r1.2-t-11").result.sentence.find("would fit"), std::string::npos) << job("r1.2-t-11").result.sentence;
}

}  // namespace
}  // namespace dray::adapters
