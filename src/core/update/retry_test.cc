#include "core/update/retry.h"

#include <gtest/gtest.h>

#include <limits>

namespace dray::core {
namespace {

using std::chrono::seconds;

TEST(Retry, DoublesTheLongestWaitUpToTheCap) {
  const RetryTimes times;
  const int expected[] = {5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600};
  for (int n = 1; n <= 12; ++n) EXPECT_EQ(longest_backoff(times, n), Duration{seconds{expected[n - 1]}}) << n;
  EXPECT_EQ(longest_backoff(times, std::numeric_limits<int>::max()), Duration{seconds{3600}});
  EXPECT_EQ(longest_backoff(times, 0), Duration{seconds{5}});
}

TEST(Retry, SpreadsEvenlyFromNothingToTheLongest) {
  const RetryTimes times;
  EXPECT_EQ(backoff(times, 3, 0), Duration{0});
  EXPECT_EQ(backoff(times, 3, 0.25), Duration{5000});
  EXPECT_LT(backoff(times, 3, 0.999), Duration{seconds{20}});
  for (const double wrong : {-1.0, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_GE(backoff(times, 3, wrong), Duration{0});
    EXPECT_LE(backoff(times, 3, wrong), Duration{seconds{20}});
  }
}

TEST(Retry, TakesStrangeTimesAsTheyAre) {
  EXPECT_EQ(longest_backoff({seconds{100}, seconds{10}}, 1), Duration{seconds{10}});
  EXPECT_EQ(longest_backoff({seconds{0}, seconds{10}}, 9), Duration{0});
  EXPECT_EQ(longest_backoff({seconds{-5}, seconds{-1}}, 9), Duration{0});
  EXPECT_EQ(longest_backoff({seconds{5}, std::chrono::hours{24 * 365 * 1000}}, 200),
            std::chrono::hours{24 * 365 * 1000});
}

TEST(Retry, CountsTheFirstAttemptToTheLimit) {
  EXPECT_FALSE(is_last_attempt({}, 1'000'000));
  EXPECT_TRUE(is_last_attempt({1}, 1));
  EXPECT_FALSE(is_last_attempt({3}, 2));
  EXPECT_TRUE(is_last_attempt({3}, 3));
}

}  // namespace
}  // namespace dray::core
