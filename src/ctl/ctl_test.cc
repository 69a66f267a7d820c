#include <gtest/gtest.h>

#include "ctl/api.h"
#include "ctl/table.h"
#include "ctl/times.h"

namespace dray::ctl {
namespace {

TEST(CtlTimes, ReadsWhatPeopleType) {
  const WallTime now = *parse_rfc3339("2026-11-24T21:40:00Z");
  EXPECT_EQ(*parse_when("now", now), now);
  EXPECT_EQ(to_rfc3339(*parse_when("+90s", now)), "2026-11-24T21:41:30Z");
  EXPECT_EQ(to_rfc3339(*parse_when("+3d", now)), "2026-11-27T21:40:00Z");
  EXPECT_EQ(to_rfc3339(*parse_when("2026-12-01T00:00:00+01:00", now)), "2026-11-30T23:00:00Z");
  for (const char* bad : {"", "soon", "+", "+5", "+5w", "+-5s", "+99999999999d", "5s"}) EXPECT_FALSE(parse_when(bad, now)) << bad;
}

TEST(CtlTable, AlignsColumnsAndLooksIntoObjects) {
  const auto items = json::parse(R"([{"name":"till-1","job":{"state":"downloading"},"running":{"os":{"version":"26.10","sha256":null}}},
                                    {"name":"überlang-2","job":null,"running":{}}])");
  EXPECT_EQ(render_table({{"NAME", "name"}, {"STATE", "job.state"}, {"RUNNING", "running"}}, items.as_array()),
            "NAME        STATE        RUNNING\n"
            "till-1      downloading  os=26.10\n"
            "überlang-2  -            -\n");
}

TEST(CtlTable, TellsARateInBitsAndWhereItComesFrom) {
  const auto site = json::parse(R"({"rates":{"wan":{"rate":740000,"low":666000,"percentile":10,"samples":214,"assumed":false,
                                    "sentence":"measured 14 min ago from 214 samples"}},"rate":{"rate":-1,"low":2,"sentence":""}})");
  EXPECT_EQ(render_fields({{"WAN", "rates.wan"}}, site),
            "WAN: 5.92 Mbit/s, planned with 5.33 Mbit/s; measured 14 min ago from 214 samples\n");
  EXPECT_EQ(cell(site, "rate"), "rate=-1 low=2 sentence=-") << "no rate of ours";
}

TEST(CtlApi, SaysAProblemInItsOwnWords) {
  const Error error = error_of(400, R"({"title":"Bad Request","detail":"expires_at: must lie after update_at"})");
  EXPECT_EQ(error.code(), ErrorCode::kInvalid);
  EXPECT_EQ(error.message(), "expires_at: must lie after update_at");
  EXPECT_EQ(error_of(502, "<html>").message(), "the server answered 502");
  EXPECT_EQ(encoded("site=berlin and name~t*"), "site%3dberlin%20and%20name~t%2a");
}

}  // namespace
}  // namespace dray::ctl
