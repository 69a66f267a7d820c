#include "agent/state.h"

#include <gtest/gtest.h>

#include "wire/odd_values_testing.h"

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
                                  Offered{order.action, true},
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
  EXPECT_EQ(phases.size(), std::variant_size_v<Phase> + 1);
  for (const Phase& phase : phases) {
    const Attempt attempt{phase, {{part.sha256.hex(), 4'999'999'999}}, 3, {}, ActionId{102}};
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

// Words of installers, checks and people in every place that holds some.
TEST(AgentState, NoTextMakesItUnreadable) {
  const Part part{"os", "1", *Sha256::parse(std::string(64, 'b')), "", 5, "http://gw/x"};
  const Order order{ActionId{101}, {part}, false};
  for (const std::string& text : wire::testing::odd_texts()) {
    const std::vector<Phase> phases{Waiting{order.action, text, Duration{59'000}},
                                    Deferring{order.action, AnswerKind::kDefer, text},
                                    Holding{order, text},
                                    Installing{order, text},
                                    Reverting{order, text, text, true},
                                    RolledBack{order, text, {}},
                                    Failed{order, text},
                                    Cancelled{order.action, text, text, {}}};
    for (const Phase& phase : phases) {
      Attempt attempt{phase, {}, 3};
      attempt.word = Word{AnswerKind::kBusy, order.action, text, text, {}};
      const std::string written = encode_state(attempt);
      const auto again = decode_state(written);
      ASSERT_TRUE(again) << phase_name(phase) << ": " << again.error().message();
      EXPECT_EQ(encode_state(*again), written);
    }
  }
}

// A hundred parts, whose addresses are of the length that is taken, and of what is escaped in JSON.
TEST(AgentState, TheLargestOrderFits) {
  Part part{std::string(wire::kLongestTitle, '\x01'), std::string(512, '\x01'), *Sha256::parse(std::string(64, 'b')), "",
            5, std::string(wire::kLongestLink, '\x01')};
  const Attempt attempt{Downloading{{ActionId{101}, std::vector<Part>(100, part), false}, 0}, {}, 3};
  const std::string written = encode_state(attempt);
  EXPECT_LT(written.size(), std::size_t{4} << 20);
  const auto again = decode_state(written);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, attempt);
}

TEST(AgentState, NumbersOfEveryPhaseHaveBounds) {
  const Part part{"os", "1", *Sha256::parse(std::string(64, 'b')), "", 5, "http://gw/x"};
  Attempt attempt{Downloading{{ActionId{101}, {part}, false}, 0}, {{"x", 7}}, 3};
  attempt.word = Word{AnswerKind::kBusy, ActionId{101}, "ines", "", Duration{59'000}};
  for (const Phase& phase : std::vector<Phase>{attempt.phase, Waiting{ActionId{101}, "", Duration{59'000}}}) {
    attempt.phase = phase;
    for (const std::string& number : wire::testing::hostile_numbers())
      wire::testing::with_each_leaf(
          encode_state(attempt), [](const auto& v) { return v.is_number(); }, number, [](const auto& text, const auto& path) {
            const auto read = decode_state(text);
            if (!read) return;
            EXPECT_TRUE(decode_state(encode_state(*read))) << path << " in " << text;
            for (const Event& event : std::vector<Event>{Started{}, Passed{Duration{60'000}}, Tidied{}})
              EXPECT_TRUE(decode_state(encode_state(advance(*read, event, {"b", {}}).next))) << path;
          });
  }
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
