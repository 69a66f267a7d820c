#include "gateway/local_guard.h"

#include <gtest/gtest.h>

namespace dray::gateway {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::optional<std::string> why(Method method, const Pairs& headers) {
  HttpRequest request{method, "/api/v1/status"};
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  return foreign_page(request, {"Gateway.Shop.example", "till-gw"});
}

TEST(LocalGuard, AnswersUnderTheNamesItHas) {
  for (const char* host : {"127.0.0.1:8091", "127.0.0.1", "10.20.30.40:80", "[::1]:8091", "[fe80::1]", "localhost", "localhost:8091", "LOCALHOST.",
                           "gw.localhost:8091", "gateway.shop.example:8091", "GATEWAY.shop.example.", "till-gw"})
    for (const Method method : {Method::kGet, Method::kPost, Method::kDelete}) EXPECT_EQ(why(method, {{"Host", host}}), std::nullopt) << host;
  EXPECT_EQ(why(Method::kPost, {}), std::nullopt) << "a program that is no browser";
}

TEST(LocalGuard, ANameThatSomebodyElsePointsHereIsRefused) {
  for (const char* host : {"evil.example", "evil.example:8091", "127.0.0.1.evil.example", "localhost.evil.example", "notlocalhost", "xtill-gw", "till-gw.evil",
                           "[evil]", "[", "127.0.0.1x", ":8091", "1.2.3.4.5", "\xFF\x1b[31m"})
    for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kDelete}) {
      const auto said = why(method, {{"Host", host}});
      ASSERT_TRUE(said) << host;
      EXPECT_NE(said->find("local_names"), std::string::npos) << "says what to do";
      EXPECT_EQ(said->find('\x1b'), std::string::npos);
    }
}

TEST(LocalGuard, WhatTheBrowserSaysComesFromAnotherSiteIsRefused) {
  const std::pair<std::string, std::string> host{"Host", "127.0.0.1:8091"};
  EXPECT_TRUE(why(Method::kGet, {host, {"Sec-Fetch-Site", "cross-site"}}));
  EXPECT_TRUE(why(Method::kGet, {host, {"Sec-Fetch-Site", "Cross-Site"}, {"Sec-Fetch-Mode", "no-cors"}}));
  EXPECT_TRUE(why(Method::kPost, {host, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}})) << "a form of another page";
  EXPECT_FALSE(why(Method::kGet, {host, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}})) << "a link that somebody follows";
  for (const char* site : {"same-origin", "none", "same-site"}) EXPECT_FALSE(why(Method::kPost, {host, {"Sec-Fetch-Site", site}})) << site;
}

TEST(LocalGuard, APageOfAnotherOriginMayNotChangeAnything) {
  const std::pair<std::string, std::string> host{"Host", "till-gw:8091"};
  EXPECT_FALSE(why(Method::kPost, {host, {"Origin", "http://till-gw:8091"}}));
  EXPECT_FALSE(why(Method::kPost, {host, {"Origin", "http://TILL-GW:8091"}}));
  for (const char* origin : {"http://till-gw:8092", "http://evil.example", "null", "", "http://till-gw:8091.evil.example"})
    EXPECT_TRUE(why(Method::kPost, {host, {"Origin", origin}})) << origin;
  EXPECT_FALSE(why(Method::kGet, {host, {"Origin", "http://evil.example"}})) << "it can't read the answer, and nothing changes";
}

}  // namespace
}  // namespace dray::gateway
