#include "core/schedule/transfer_meter.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "core/schedule/token_bucket.h"

namespace dray::core {
namespace {

SteadyTime at_ms(std::int64_t ms) { return SteadyTime{Duration{1'000'000 + ms}}; }

// All pieces of a body that moves as `events` say: (ms, total).
std::vector<RatePiece> measure(TransferMeter::Settling settling,
                               const std::vector<std::pair<int, std::uint64_t>>& events) {
  TransferMeter meter{settling, at_ms(0)};
  std::vector<RatePiece> out;
  for (const auto& [ms, total] : events)
    if (const auto piece = meter.progress(at_ms(ms), total)) out.push_back(*piece);
  if (const auto piece = meter.end()) out.push_back(*piece);
  return out;
}

double rate(const RatePiece& piece) {
  return static_cast<double>(piece.bytes) * 1000 / static_cast<double>(piece.took.count());
}

TEST(TransferMeter, CutsALongBodyIntoPiecesOfFiveSeconds) {
  std::vector<std::pair<int, std::uint64_t>> events;
  for (int ms = 1000; ms <= 13'000; ms += 10)
    events.emplace_back(ms, static_cast<std::uint64_t>(ms - 990) * 1000);
  const auto pieces = measure(TransferMeter::kReceiving, events);
  ASSERT_EQ(pieces.size(), 3u);
  for (const auto& piece : pieces) EXPECT_NEAR(rate(piece), 1e6, 1e3);
  EXPECT_GE(pieces[0].took, kRatePiece);
  EXPECT_LT(pieces[0].took, kRatePiece + Duration{20});
}

TEST(TransferMeter, TheWaitForTheFirstByteAndTheSilenceAtTheEndDoNotCount) {
  TransferMeter meter{TransferMeter::kReceiving, at_ms(0)};
  for (int i = 0; i <= 100; ++i)
    (void)meter.progress(at_ms(9'000 + i * 10), static_cast<std::uint64_t>(10'000 + i * 10'000));
  const auto piece = meter.end();  // the connection was given up half a minute later
  ASSERT_TRUE(piece);
  EXPECT_EQ(*piece, (RatePiece{1'000'000, Duration{1'000}, false}));
}

TEST(TransferMeter, AStandstillWithinABodyCounts) {
  const auto pieces =
      measure(TransferMeter::kReceiving, {{0, 100'000}, {100, 200'000}, {4'100, 300'000}, {4'200, 400'000}});
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0], (RatePiece{300'000, Duration{4'200}, false}));
}

TEST(TransferMeter, ABodyThatABufferSwallowsSaysNothing) {
  EXPECT_TRUE(measure(TransferMeter::kSending, {{0, 60'000}, {1, 1'000'000}, {2, 3'000'000}}).empty());
  EXPECT_TRUE(measure(TransferMeter::kReceiving, {{0, 8'000}, {80, 9'000}}).empty());  // tiny
  EXPECT_TRUE(measure(TransferMeter::kReceiving, {{0, 500'000}}).empty());
  EXPECT_TRUE(measure(TransferMeter::kReceiving, {}).empty());
}

// 2 MB go into the buffer at once; then it gives room for 600 kB at a time, as the device takes them at 400
// kB/s.
TEST(TransferMeter, SeesThroughTheBufferOfTheKernel) {
  std::vector<std::pair<int, std::uint64_t>> events{{0, 500'000}, {1, 1'500'000}, {2, 2'000'000}};
  for (int i = 1; i <= 12; ++i) {
    const auto total = static_cast<std::uint64_t>(2'000'000 + i * 600'000);
    events.emplace_back(i * 1500, total - 300'000);
    events.emplace_back(i * 1500 + 1, total);
  }
  for (const auto& piece : measure(TransferMeter::kSending, events)) EXPECT_NEAR(rate(piece), 400'000, 4'000);
  EXPECT_GE(measure(TransferMeter::kSending, events).size(), 2u);
}

TEST(TransferMeter, TheLastBytesOfABodyDoNotFillTheBufferAndDoNotCount) {
  std::vector<std::pair<int, std::uint64_t>> events{{0, 4'000'000}};
  for (int i = 1; i <= 3; ++i)
    events.emplace_back(i * 333, static_cast<std::uint64_t>(4'000'000 + i * 1'333'000));
  events.emplace_back(1'332, 8'000'000);
  const auto pieces = measure(TransferMeter::kSending, events);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_NEAR(rate(pieces[0]), 4e6, 0.01e6);
}

TEST(TransferMeter, AStreamThatNeverPausesIsMeasuredToo) {
  std::vector<std::pair<int, std::uint64_t>> events;
  for (int ms = 1; ms <= 12'000; ++ms) events.emplace_back(ms, static_cast<std::uint64_t>(ms) * 120'000);
  const auto pieces = measure(TransferMeter::kSending, events);
  ASSERT_GE(pieces.size(), 2u);
  for (const auto& piece : pieces) EXPECT_NEAR(rate(piece), 120e6, 2e6);
}

TEST(TransferMeter, OnlyThePieceThatOurCapHeldBackIsTheCaps) {
  TransferMeter meter{TransferMeter::kReceiving, at_ms(0)};
  std::vector<RatePiece> pieces;
  for (int ms = 10; ms <= 12'000; ms += 10) {
    if (ms == 1'000) meter.hold();
    if (const auto piece = meter.progress(at_ms(ms), static_cast<std::uint64_t>(ms) * 1000))
      pieces.push_back(*piece);
  }
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_TRUE(pieces[0].capped);
  EXPECT_FALSE(pieces[1].capped);
}

TEST(TransferMeter, TotalOverNonsense) {
  EXPECT_TRUE(rc::check([] {
    TransferMeter meter{*rc::gen::element(TransferMeter::kReceiving, TransferMeter::kSending), at_ms(0)};
    const auto check = [](const std::optional<RatePiece>& piece) {
      if (piece) RC_ASSERT((piece->bytes > 0 && piece->took > Duration{0}));
    };
    const auto events =
        *rc::gen::container<std::vector<std::pair<std::int64_t, std::uint64_t>>>(rc::gen::pair(
            rc::gen::inRange<std::int64_t>(-1000, 100'000), rc::gen::inRange<std::uint64_t>(0, 1ULL << 40)));
    for (const auto& [ms, total] : events) check(meter.progress(at_ms(ms), total));
    check(meter.end());
  }));
}

TEST(TokenBucket, WithoutACapEverythingMayGo) {
  TokenBucket bucket;
  bucket.set_rate(0, at_ms(0));
  bucket.spend(1'000'000'000);
  EXPECT_EQ(bucket.allowance(at_ms(1)), TokenBucket::kUnlimited);
  EXPECT_EQ(bucket.free_at(at_ms(1)), at_ms(1));
}

TEST(TokenBucket, HoldsTheCapOverManyPiecesAndWithSmallOnes) {
  for (const std::uint64_t cap : {20'000ULL, 1'000'000ULL, 300'000'000ULL})
    for (const std::uint64_t piece : {cap / 10'000 + 1, std::uint64_t{16'384}, std::uint64_t{65'536}}) {
      TokenBucket bucket;
      SteadyTime now = at_ms(0);
      std::uint64_t sent = 0;
      while (now < at_ms(20'000)) {
        bucket.set_rate(cap, now);
        bucket.spend(piece);
        sent += piece;
        now = bucket.free_at(now);
      }
      EXPECT_LE(static_cast<double>(sent), static_cast<double>(cap) * 20.2 + static_cast<double>(piece))
          << cap << " " << piece;
      EXPECT_GE(static_cast<double>(sent), static_cast<double>(cap) * 18) << cap << " " << piece;
    }
}

TEST(TokenBucket, WhatWentBeforeACapBeganIsNoDebtUnderIt) {
  TokenBucket bucket;
  bucket.set_rate(0, at_ms(0));
  bucket.spend(10'000'000'000);
  bucket.set_rate(1'000'000, at_ms(1'000));
  EXPECT_EQ(bucket.allowance(at_ms(1'000)), 0u);
  EXPECT_EQ(bucket.allowance(at_ms(1'100)), 100'000u);
  EXPECT_EQ(bucket.allowance(at_ms(900'000)), 200'000u);  // the largest burst
}

TEST(TokenBucket, ALowerCapHoldsAtOnce) {
  TokenBucket bucket;
  bucket.set_rate(1'000'000, at_ms(0));
  EXPECT_EQ(bucket.allowance(at_ms(1'000)), 200'000u);
  bucket.set_rate(10'000, at_ms(1'000));
  EXPECT_EQ(bucket.allowance(at_ms(1'000)), 2'000u);
}

}  // namespace
}  // namespace dray::core
