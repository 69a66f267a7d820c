#include "core/model/filter.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace dray::core {
namespace {

const std::map<std::string, std::string, std::less<>> kTill{{"name", "till-014"},
                                                            {"site", "berlin"},
                                                            {"type", "till-t3"},
                                                            {"state", "scheduled"},
                                                            {"version.os", "26.05"},
                                                            {"attribute.floor", "2"},
                                                            {"attribute.note", "next to \"exit\""}};

bool till_passes(std::string_view text) {
  const auto filter = parse_filter(text, kDeviceFields);
  EXPECT_TRUE(filter.has_value()) << text << ": " << (filter ? "" : filter.error().message());
  return filter && passes(*filter, [](std::string_view field) -> std::optional<std::string> {
           const auto found = kTill.find(field);
           if (found == kTill.end()) return {};
           return found->second;
         });
}

std::string why_not(std::string_view text) {
  const auto filter = parse_filter(text, kDeviceFields);
  return filter ? "" : filter.error().message();
}

TEST(Filter, PassesWhatItSays) {
  EXPECT_TRUE(till_passes(""));
  EXPECT_TRUE(till_passes("site=berlin and version.os!=26.11 and not state in (failed,expired)"));
  EXPECT_FALSE(till_passes("site=berlin and not state in (scheduled, expired)"));
  EXPECT_TRUE(till_passes("site = hamburg or type ~ till-*"));
  EXPECT_TRUE(till_passes("name~till-?14"));
  EXPECT_FALSE(till_passes("name~till-"));
  EXPECT_TRUE(till_passes("attribute.floor < 10"));  // as numbers
  EXPECT_FALSE(till_passes("attribute.floor >= 10"));
  EXPECT_TRUE(till_passes("attribute.note=\"next to \\\"exit\\\"\""));
}

TEST(Filter, AndBindsStrongerThanOrAndParenthesesWin) {
  EXPECT_TRUE(till_passes("site=berlin or site=hamburg and type=none"));
  EXPECT_FALSE(till_passes("(site=berlin or site=hamburg) and type=none"));
  EXPECT_TRUE(till_passes("not (site=hamburg or type=none)"));
}

TEST(Filter, AFieldThatIsNotThereIsUnequalToEverything) {
  EXPECT_FALSE(till_passes("version.app=1"));
  EXPECT_TRUE(till_passes("version.app!=1"));
  EXPECT_FALSE(till_passes("version.app in (1,2)"));
  EXPECT_FALSE(till_passes("attribute.weight < 9"));
}

TEST(Filter, SaysWhereAndWhatIsWrong) {
  EXPECT_EQ(why_not("site=berlin und type=x"),
            "filter: at character 13: 'and', 'or' or the end is expected here");
  EXPECT_EQ(why_not("colour=red").substr(0, 49), "filter: at character 1: no such field: 'colour' (");
  EXPECT_EQ(why_not("site berlin"), "filter: at character 6: one of = != < <= > >= ~ in is expected here");
  EXPECT_EQ(why_not("site="), "filter: at character 6: a value is expected here");
  EXPECT_EQ(why_not("(site=a"), "filter: at character 8: ')' is missing");
  EXPECT_EQ(why_not("state in (a,)"), "filter: at character 13: a value is expected here");
  EXPECT_EQ(why_not("site=\"ber"), "filter: at character 6: this quotation mark has no end");
  EXPECT_EQ(why_not("version.os<26.11"),
            "filter: at character 11: versions are compared by equality: use = != ~ or in");
}

TEST(Filter, RefusesWhatIsTooDeepOrTooLong) {
  EXPECT_NE(why_not(std::string(100, '(') + "site=a" + std::string(100, ')')).find("64 deep"),
            std::string::npos);
  EXPECT_NE(why_not(std::string(5000, ' ')).find("longer than 4096"), std::string::npos);
}

rc::Gen<std::string> any_value() {
  return rc::gen::container<std::string>(
      rc::gen::oneOf(rc::gen::inRange<char>(' ', '~'), rc::gen::element('"', '\\', '*')));
}

Filter any_filter(int depth) {
  const auto field = *rc::gen::element<std::string>("name", "site", "version.os", "attribute.x");
  const int kind = *rc::gen::inRange(0, depth > 0 ? 5 : 2);
  const auto some = [&] {
    std::vector<Filter> of;
    const int n = *rc::gen::inRange(2, 4);
    for (int i = 0; i < n; ++i) of.push_back(any_filter(depth - 1));
    return of;
  };
  switch (kind) {
    case 0:
      return Filter{
          OneOf{field, *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(any_value()))}};
    case 1: {
      const bool version = field.starts_with("version.");
      const auto how =
          version ? *rc::gen::element(Comparison::kEqual, Comparison::kNotEqual, Comparison::kMatches)
                  : static_cast<Comparison>(*rc::gen::inRange(0, 7));
      return Filter{Compare{field, how, *any_value()}};
    }
    case 2:
      return Filter{Not{{any_filter(depth - 1)}}};
    case 3:
      return Filter{All{some()}};
    default:
      return Filter{Any{some()}};
  }
}

// What a device's attribute says, and a number, in this order of size; each pair also the other way round.
TEST(Filter, LongNumbersAreComparedExactly) {
  const auto holds = [](const std::string& have, const std::string& asked) {
    const auto filter = parse_filter("attribute.n " + asked, kDeviceFields);
    EXPECT_TRUE(filter) << asked;
    return filter && passes(*filter, [&](std::string_view) { return std::optional{have}; });
  };
  for (const auto& [less, more] : std::vector<std::pair<std::string, std::string>>{{"9007199254740992", "9007199254740993"},
                                                                                  {"12345678901234567890123", "12345678901234567890124"},
                                                                                  {"9", "10"},
                                                                                  {"-10", "-9"},
                                                                                  {"-0.5", "0"},
                                                                                  {"0.1", "0.10000000000000000000001"},
                                                                                  {"-1.5", "-1.25"},
                                                                                  {"99", "100.0"}}) {
    EXPECT_TRUE(holds(less, "< \"" + more + "\"")) << less << " " << more;
    EXPECT_FALSE(holds(more, "< \"" + less + "\"")) << less << " " << more;
    EXPECT_TRUE(holds(more, "> \"" + less + "\"")) << less << " " << more;
    EXPECT_FALSE(holds(less, ">= \"" + more + "\"")) << less << " " << more;
  }
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"007", "7"}, {"1.50", "1.5"}, {"-0", "0"}, {"00.0", ".0"}, {"5.", "5"}}) {
    EXPECT_TRUE(holds(a, "<= \"" + b + "\"")) << a << " " << b;
    EXPECT_TRUE(holds(a, ">= \"" + b + "\"")) << a << " " << b;
  }
  EXPECT_TRUE(holds("nan", "> 5")) << "text, which is compared as text";
  EXPECT_TRUE(holds("abc", "< abd"));
}

TEST(Filter, ComesBackTheSameFromItsText) {
  EXPECT_TRUE(rc::check([] {
    const Filter filter = any_filter(2);
    const auto text = to_text(filter);
    if (text.size() > kLongestFilter) return;
    const auto back = parse_filter(text, kDeviceFields);
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == filter);
  }));
}

}  // namespace
}  // namespace dray::core
