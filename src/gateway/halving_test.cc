#include "gateway/halving.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

namespace dray::gateway {
namespace {

// Sends reports until all are taken or set aside, as the reporter does; gives the number of requests.
int send_all(std::size_t count, const std::set<std::size_t>& bad, std::set<std::size_t>& aside) {
  std::deque<std::size_t> waiting;
  for (std::size_t i = 0; i < count; ++i) waiting.push_back(i);
  Halving halving;
  int requests = 0;
  while (!waiting.empty()) {
    const std::size_t n = std::min(halving.most(), waiting.size());
    const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(n);
    ++requests;
    if (std::none_of(waiting.begin(), end, [&](std::size_t i) { return bad.contains(i); })) {
      halving.taken(n);
      waiting.erase(waiting.begin(), end);
    } else if (halving.refused(n)) {
      aside.insert(waiting.front());
      waiting.pop_front();
      halving.set_aside();
    }
  }
  return requests;
}

TEST(Halving, FindsTheOneThatIsRefusedWithAFewRequestsMore) {
  for (const std::size_t count : {1UL, 2UL, 3UL, 7UL, 100UL, 1'000UL, 10'000UL}) {
    int log2 = 0;
    while ((std::size_t{1} << log2) < count) ++log2;
    for (const std::size_t bad : {std::size_t{0}, count / 3, count / 2, count - 1}) {
      std::set<std::size_t> aside;
      const int requests = send_all(count, {bad}, aside);
      EXPECT_EQ(aside, (std::set<std::size_t>{bad})) << bad << " of " << count;
      EXPECT_LE(requests, log2 + 3) << bad << " of " << count;
    }
  }
}

TEST(Halving, SetsAsideNothingButWhatIsRefused) {
  std::set<std::size_t> bad, aside;
  for (std::size_t i = 0; i < 1'000; i += 37) bad.insert(i);
  EXPECT_LE(send_all(1'000, bad, aside), static_cast<int>(bad.size()) * 13 + 1);
  EXPECT_EQ(aside, bad);
  aside.clear();
  EXPECT_EQ(send_all(1'000, {}, aside), 1);
  EXPECT_TRUE(aside.empty());
}

TEST(Halving, PausesGrowToFiveMinutes) {
  using namespace std::chrono_literals;
  EXPECT_EQ(pause_between(0, 1s), 1s);
  EXPECT_EQ(pause_between(1, 1s), 2s);
  EXPECT_EQ(pause_between(8, 1s), 256s);
  for (const int many : {9, 16, 1'000'000}) EXPECT_EQ(pause_between(many, 1s), 5min);
}

}  // namespace
}  // namespace dray::gateway
