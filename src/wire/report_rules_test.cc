#include "wire/report_rules.h"

#include <gtest/gtest.h>

#include <limits>

namespace dray::wire {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

Report job(std::int64_t epoch, std::int64_t seq, std::int64_t step, std::int64_t attempt) {
  JobReport body;
  body.job = JobId{"r1-till-1"};
  body.state = "scheduled";
  body.step = step;
  body.attempt = attempt;
  return {epoch, seq, {}, body};
}

TEST(ReportRules, HostileNumbersAreRefusedAndNamed) {
  struct Row {
    Report report;
    std::string why;  // its beginning; empty: taken
  };
  const Row rows[] = {
      {job(3, 8, 0, 1), ""},
      {job(4, 1, 0, 1'000'000), ""},
      {job(1'003, 1, 0, 1), ""},
      {job(2, 1, 0, 1), ""},
      {job(3, kMostInteger, 0, 1), ""},
      {job(1'004, 1, 0, 1), "epoch: 1004 is more than 1000 above 3"},
      {job(kHuge, 1, 0, 1), "epoch: "},
      {job(-1, 1, 0, 1), "epoch: "},
      {job(std::numeric_limits<std::int64_t>::min() + 3, 1, 0, 1), "epoch: "},
      {job(3, kHuge, 0, 1), "seq: "},
      {job(3, -1, 0, 1), "seq: "},
      {job(3, 8, 0, 1'000'001), "attempt: 1000001 must lie between 0 and 1000000"},
      {job(3, 8, 0, kHuge), "attempt: "},
      {job(3, 8, 0, -1), "attempt: "},
      {job(3, 8, kHuge, 1), "step: "},
      {{3, 8, {}, LogReport{JobId{"j"}, kHuge, {}}}, "attempt: "},
      {{3, 8, {}, UnknownReport{"new"}}, ""},
  };
  for (const Row& row : rows) {
    const auto why = refusal_of(row.report, {3, 7});
    EXPECT_EQ(why.has_value(), !row.why.empty())
        << row.report.epoch << " " << row.report.seq << " " << row.why;
    if (why) {
      EXPECT_TRUE(why->starts_with(row.why)) << *why;
    }
  }
}

TEST(ReportRules, AStateOrALinkThatIsNotKnownDecidesNothing) {
  Report report = job(3, 8, 0, 1);
  auto& body = std::get<JobReport>(report.body);
  for (const char* known : {"idle", "scheduled", "waiting_window", "waiting_gateway", "waiting_confirm", "deferred",
                            "downloading", "downloaded", "installing", "rebooting", "verifying", "succeeded", "failed",
                            "rolled_back", "cancelled", "expired", "incompatible"}) {
    body.state = known;
    EXPECT_FALSE(refusal_of(report, {3, 7})) << known;
  }
  for (const std::string& odd : {std::string{}, std::string{"Succeeded"}, std::string{"half\ndone"}, std::string(5'000, 'x')}) {
    body.state = odd;
    const auto why = refusal_of(report, {3, 7});
    ASSERT_TRUE(why) << odd;
    EXPECT_TRUE(why->starts_with("state: '")) << *why;
    EXPECT_EQ(why->find('\n'), std::string::npos);
    EXPECT_LT(why->size(), 400u);
  }
  const auto rate = [](std::string link, std::string device) {
    return refusal_of({3, 8, {}, RateReport{.link = std::move(link), .device = DeviceId{std::move(device)}}}, {3, 7}).value_or("taken");
  };
  EXPECT_EQ(rate("wan", ""), "taken");
  EXPECT_EQ(rate("lan", "till-1"), "taken");
  EXPECT_EQ(rate("moon", ""), "link: 'moon' is not known here; there is wan, lan");
  EXPECT_EQ(rate("wan", "till-1"), "device: must be null for link wan");
  EXPECT_EQ(rate("lan", ""), "device: must be named for link lan");
}

TEST(ReportRules, WhatIsTooMuchIsRefusedAndNamed) {
  StorageReport storage;
  storage.artifacts.resize(kMostStoredArtifacts, {*Sha256::parse(std::string(64, 'a')), 1, true});
  EXPECT_FALSE(refusal_of({1, 1, {}, storage}, {}));
  storage.artifacts.push_back(storage.artifacts[0]);
  EXPECT_EQ(*refusal_of({1, 1, {}, storage}, {}), "artifacts: there are 10001, at most 10000 are taken");
  DeviceReport device;
  for (std::size_t i = 0; i <= kMostRunning; ++i) device.running["c" + std::to_string(i)] = {};
  EXPECT_EQ(*refusal_of({1, 1, {}, device}, {}), "running: there are 101, at most 100 are taken");
}

TEST(ReportRules, OfALogTheNewestLinesAreKept) {
  EXPECT_TRUE(kept_lines({}).empty());
  std::vector<std::string> lines;
  for (int i = 0; i < 700; ++i) lines.push_back(std::to_string(i));
  EXPECT_EQ(kept_lines(lines).size(), 500u);
  EXPECT_EQ(kept_lines(lines).front(), "200");
  lines.assign(100, std::string(4096, 'x'));
  EXPECT_EQ(kept_lines(lines).size(), kLogBytesKept / 4096);
}

}  // namespace
}  // namespace dray::wire
