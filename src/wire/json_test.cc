#include "wire/json.h"

#include <gtest/gtest.h>

namespace dray::wire {
namespace {

Result<std::string> sloppy(const std::string& body) {
  return decode<std::string>(parse_sloppy_json(body), [](const Node& n) { return n.at("t").cleaned(kLongestLine); });
}

TEST(SloppyJson, TakesWhatRealClientsSendInsideOfStrings) {
  EXPECT_EQ(*sloppy("{\"t\": \"a\nb\"}"), "a␊b");
  EXPECT_EQ(*sloppy("{\"t\": \"a\\\nb\"}"), "a␊b");
  EXPECT_EQ(*sloppy("{\"t\": \"caf\xE9\"}"), "caf\xEF\xBF\xBD");
  EXPECT_EQ(*sloppy("{\"t\": \"a\\u0000b\"}"), "a␀b");
  EXPECT_EQ(*sloppy("{\"t\": \"q\\\"\\\\\"}"), "q\"\\");
  EXPECT_EQ(*sloppy("{\"t\": \"\\ud83d\\uded2\"}"), "🛒");
}

TEST(SloppyJson, HalvesOfSurrogatePairsAreReplaced) {
  EXPECT_EQ(*sloppy("{\"t\": \"a\\ud800b\"}"), "a\xEF\xBF\xBD" "b");
  EXPECT_EQ(*sloppy("{\"t\": \"a\\udc00\"}"), "a\xEF\xBF\xBD");
  EXPECT_EQ(*sloppy("{\"t\": \"\\ud800\\ud800\\udc00\"}"), "\xEF\xBF\xBD\xF0\x90\x80\x80");
}

TEST(SloppyJson, IsStrictAboutEverythingElse) {
  for (const char* text : {"", "{", "{\"t\": \"a}", "{\"t\": \"\\u12\"}", "{\"t\": \"\\x\"}", "{\"t\":\n1,}", "{\"t\": \"\\"})
    EXPECT_FALSE(parse_sloppy_json(text)) << text;
}

TEST(DeviceJson, AMarkBeforeItAndWhateverStandsBehindItAreNotLookedAt) {
  const auto read = [](const std::string& body) {
    return decode<std::string>(parse_device_json(body), [](const Node& n) { return n.at("t").cleaned(kLongestLine); });
  };
  const std::string whole = "{\"t\": \"a\nb\"}";
  for (const std::string& body : {whole, "\xEF\xBB\xBF" + whole, whole + std::string(1, '\0'), whole + "\r\n" + std::string(3, '\0'),
                                  whole + "}", whole + " {\"t\": 1", whole + "\xFF\xFE", whole + "\"", " " + whole + whole})
    EXPECT_EQ(read(body) ? *read(body) : "not read", "a␊b") << body;
  for (const std::string& body : {std::string{}, std::string{"\xEF\xBB\xBF"}, std::string(1, '\0') + whole, std::string{"{\"t\": \"a\""}, "x" + whole})
    EXPECT_FALSE(read(body)) << body;
  EXPECT_FALSE(parse_sloppy_json(whole + "}")) << "what is no device's is read to its end";
}

TEST(Json, NumbersThatOtherReadersCanNotKeepAreRefusedWithTheirLimit) {
  const auto read = [](const std::string& number) {
    return decode<std::int64_t>(parse_json("{\"n\": " + number + "}"), [](const Node& n) { return n.at("n").integer(); });
  };
  EXPECT_EQ(*read("9007199254740991"), kMostInteger);
  EXPECT_EQ(*read("-9007199254740991"), -kMostInteger);
  for (const char* number : {"9007199254740992", "9223372036854775807", "18446744073709551615", "-9223372036854775808", "1.5", "1e300"})
    EXPECT_FALSE(read(number)) << number;
  EXPECT_NE(read("9223372036854775807").error().message().find("n: must lie between"), std::string::npos);
}

TEST(Json, AnErrorNamesALongOrOddFieldInAFewWords) {
  const auto read = decode<bool>(parse_json("{\"" + std::string(100'000, 'x') + "\\u001b\": 1}"), [](const Node& n) {
    n.only({"a"});
    return true;
  });
  ASSERT_FALSE(read);
  EXPECT_LT(read.error().message().size(), 200U);
}

}  // namespace
}  // namespace dray::wire
