// Phases in requests: what is wrong is named with its place and its limit.
#include <gtest/gtest.h>

#include "wire/admin_api.h"

namespace dray::wire {
namespace {

std::string rollout_with(const std::string& phases) {
  return R"({"release": "till/2", "delivery": "pull", "update_at": "2026-11-24T22:00:00Z",
            "expires_at": "2026-11-25T22:00:00Z", "phases": )" +
         phases + "}";
}
std::string flaw_in(const std::string& phases) {
  const auto decoded = decode_rollout(rollout_with(phases));
  return decoded ? "" : decoded.error().message();
}

TEST(RolloutPhasesInRequests, AreReadWholeAndWrittenTheSame) {
  const auto decoded = decode_rollout(rollout_with(
      R"([{"name": "Lab", "filter": "site=lab", "success": {"percent": 95}, "failure": {"count": 1, "then": "abort"}, "soak": 60},
          {"percent": 2.5, "success": {"count": 3}, "approval": true}, {"count": 7}, {}])"));
  ASSERT_TRUE(decoded) << decoded.error().message();
  const auto& phases = decoded->phases;
  ASSERT_EQ(phases.size(), 4u);
  EXPECT_EQ(phases[0].name, "Lab");
  EXPECT_EQ(phases[0].share, core::Share{core::Passing{"site=lab"}});
  EXPECT_EQ(phases[0].on_failure, core::OnFailure::kAbort);
  EXPECT_EQ(phases[0].soak, std::chrono::seconds{60});
  EXPECT_EQ(phases[1].share, core::Share{core::Percent{250}});
  EXPECT_TRUE(phases[1].approval);
  EXPECT_EQ(phases[3].share, core::Share{core::WhatIsLeft{}});
  EXPECT_TRUE(decoded->late_joiners);
  for (const auto& phase : phases) {
    const json::value written = encode_phase(phase);
    EXPECT_EQ(decode_phase(Node{written, ""}), phase) << to_text(written);
  }
}

TEST(RolloutPhasesInRequests, LeftOutAreOnePhaseOfEveryDevice) {
  const auto decoded = decode_rollout(rollout_with("null"));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->phases, std::vector<core::PhaseTerms>{core::PhaseTerms{}});
}

TEST(RolloutPhasesInRequests, SayWhatIsWrongWhereAndWhatIsAllowed) {
  EXPECT_EQ(flaw_in("[]"), "phases: must hold at least one; leave it out for a rollout of one phase");
  EXPECT_EQ(flaw_in(R"([{"percent": 60}, {"percent": 40.01}])"),
            "phases: has percentages that add up to 100.01, at most 100")
      << flaw_in(R"([{"percent": 60}, {"percent": 40.01}])");
  EXPECT_EQ(flaw_in(R"([{"percent": 0}, {}])"),
            "phases[0].percent: must lie between 0.01 and 100, with at most two decimals");
  EXPECT_EQ(flaw_in(R"([{"percent": 1.234}, {}])"),
            "phases[0].percent: must lie between 0.01 and 100, with at most two decimals");
  EXPECT_EQ(flaw_in(R"([{"percent": 5, "count": 3}, {}])"),
            "phases[0]: must have at most one of filter, percent and count");
  EXPECT_EQ(flaw_in(R"([{}, {}])"),
            "phases[0]: must have one of filter, percent and count: only the last phase takes what is left");
  EXPECT_EQ(flaw_in(R"([{"count": 5}, {"soak": 5}])"),
            "phases[1].soak: must be 0 in the last phase: nothing follows it");
  EXPECT_EQ(flaw_in(R"([{"count": 5, "success": {"count": 6}}, {}])"),
            "phases[0].success.count: is more than the phase's 5 devices");
  EXPECT_EQ(flaw_in(R"([{"count": 5, "failure": {}}, {}])"),
            "phases[0].failure: must have one of percent and count");
  EXPECT_EQ(flaw_in(R"([{"count": 5, "failure": {"count": 1, "then": "cry"}}, {}])"),
            "phases[0].failure.then: must be one of pause, abort");
  EXPECT_EQ(flaw_in(R"([{"filter": "colour=red"}, {}])").substr(0, 35), "phases[0].filter: at character 1: n");
  EXPECT_NE(flaw_in(R"([{"count": 5, "sucess": {"count": 1}}, {}])").find("sucess"), std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 50; ++i) many += R"({"count": 1}, )";
  EXPECT_NE(flaw_in(many + "{}]").find("50"), std::string::npos);
}

TEST(RolloutPhasesInRequests, AnApprovalSaysWhoGivesIt) {
  EXPECT_EQ(decode_approval("").error().message(), "by: is missing");
  EXPECT_EQ(decode_approval(R"({"by": ""})").error().message(),
            "by: must not be empty: an approval is recorded with who gave it");
  const auto approval = decode_approval(R"({"by": "kim", "phase": 2})");
  ASSERT_TRUE(approval);
  EXPECT_EQ(approval->phase, 1u);
  EXPECT_FALSE(decode_approval(R"({"by": "kim", "phase": 0})"));
}

}  // namespace
}  // namespace dray::wire
