#include "ctl/phases.h"

#include <gtest/gtest.h>

namespace dray::ctl {
namespace {

TEST(PhaseBar, ShowsSuccessAndFailureAndNeverHidesAFailure) {
  EXPECT_EQ(bar(0, 0, 10), "[....................]   0%");
  EXPECT_EQ(bar(9, 1, 20), "[#########x..........]  45%");
  EXPECT_EQ(bar(409, 0, 409), "[####################] 100%");
  EXPECT_EQ(bar(0, 1, 1'000'000), "[x...................]   0%");
  EXPECT_EQ(bar(0, 0, 0), "[....................]");
}

TEST(PhaseTable, ShowsWhatIsNeededAndWhatStops) {
  const auto rollout = boost::json::parse(R"({"phases": [
    {"number": 1, "name": "Lab", "state": "succeeded", "judged": 20, "succeeded": 19, "failed": 1, "left_alone": 2, "needs": 19,
     "fails_at": 2, "failure": {"count": 2, "then": "abort"}, "soak": 129600, "approval": false, "approved": null},
    {"number": 2, "name": null, "state": "waiting_approval", "judged": 80, "succeeded": 0, "failed": 0, "left_alone": 0, "needs": null,
     "fails_at": null, "soak": 0, "approval": true, "approved": null}]})");
  EXPECT_EQ(render_phases(rollout),
            "PHASE  STATE             PROGRESS                     SUCCEEDED           FAILED          LEFT "
            "ALONE  THEN\n"
            "1 Lab  succeeded         [###################x]  95%  19 of 20, needs 19  1, aborts at 2  2     "
            "      soaks 36h\n"
            "2      waiting_approval  [....................]   0%  0 of 80             0               0     "
            "      needs approval\n");
}

TEST(ExitStatus, TellsACleanEndFromABadOne) {
  const auto status = [](const char* text) { return exit_status(boost::json::parse(text)); };
  EXPECT_EQ(status(R"({"state": "finished", "failed": 0, "open": 0})"), 0);
  EXPECT_EQ(status(R"({"state": "finished", "failed": 1, "open": 0})"), 6);
  EXPECT_EQ(status(R"({"state": "finished", "failed": 0, "open": 3})"), 6) << "the expiry is over";
  EXPECT_EQ(status(R"({"state": "aborted", "failed": 0, "open": 0})"), 6);
  EXPECT_EQ(status(R"({"state": "paused", "failed": 0, "open": 1})"), 6);
}

}  // namespace
}  // namespace dray::ctl
