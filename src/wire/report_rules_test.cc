#include "wire/report_rules.h"

#include <gtest/gtest.h>

#include <limits>

namespace dray::wire {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

Report job(std::int64_t epoch, std::int64_t seq) {
  JobReport body;
  body.job = JobId{"r1-till-1"};
  body.state = core::JobState::kScheduled;
  return {epoch, seq, {}, body};
}

TEST(ReportRules, APlaceThatCanNotBeIsRefusedAndNamed) {
  struct Row {
    Report report;
    std::string why;  // its beginning; empty: taken
  };
  const Row rows[] = {
      {job(3, 8), ""},
      {job(4, 1), ""},
      {job(1'003, 1), ""},
      {job(2, 1), ""},
      {job(3, kMostInteger), ""},
      {job(1'004, 1), "epoch: 1004 is more than 1000 above 3"},
      {job(kHuge, 1), "epoch: "},
      {job(-1, 1), "epoch: "},
      {job(std::numeric_limits<std::int64_t>::min() + 3, 1), "epoch: "},
      {job(3, kHuge), "seq: "},
      {job(3, -1), "seq: "},
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

TEST(ReportRules, NumbersOverTheirBoundsAreBadEntriesForTheReader) {
  const auto why = [](std::string_view seq, std::string_view step, std::string_view attempt) {
    const std::string head = R"([{"epoch":3,"at":"2026-11-30T08:00:00Z","kind":"job","job":"j","state":"scheduled",)";
    const auto read = decode_entries(head + R"("seq":)" + std::string{seq} + R"(,"step":)" + std::string{step} +
                                     R"(,"attempt":)" + std::string{attempt} + "}]");
    return read->bad.empty() ? std::string{} : read->bad.front().why;
  };
  EXPECT_EQ(why("8", "1000000", "1000000"), "");
  for (const char* bad : {"1000001", "9223372036854775807", "-1"}) {
    EXPECT_NE(why("8", "0", bad).find("attempt"), std::string::npos) << bad << why("8", "0", bad);
    EXPECT_NE(why("8", bad, "0").find("step"), std::string::npos) << bad;
  }
  for (const char* bad : {"9007199254740992", "-1"}) EXPECT_NE(why(bad, "0", "0").find("seq"), std::string::npos) << bad;
}

TEST(ReportRules, AStateOrALinkThatIsNotKnownDecidesNothing) {
  const auto why = [](const std::string& state) {
    const json::object entry{{"epoch", 3}, {"seq", 8}, {"at", "2026-11-30T08:00:00Z"}, {"kind", "job"}, {"job", "j"}, {"state", state}};
    const auto read = decode_entries("[" + to_text(entry) + "]");
    return read->bad.empty() ? std::string{} : read->bad.front().why;
  };
  for (int i = 0; i < static_cast<int>(core::JobState::kUnknown); ++i) {
    const std::string known{to_string(static_cast<core::JobState>(i))};
    EXPECT_EQ(why(known), "") << known;
    EXPECT_NE(why("odd").find(known), std::string::npos) << "all that there are are named";
  }
  for (const std::string& odd : {std::string{}, std::string{"unknown"}, std::string{"Succeeded"}, std::string{"half\ndone"}}) {
    EXPECT_TRUE(why(odd).starts_with("state: '")) << why(odd);
    EXPECT_EQ(why(odd).find('\n'), std::string::npos);
    EXPECT_LT(why(odd).size(), 400u);
  }
  EXPECT_TRUE(why(std::string(5'000, 'x')).starts_with("state: ")) << "too long";
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
