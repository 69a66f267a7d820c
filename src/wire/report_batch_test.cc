#include <gtest/gtest.h>

#include "wire/gateway_api.h"

namespace dray::wire {
namespace {

constexpr std::string_view kGood =
    R"({"epoch": 3, "seq": 7, "at": "2026-11-24T21:40:00Z", "kind": "registered", "device": "till-1"})";

std::string entry(std::int64_t seq, const std::string& members) {
  return R"({"epoch": 3, "seq": )" + std::to_string(seq) + R"(, "at": "2026-11-24T21:40:00Z", )" + members +
         "}";
}

TEST(ReportBatch, OneBadEntryHidesNoOther) {
  struct Row {
    std::string entry, what, why;
    bool placed = true;
  };
  const Row rows[] = {
      {entry(8, R"("kind": "job", "job": "r1-till-1", "state": 7)"), "job r1-till-1",
       "state: must be a string"},
      {entry(8, R"("kind": "device")"), "device", "device: is missing"},
      {entry(8, R"("kind": "device", "device": 5)"), "device", "device: must be a string"},
      {entry(8, R"("kind": "log", "job": "r1-till-1", "lines": "x")"), "log r1-till-1",
       "lines: must be an array"},
      {R"({"epoch": 3, "seq": 8, "at": "yesterday", "kind": "storage"})", "storage", "at: "},
      {R"({"epoch": 3, "seq": 8, "at": "9999-12-31T23:59:59-10:00", "kind": "storage"})", "storage", "at: "},
      {R"({"epoch": 9223372036854775807, "seq": 8, "kind": "job", "job": "j"})", "job j", "epoch: ", false},
      {R"({"epoch": 3, "seq": 1e400})", "entry 1", "seq: must be an integer", false},
      {R"({"epoch": 3, "seq": 8,})", "entry 1", "not JSON", false},
      {"{]}", "entry 1", "not JSON", false},
      {std::string(40, '[') + std::string(40, ']'), "entry 1", "not JSON", false},
      {"7", "entry 1", "body: must be an object", false},
      {"null", "entry 1", "body: must be an object", false},
      {R"("],[")", "entry 1", "body: must be an object", false},
      {R"("\"]")", "entry 1", "body: must be an object", false},
  };
  for (const Row& row : rows) {
    const auto entries =
        decode_entries("[" + std::string{kGood} + "," + row.entry + " ,\n" + std::string{kGood} + "]");
    ASSERT_TRUE(entries) << row.entry << ": " << entries.error().message();
    EXPECT_EQ(entries->good.size(), 2u) << row.entry;
    ASSERT_EQ(entries->bad.size(), 1u) << row.entry;
    EXPECT_EQ(entries->bad[0].what, row.what);
    EXPECT_TRUE(entries->bad[0].why.starts_with(row.why)) << row.entry << ": " << entries->bad[0].why;
    EXPECT_EQ(entries->bad[0].place.has_value(), row.placed) << row.entry;
  }
}

TEST(ReportBatch, BytesThatAreNoTextAreMendedAndTheEntryIsTaken) {
  const auto entries = decode_entries("[" +
                                      entry(8,
                                            "\"kind\": \"job\", \"job\": \"r1-till-1\", \"state\": "
                                            "\"installing\", \"sentence\": \"K\xf6ln\n\"") +
                                      "]");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->good.size(), 1u);
  EXPECT_EQ(describe_subject(entries->good[0]), "job r1-till-1");
}

TEST(ReportBatch, OnlyWhatIsNoArrayOrOverTheLimitsIsRefused) {
  for (const std::string text :
       {"", " ", "7", "{}", "[", "[7", "[7,", "[,]", "[7,]", "[7]]", "[7] 8", "[\"", "[{", "<html>"})
    EXPECT_FALSE(decode_entries(text)) << text;
  for (const std::string text : {"[]", " [ ] \n"}) {
    const auto entries = decode_entries(text);
    ASSERT_TRUE(entries) << text;
    EXPECT_TRUE(entries->good.empty() && entries->bad.empty());
  }
  std::string many = "[7";
  for (std::size_t i = 0; i < kMostReports; ++i) many += ",7";
  EXPECT_EQ(decode_entries(many + "]").error().message(), "body: has more than 10000 elements");
  EXPECT_FALSE(decode_entries("[\"" + std::string(kMostReportBytes, 'x') + "\"]"));
}

TEST(ReportBatch, ReadsWhatIsWritten) {
  const Report report{3, 7, *parse_rfc3339("2026-11-24T21:40:00Z"),
                      RegisteredReport{DeviceId{"a,]}\"\\"}, {{"[", "{"}}}};
  const auto entries = decode_entries(encode_reports({encode_report(report), encode_report(report)}));
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->good, (std::vector<Report>{report, report}));
}

}  // namespace
}  // namespace dray::wire
