#include "core/rollout/match.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

Sha256 sha(char c) { return Sha256::parse(std::string(64, c)).value(); }

ReleaseArtifact artifact(char c, std::string component, std::vector<std::string> types,
                         std::string file = "f.img") {
  return {.artifact = {.sha256 = sha(c),
                       .size = 10,
                       .file = std::move(file),
                       .component = std::move(component),
                       .version = "2"},
          .device_types = std::move(types)};
}

DeviceType till(std::vector<Components> order) {
  return {.name = "till", .components = {"os", "app"}, .order = std::move(order)};
}

TEST(Match, ComponentsOfOneStepGoTogether) {
  const auto fit =
      match({artifact('a', "app", {"till"}), artifact('b', "os", {"till"})}, till({{"os", "app"}}));
  EXPECT_EQ(fit.steps, (std::vector<Step>{{sha('b'), sha('a')}}));
}

TEST(Match, ComponentsGoOneByOneInTheOrderOfTheType) {
  const auto fit =
      match({artifact('a', "app", {"till"}), artifact('b', "os", {"till"})}, till({{"os"}, {"app"}}));
  EXPECT_EQ(fit.steps, (std::vector<Step>{{sha('b')}, {sha('a')}}));
}

TEST(Match, AReleaseNeedNotCoverAllComponents) {
  EXPECT_EQ(match({artifact('a', "app", {"till"})}, till({{"os"}, {"app"}})).steps,
            (std::vector<Step>{{sha('a')}}));
}

TEST(Match, TakesOnlyWhatIsForTheTypeAndOneOfItsComponents) {
  const auto fit =
      match({artifact('a', "os", {"board"}), artifact('b', "radio", {"till"})}, till({{"os"}, {"app"}}));
  EXPECT_TRUE(fit.steps.empty());
  EXPECT_NE(fit.why_not.find("till"), std::string::npos);
}

TEST(Match, EachTypeGetsItsOwnArtifactOfTheSameComponent) {
  const std::vector<ReleaseArtifact> release{artifact('a', "os", {"board"}), artifact('b', "os", {"till"})};
  EXPECT_EQ(match(release, till({{"os"}, {"app"}})).steps, (std::vector<Step>{{sha('b')}}));
}

TEST(Refuses, TwoArtifactsForOneComponentOfAType) {
  const auto why = refuses(till({{"os"}, {"app"}}), Client::kAny,
                           {artifact('a', "os", {"till"}), artifact('b', "os", {"till"})});
  EXPECT_NE(why.value_or("").find("two artifacts"), std::string::npos);
}

TEST(Refuses, SeveralArtifactsAnOrderForRaucAndZephyr) {
  const std::vector<ReleaseArtifact> both{artifact('a', "app", {"till"}), artifact('b', "os", {"till"})};
  EXPECT_TRUE(refuses(till({{"os", "app"}}), Client::kRauc, both));
  EXPECT_FALSE(refuses(till({{"os"}, {"app"}}), Client::kRauc, both));
  EXPECT_FALSE(refuses(till({{"os", "app"}}), Client::kDray, both));
}

TEST(Refuses, APartThatZephyrDoesNotTake) {
  DeviceType type = till({{"os"}, {"app"}});
  const auto why = refuses(type, Client::kZephyr, {artifact('a', "os", {"till"})});
  EXPECT_NE(why.value_or("").find("--part os=bApp"), std::string::npos) << why.value_or("") << ": what people write, not how we keep it";
  type.parts = {{"os", "bApp"}};
  EXPECT_FALSE(refuses(type, Client::kZephyr, {artifact('a', "os", {"till"})}));
}

TEST(Refuses, FilesThatSwupdateSkipsAndSizesThatDoNotFit) {
  EXPECT_TRUE(refuses(till({{"os"}, {"app"}}), Client::kSwupdate, {artifact('a', "os", {"till"}, "os.img")}));
  EXPECT_FALSE(
      refuses(till({{"os"}, {"app"}}), Client::kSwupdate, {artifact('a', "os", {"till"}, "os.swu")}));
  auto large = artifact('a', "os", {"till"}, "os.swu");
  large.artifact.size = 5'000'000'000;
  EXPECT_TRUE(refuses(till({{"os"}, {"app"}}), Client::kHawkbitRs, {large}));
}

TEST(Flaw, TheOrderNamesEveryComponentOnce) {
  EXPECT_FALSE(flaw_of(till({{"os"}, {"app"}})));
  DeviceType parts = till({{"os"}, {"app"}});
  parts.parts = {{"os", "app"}, {"app", "os"}};
  EXPECT_FALSE(flaw_of(parts));
  parts.parts = {{"os", "firmware"}, {"app", "firmware"}};
  EXPECT_NE(flaw_of(parts).value_or("").find("both be the part 'firmware'"), std::string::npos) << "two of one part: one would be written into the other's place";
  parts.parts = {{"os", "app"}};
  EXPECT_NE(flaw_of(parts).value_or("").find("both be the part 'app'"), std::string::npos);
  EXPECT_EQ(flaw_of(till({{"os"}})), "order: 'app' is missing");
  EXPECT_EQ(flaw_of(till({{"os", "os"}, {"app"}})), "order: 'os' is named twice");
  EXPECT_EQ(flaw_of(till({{"os"}, {"app"}, {"radio"}})), "order: 'radio' is none of the components");
}

TEST(Client, ComesBackFromItsName) {
  for (const auto client :
       {Client::kAny, Client::kDray, Client::kSwupdate, Client::kRauc, Client::kZephyr, Client::kHawkbitRs})
    EXPECT_EQ(parse_client(to_string(client)), client);
  EXPECT_FALSE(parse_client("mender"));
}

}  // namespace
}  // namespace dray::core
