#include "agent/state.h"

#include <gtest/gtest.h>

namespace dray::agent {
namespace {

using namespace core::attempt;

TEST(AgentState, EveryPhaseComesBackAsItWas) {
  const Part part{"os",          "6.1.0-9",    *Sha256::parse(std::string(64, 'b')), std::string(40, 'a'),
                  5'000'000'000, "http://gw/x"};
  const Part no_sha256{"app", "4", {}, std::string(40, 'c'), 12, "http://gw/y"};
  const Order order{ActionId{101}, {part, no_sha256}, true};
  const std::vector<Phase> phases{Idle{},
                                  Offered{order.action},
                                  Waiting{order.action, "in use", Duration{59'000}},
                                  Deferring{order.action, AnswerKind::kDefer, "in \"use\""},
                                  Downloading{order, 1},
                                  Verifying{order, 1},
                                  Holding{order, "busy"},
                                  Announcing{order},
                                  Installing{order, "b"},
                                  Installed{order, "b"},
                                  Restarting{order, "b"},
                                  VerifyingBoot{order},
                                  Reverting{order, "why", "b", true},
                                  Committed{order, {true, false}},
                                  RolledBack{order, "why", {false, true}},
                                  Failed{order, "why"},
                                  Cancelled{order.action, "ines", "why", {true, true}}};
  EXPECT_EQ(phases.size(), std::variant_size_v<Phase>);
  for (const Phase& phase : phases) {
    const Attempt attempt{phase, {{part.sha256.hex(), 4'999'999'999}}, 3};
    const auto again = decode_state(encode_state(attempt));
    ASSERT_TRUE(again) << phase_name(phase) << ": " << again.error().message();
    EXPECT_EQ(*again, attempt) << phase_name(phase);
  }
}

TEST(AgentState, TheOperatorsWordComesBackAsItWas) {
  for (const auto& word : {Word{AnswerKind::kReady, ActionId{101}, "ines", "", {}},
                           Word{AnswerKind::kDefer, {}, "ines (alex)", "stocktaking", Duration{7'200'000}}}) {
    Attempt attempt;
    attempt.word = word;
    const auto again = decode_state(encode_state(attempt));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->word, attempt.word);
  }
  EXPECT_TRUE(
      decode_state(R"({"version":1,"phase":"idle","data":{},"spool":{},"starts":0})"));  // of an older agent
}

TEST(AgentState, RefusesWhatItDoesNotUnderstand) {
  EXPECT_FALSE(decode_state(""));
  EXPECT_FALSE(decode_state(R"({"version":2,"phase":"idle","data":{},"spool":{},"starts":0})"));
  EXPECT_FALSE(decode_state(R"({"version":1,"phase":"dreaming","data":{},"spool":{},"starts":0})"));
  EXPECT_FALSE(decode_state(
      R"({"version":1,"phase":"verifying","data":{"order":{"action":1,"hold":false,"parts":[]},"part":0},"spool":{},"starts":0})"));
}

}  // namespace
}  // namespace dray::agent
