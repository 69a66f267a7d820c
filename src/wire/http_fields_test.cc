#include "wire/http_fields.h"

#include <gtest/gtest.h>

namespace dray::wire {
namespace {

using namespace std::chrono_literals;

TEST(Host, IsAHostWithOrWithoutAPortAndNothingElse) {
  for (const char* good : {"gw", "gw:8090", "gw:", "10.1.2.3:443", "[::1]", "[fe80::1%25eth0]:8090", "filiale_7.example", "gw:65535", "[::ffff:10.1.2.3]:80", "k\xC3\xA4sse:80"})
    EXPECT_TRUE(is_host(good)) << good;
  for (const char* bad : {"", ":80", "gw/evil", "gw:80/x", "gw\"", "gw'", "user@gw", "gw:80:90", "gw:80a", "gw:123456", "[::1", "[]", "[::1]x", "gw x", "gw,other",
                          "gw?x", "[x]", "[::1::2]", "[1.2.3.4]", "[%25eth0]", "[:]", "h:65536", "h:99999", "gw#x", "gw\\x", "<gw>", "gw\x7f", "gw\x01"})
    EXPECT_FALSE(is_host(bad)) << bad;
}

TEST(HttpFields, TagsOfOneRevisionAreTheSameWeakOrStrong) {
  EXPECT_TRUE(same_tag("\"7\"", "\"7\""));
  EXPECT_TRUE(same_tag("W/\"7\"", "\"7\""));
  EXPECT_TRUE(same_tag("W/\"7\"", "W/\"7\""));
  EXPECT_TRUE(same_tag(" W/\"7\"\t", "\"7\""));
  for (const char* other : {"\"8\"", "7", "W/7", "w/\"7\"", "", "\"7", "\"77\""}) EXPECT_FALSE(same_tag(other, "\"7\"")) << other;
}

TEST(HttpFields, IfNoneMatchMayBeAList) {
  EXPECT_TRUE(none_match("\"6\", W/\"7\"", "\"7\""));
  EXPECT_TRUE(none_match("*", "\"7\""));
  EXPECT_TRUE(none_match("\"7\"", "W/\"7\""));
  EXPECT_FALSE(none_match("\"6\",\"8\"", "\"7\""));
  EXPECT_FALSE(none_match("", "\"7\""));
}

TEST(HttpFields, AnOriginIsSchemeHostAndPort) {
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"http://gw", "http://gw/"},
                                                                            {"http://gw:80/a/b", "HTTP://GW/c?d#e"},
                                                                            {"http://gw:8090", "http://gw.:08090/x"},
                                                                            {"https://gw:443", "https://gw"},
                                                                            {"http://[::1]:8090/a", "http://[::1]:8090/"},
                                                                            {"http://[FE80::1]", "http://[fe80::1]:80"},
                                                                            {"http://gw:/a", "http://gw:80"}})
    EXPECT_TRUE(same_origin(a, b)) << a << " " << b;
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"http://gw", "https://gw"},
                                                                            {"http://gw", "http://gw:8090"},
                                                                            {"http://gw", "http://gw.evil.example"},
                                                                            {"http://gw", "http://gw@evil.example/"},
                                                                            {"http://gw", "http://evil.example/http://gw"},
                                                                            {"http://gw", "http://evil.example?http://gw"},
                                                                            {"http://gw", "http://evil.example\\@gw"},
                                                                            {"http://gw", "//gw"},
                                                                            {"http://gw", "gw"},
                                                                            {"http://gw:1", "http://gw:11"},
                                                                            {"http://[::1]:8090", "http://[::1]:8091"},
                                                                            {"http://[::1", "http://[::1"},
                                                                            {"http://gw:x", "http://gw:x"},
                                                                            {"http://", "http://"},
                                                                            {"http://gw ", "http://gw "},
                                                                            {"", ""}})
    EXPECT_FALSE(same_origin(a, b)) << a << " " << b;
}

TEST(HttpFields, DatesGoBothWays) {
  const auto time = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
  ASSERT_TRUE(time);
  EXPECT_EQ(to_rfc3339(*time), "1994-11-06T08:49:37Z");
  EXPECT_EQ(to_http_date(*time), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const char* bad : {"Sun, 06 Nov 1994 08:49:37 UTC", "Sun  06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "", "Sun, 06 Nov 1994 08:49:37 GM"})
    EXPECT_FALSE(parse_http_date(bad)) << bad;
}

TEST(HttpFields, RetryAfterIsSecondsOrADateAndNeverMoreThanAnHour) {
  const WallTime now = *parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_retry_after("0", now), Duration{0});
  EXPECT_EQ(parse_retry_after(" 5 ", now), Duration{5s});
  EXPECT_EQ(parse_retry_after("3600", now), Duration{1h});
  for (const char* much : {"3601", "1000000000000000000", "99999999999999999999999999999999"}) EXPECT_EQ(parse_retry_after(much, now), Duration{1h}) << much;
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), Duration{1min});
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Duration{0});
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now), Duration{1h});
  for (const char* bad : {"", "-1", "+5", "5.5", "soon", "5, 6", "1e3"}) EXPECT_FALSE(parse_retry_after(bad, now)) << bad;
}

}  // namespace
}  // namespace dray::wire
