// What a rollout would do, asked by drayctl and played by dray-forecast, with the real programs.
#include "places.h"
#include "program.h"

namespace dray::testing_support {
namespace {

class Forecast : public ServerProgram {
 protected:
  void SetUp() override {
    ServerProgram::SetUp();
    add_type();
    add_site("berlin");
    add_site("lyon");
    add_device("b-1", "berlin");
    for (const auto* name : {"l-1", "l-2"}) add_device(name, "lyon");
    add_release("tills", "2", add_artifact(image(200'000)));
    write_file(folder / "rollout.toml", "release = \"tills/2\"\ndelivery = \"push\"\nschedule = \"auto\"\nexpires_at = \"+1d\"\n");
  }
};

TEST_F(Forecast, IsPlayedFromWhatTheServerKnowsAndStartsNothing) {
  const auto [status, words] = drayctl({"rollout", "plan", folder / "rollout.toml", "--simulate", "--runs", "3"});
  EXPECT_EQ(status, 0) << words;
  for (const char* part : {"berlin", "lyon", "2 of 2 sites fit", "played 3 times: all of it ends at 20", "in 100 % of the runs",
                           "Nothing was started."})
    EXPECT_NE(words.find(part), std::string::npos) << part << " in\n" << words;
  EXPECT_TRUE(get("rollouts").json().at("items").as_array().empty());
}

TEST_F(Forecast, IsTheSameAgainAndTellsItselfAsJson) {
  const auto [status, words] = drayctl({"--json", "rollout", "plan", folder / "rollout.toml", "--simulate", "--runs", "2", "--sites", "1"});
  ASSERT_EQ(status, 0) << words;
  const auto answer = boost::json::parse(words);
  const auto& played = answer.at("forecast");
  EXPECT_EQ(played.at("sites").to_number<int>(), 2);
  EXPECT_EQ(played.at("played").to_number<int>(), 1);
  EXPECT_TRUE(played.at("finish").at("p50").is_string()) << words;
  EXPECT_FALSE(answer.as_object().contains("facts"));
}

TEST_F(Forecast, FactsAreShownToWhoAsksForThem) {
  const boost::json::object wanted{{"release", "tills/2"}, {"delivery", "pull"}, {"expires_at", in_seconds(86'400)}};
  EXPECT_FALSE(post("rollouts/plan", wanted).json().as_object().contains("facts"));
  const auto asked = post("rollouts/plan?facts=true", wanted);
  ASSERT_EQ(asked.status, 200) << asked.body;
  const auto body = asked.json();
  EXPECT_EQ(body.at("facts").at("sites").as_array().size(), 2u);
  EXPECT_EQ(body.at("facts").at("kinds").at(0).at("failing").to_number<double>(), 0);
  EXPECT_EQ(post("rollouts/plan?facts=perhaps", wanted).detail(), "facts: must be true or false");
}

}  // namespace
}  // namespace dray::testing_support
