#include <gtest/gtest.h>

#include "adapters/posix/system_random.h"
#include "base/bytes.h"
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

TEST(CtlTable, NamesWhatIsDamagedAndItsRemedy) {
  const auto thing = json::parse(
      R"({"name":"till-1","unreadable":[{"table":"device","error":"device till-1, attributes: can't be read: x",
          "remedy":"drayctl row replace device till-1 attributes JSON"}]})");
  EXPECT_EQ(render_unreadable(thing),
            "  damaged: device till-1, attributes: can't be read: x\n"
            "  remedy:  drayctl row replace device till-1 attributes JSON\n");
  EXPECT_EQ(render_unreadable(json::parse(R"({"name":"till-1"})")), "");
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

// A server whose lists go on and on.
struct Pages : HttpClient {
  std::function<std::string(int page)> page;
  int asked = 0;
  Task<Result<int>> send(HttpRequest, BodySink& sink, Stop&) override {
    const Headers none;
    DRAY_CO_CHECK(sink.head(200, none));
    const std::string body = page(++asked);
    DRAY_CO_CHECK(co_await sink.write(as_bytes(body)));
    co_return 200;
  }
};

Result<std::size_t> listed(Pages& pages) {
  asio::io_context io{1};
  adapters::SystemRandom random;
  Stop never;
  Api api{pages, random, never, "http://server", ""};
  Result<json::array> out = Error{ErrorCode::kInternal, "has not ended"};
  asio::co_spawn(io, api.list("/devices", 100), [&](std::exception_ptr, Result<json::array> result) { out = std::move(result); });
  io.run();
  if (!out) return out.error();
  return out->size();
}

TEST(CtlApi, AListWithoutEndIsAnErrorOrIsCut) {
  Pages same, empty, grows, three;
  same.page = [](int) { return R"({"items":[1],"next":"a"})"; };
  EXPECT_EQ(listed(same).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(same.asked, 2);
  empty.page = [](int n) { return R"({"items":[],"next":")" + std::to_string(n) + "\"}"; };
  EXPECT_EQ(listed(empty).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(empty.asked, 1);
  grows.page = [](int n) { return R"({"items":[1],"next":")" + std::to_string(n) + "\"}"; };
  EXPECT_EQ(*listed(grows), 100U);
  three.page = [](int n) { return R"({"items":[1],"next":)" + (n < 3 ? "\"" + std::to_string(n) + "\"" : "null") + "}"; };
  EXPECT_EQ(*listed(three), 3U);
}

}  // namespace
}  // namespace dray::ctl
