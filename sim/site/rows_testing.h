// What the two tests of machines' tables share: a row of a table, by its name and the point of the cut.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace dray::sim {

inline constexpr std::uint64_t kSeed = 20261124;
using Row = std::pair<std::string, int>;  // "Ready Feedback Backoff", the point

inline std::string name_of(std::string_view from, std::string_view event, std::string_view to) {
  return std::string{from} + " " + std::string{event} + " " + std::string{to};
}

// Of the running test, so far.
inline int failures() {
  return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
}

}  // namespace dray::sim
