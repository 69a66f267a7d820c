// kill -9 of the real programs, at the moment when a machine changes its state: a program logs each change
// before it is saved, the test kills it (or another one) on that line and starts it again. Every run has one
// defined end: updated; or failed, cancelled, expired, with the old version running and reported so. The
// artifact crosses each line once.
//
// All transitions at all three points (before the save, after it, after the actions) are shown in the
// simulator; here it is real processes, real files and sockets, at least once per state of the two machines'
// own tables.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <set>
#include <thread>

#include "core/update/attempt.h"
#include "core/update/job.h"
#include "e2e/kill/kill_run.h"

namespace dray::e2e {
namespace {

std::vector<Case> cases() {
  const std::vector<std::pair<std::string, Way>> job{
      {"Planned", Way::kDeferred},      {"Asked", Way::kStraight},        {"Deferred", Way::kBusyAtFirst},
      {"Ready", Way::kStraight},        {"Transmitting", Way::kStraight}, {"Installing", Way::kStraight},
      {"Backoff", Way::kDownloadFails}, {"Cancelling", Way::kCancelled},  {"Succeeded", Way::kStraight},
      {"Failed", Way::kOneTryFails},    {"Cancelled", Way::kCancelled},   {"Expired", Way::kExpires}};
  std::vector<Case> out;
  for (const auto& [phase, way] : job)
    for (const Who victim : {Who::kGateway, Who::kServer})
      out.push_back({victim, Who::kGateway, "job", {phase}, way});
  out.push_back({Who::kGateway, Who::kGateway, "job", {"Restarting"}, Way::kForeign});
  out.push_back({Who::kGateway, Who::kGateway, "job", {"Incompatible"}, Way::kMisfit});
  for (const char* phase : {"offered", "downloading", "verifying", "holding", "announcing", "installing",
                            "installed", "restarting", "verifying_boot", "committed"})
    out.push_back({Who::kAgent, Who::kAgent, "attempt", {phase}, Way::kStraight});
  // The start that follows a kill leads from deferring to idle.
  out.push_back({Who::kAgent, Who::kAgent, "attempt", {"deferring", "idle"}, Way::kBusyAtFirst});
  out.push_back({Who::kAgent, Who::kAgent, "attempt", {"waiting"}, Way::kWaits});
  out.push_back({Who::kAgent, Who::kAgent, "attempt", {"reverting"}, Way::kUnhealthy});
  out.push_back({Who::kAgent, Who::kAgent, "attempt", {"rolled_back"}, Way::kUnhealthy});
  out.push_back({Who::kAgent, Who::kAgent, "attempt", {"failed"}, Way::kDownloadFails});
  out.push_back({Who::kAgent, Who::kAgent, "attempt", {"cancelled"}, Way::kCancelled});
  out.push_back({Who::kAgent, Who::kGateway, "job", {"Transmitting"}, Way::kStraight});
  out.push_back({Who::kGateway, Who::kAgent, "attempt", {"downloading"}, Way::kStraight});
  return out;
}

// All cases that were asked for, some at a time: they mostly wait for polls, retries and starts of programs.
class Runs {
 public:
  using Found = testing::TestPartResultArray;

  Runs() {
    for (const Case& one : cases())
      if (asked_for(name_of(one))) todo_.push_back(one);
    for (const Case& one : todo_) results_[name_of(one)];
    for (std::size_t i = 0; i < kAtATime; ++i) threads_.emplace_back([this] { work(); });
  }
  std::unique_ptr<Found> wait_for(const std::string& name) { return results_.at(name).get_future().get(); }

 private:
  static constexpr std::size_t kAtATime = 6;

  static bool asked_for(const std::string& name) {
    const auto& unit = *testing::UnitTest::GetInstance();
    for (int i = 0; i < unit.total_test_suite_count(); ++i)
      for (int j = 0; j < unit.GetTestSuite(i)->total_test_count(); ++j) {
        const auto* test = unit.GetTestSuite(i)->GetTestInfo(j);
        if (test->should_run() && std::string{test->name()}.ends_with("/" + name)) return true;
      }
    return false;
  }
  void work() {
    for (std::size_t i = next_++; i < todo_.size(); i = next_++) {
      auto found = std::make_unique<Found>();
      {
        testing::ScopedFakeTestPartResultReporter mine{
            testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, found.get()};
        try {
          const bool alone = todo_[i].way == Way::kForeign || todo_[i].way == Way::kMisfit;
          alone ? play_gateway_alone(todo_[i]) : play_with_everything(todo_[i]);
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
        }
      }
      results_.at(name_of(todo_[i])).set_value(std::move(found));
    }
  }

  std::vector<Case> todo_;
  std::map<std::string, std::promise<std::unique_ptr<Found>>> results_;
  std::atomic<std::size_t> next_{0};
  std::vector<std::jthread> threads_;
};

// The first test starts them all; each waits for its own and tells what it found.
class Kill : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { runs_ = std::make_unique<Runs>(); }
  static void TearDownTestSuite() { runs_.reset(); }
  static inline std::unique_ptr<Runs> runs_;
};

TEST_P(Kill, HasItsDefinedEndAndNothingCrossesALineTwice) {
  const auto found = runs_->wait_for(name_of(GetParam()));
  for (int i = 0; i < found->size(); ++i) {
    const auto& one = found->GetTestPartResult(i);
    if (one.failed()) ADD_FAILURE_AT(one.file_name(), one.line_number()) << one.message();
  }
}

INSTANTIATE_TEST_SUITE_P(EveryState, Kill, testing::ValuesIn(cases()),
                         [](const auto& test) { return name_of(test.param); });

template <class Rows>
std::set<std::string> phases_of(const Rows& rows) {
  std::set<std::string> out;
  for (const auto& row : rows) out.insert({std::string{row.from}, std::string{row.to}});
  return out;
}

TEST(KillCases, CoverEveryPhaseOfTheMachinesOwnTables) {
  std::map<std::string, std::set<std::string>> covered;
  for (const Case& one : cases()) covered[one.machine].insert(one.phases.begin(), one.phases.end());
  EXPECT_EQ(covered["job"], phases_of(core::job_transitions()));
  EXPECT_EQ(covered["attempt"], phases_of(core::attempt::transitions()));
}

}  // namespace
}  // namespace dray::e2e
