// What one site says of its lines and devices, and what others are planned with; and shares for lines that
// nobody has seen at their own rate.
#include "server/planned_fleet_testing.h"

namespace dray::server {
namespace {

using namespace testing_fleet;
using namespace std::chrono_literals;

constexpr std::uint64_t kSiblingImage = 60'000'000;

class PlanningSiblings : public ::testing::Test, protected PlannedFleet {
 protected:
  void quick_site(const std::string& name) {
    site(name);
    device(name + "-1", name);
    rates(name, 100'000, 1'000'000, {name + "-1"});
  }
  // One update there takes so long by the clock of its gateway.
  void installs(const RolloutId& rollout, const std::string& name, Duration took) {
    wire::JobReport body;
    body.job = JobId{rollout.value() + "-" + name + "-1"};
    body.attempt = 1;
    body.state = core::JobState::kInstalling;
    report(name, {body});
    now += took;
    body.state = core::JobState::kSucceeded;
    report(name, {body});
    now -= took;
  }
};

// M5
TEST_F(PlanningSiblings, AClockThatIsFarOffAtOneSiteDoesNotMakeDevicesSlowAtOthers) {
  const std::vector<std::string> honest{"berlin", "lyon", "oslo"};
  for (const auto& name : honest) quick_site(name);
  quick_site("liar");
  release("1", 10);
  const RolloutId first = start(rollout("1", core::Delivery::kPull, 2h));
  pass();
  for (const auto& name : honest) installs(first, name, 4min);
  installs(first, "liar", 23h);
  quick_site("new");
  release("2", kSiblingImage);
  const RolloutId id = start(rollout("2", core::Delivery::kPull, 48h));
  pass();
  for (const std::string name : {"berlin", "lyon", "oslo", "new"})
    EXPECT_EQ(times(id, name).finish_at, now + 10min + 1min + 4min) << name;
  EXPECT_EQ(times(id, "liar").finish_at, now + 10min + 1min + 32min) << "its own word, within bounds";

  wire::SiteView view = must(lists.site("liar"));
  ASSERT_EQ(view.far_off.size(), 1u);
  wire::describe_site(view, now);
  EXPECT_NE(view.sentence.find("a till takes 23 h to install, at other sites 4 min"), std::string::npos) << view.sentence;
  EXPECT_TRUE(must(lists.site("berlin")).far_off.empty());
}

TEST_F(PlanningSiblings, AClockThatIsSetInTheMiddleOfAnInstallationTeachesNothing) {
  quick_site("berlin");
  release("1", 10);
  const RolloutId first = start(rollout("1", core::Delivery::kPull, 2h));
  pass();
  installs(first, "berlin", 24h * 200);
  release("2", kSiblingImage);
  const RolloutId id = start(rollout("2", core::Delivery::kPull, 48h));
  pass();
  EXPECT_EQ(times(id, "berlin").finish_at, now + 10min + 1min + 2min);
}

// M5, M11
TEST_F(PlanningSiblings, ARateThatOneSiteMadeUpIsNobodyElses) {
  for (const std::string name : {"berlin", "lyon", "oslo"}) quick_site(name);
  site("liar");
  device("liar-1", "liar");
  rates("liar", 1, 1, {"liar-1"});
  site("new");
  device("new-1", "new");
  release("2", kSiblingImage);
  const RolloutId id = start(rollout("2", core::Delivery::kPull, 48h));
  pass();
  EXPECT_EQ(times(id, "new").rate, 50'000u) << "half the median";
  EXPECT_EQ(times(id, "new").misfit, "");
}

TEST_F(PlanningSiblings, ALineThatNobodyHasSeenFindsOutWithinTheBudgetHowQuickItIs) {
  egress.rate = BytesPerSecond{12'500'000};  // 100 Mbit/s
  site("berlin");
  device("berlin-1", "berlin");
  release("2", 4'000'000'000);
  start(rollout("2", core::Delivery::kPull, 48h));
  std::uint64_t share = 125'000;
  for (int step = 0; step < 3; ++step) {
    pass();
    const auto limits = plan("berlin").limits.wan;
    ASSERT_FALSE(limits.empty());
    EXPECT_GE(limits.front().rate, std::min<std::uint64_t>(4 * share, 12'500'000 / 2)) << "step " << step;
    EXPECT_LE(limits.front().rate, 12'500'000u);
    share = limits.front().rate;
    now += 5min;
    std::vector<wire::ReportBody> seen;
    for (int hour = 0; hour < core::kHoursOfWeek; ++hour) {
      wire::RateReport body;
      body.link = "wan";
      body.hour_of_week = hour;
      body.rate = body.low = share;
      body.samples = 50;
      body.capped = true;
      seen.emplace_back(body);
    }
    report("berlin", std::move(seen));
  }
  EXPECT_GE(share, 6'000'000u);
}

// Whoever asks first is told what he would be told later.
TEST_F(PlanningSiblings, PhasesThatWouldBeRefusedAreNotPlanned) {
  quick_site("berlin");
  release("2", kSiblingImage);
  const auto filter = must(core::parse_filter("", core::kDeviceFields));
  const auto refusal = [&](const wire::NewRollout& wanted) {
    Scheduler scheduler{zones, egress, now};
    const auto asked = lists.what_if(wanted, filter, plan_type,
                                     [&](const SiteWork& work) { return scheduler.when(work); }, now);
    const auto made = store->add_rollout(wanted, filter, plan_type, now, {});
    EXPECT_FALSE(made);
    EXPECT_TRUE(!asked && !made && asked.error().message() == made.error().message());
    return asked ? std::string{} : asked.error().message();
  };
  wire::NewRollout wanted = rollout("2", core::Delivery::kPull, 48h);
  wanted.phases = {{.share = core::Percent{2500}}, {.share = core::Percent{2500}}};
  EXPECT_NE(refusal(wanted), "");
  wanted.phases = {{.share = core::Passing{"name = 'nobody'"}}, {.share = core::Percent{10'000}}};
  EXPECT_NE(refusal(wanted), "");
}

}  // namespace
}  // namespace dray::server
