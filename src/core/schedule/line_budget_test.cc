#include "core/schedule/line_budget.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

TEST(LineBudget, AFewLinesAboutOneSubjectAndThenTheyAreCounted) {
  LineBudget budget;
  SteadyTime now{1h};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.ask("till-1", now += 1s).may) << i;
  const auto first = budget.ask("till-1", now);
  EXPECT_FALSE(first.may);
  EXPECT_TRUE(first.begins);
  EXPECT_FALSE(budget.ask("till-1", now).begins) << "said once";
  EXPECT_TRUE(budget.ask("till-2", now).may) << "others are not hidden by it";
  const auto later = budget.ask("till-1", now + 1h);
  EXPECT_TRUE(later.may);
  EXPECT_EQ(later.left_out, 2);
  EXPECT_EQ(budget.ask("till-1", now + 1h).left_out, 0);
}

TEST(LineBudget, ManyNamesAreNoWayAroundIt) {
  LineBudget budget{{.of_one = 3, .of_all = 50, .within = 1h}};
  int said = 0;
  for (int i = 0; i < 100'000; ++i) said += budget.ask("name-" + std::to_string(i), SteadyTime{Duration{i}}).may ? 1 : 0;
  EXPECT_EQ(said, 50);
  EXPECT_EQ(budget.ask("late", SteadyTime{2h}).left_out, 99'950);
}

TEST(LineBudget, WhatIsRareIsAlwaysSaid) {
  LineBudget budget;
  for (int i = 0; i < 1'000; ++i) {
    const auto answer = budget.ask("till-1", SteadyTime{10min * i});
    EXPECT_TRUE(answer.may);
    EXPECT_EQ(answer.left_out, 0);
  }
}

}  // namespace
}  // namespace dray::core
