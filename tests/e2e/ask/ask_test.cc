// Put off and cancelled by people, with the real programs: by drayctl at the server and at the site, with
// kill -9 in between.
#include <gtest/gtest.h>

#include <csignal>
#include <functional>

#include "base/time.h"
#include "support/stack.h"

namespace dray::e2e {
namespace {

using testing_support::Stack;

class Ask : public testing::Test {
 protected:
  void SetUp() override {
    stack_.start_gateway();
    stack_.make_type("board", {"os"});
    stack_.make_device("dev-1", "board", {"os"});
    stack_.make_device("dev-2", "board", {"os"});
    const std::string sha = stack_.push_image("board", "os", "2", std::string(1000, 'x'));
    stack_.start_rollout("2", {sha}, "delivery = \"pull\"\nupdate_at = \"+30m\"\nexpires_at = \"+6h\"\n");
    ASSERT_TRUE(until("dev-1", [](const auto& job) { return job.at("reason") == "waiting_update_time"; }));
    ASSERT_TRUE(until("dev-2", [](const auto& job) { return job.at("reason") == "waiting_update_time"; }));
  }
  boost::json::value job(const std::string& device) { return stack_.device_view(device).at("job"); }
  WallTime update_at(const std::string& device) {
    return *parse_rfc3339(std::string_view{job(device).at("update_at").as_string()});
  }
  bool until(const std::string& device, const std::function<bool(const boost::json::value&)>& fits) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!fits(job(device)))
      if (std::chrono::steady_clock::now() > end)
        return ADD_FAILURE() << boost::json::serialize(job(device)), false;
    return true;
  }
  bool until_time(const std::string& device, WallTime when) {
    return until(device, [&](const auto& j) {
      return *parse_rfc3339(std::string_view{j.at("update_at").as_string()}) == when;
    });
  }
  boost::json::value at_gateway(std::vector<std::string> words) {
    words.insert(words.begin(), {"--gateway", stack_.gateway_process().local_url()});
    return stack_.ctl(words);
  }
  static std::string text(const boost::json::value& value) { return std::string{value.as_string()}; }

  Stack stack_;
};

TEST_F(Ask, M9_TheServerDefersOneDeviceUntilItWithdraws) {
  const WallTime planned = update_at("dev-1");
  const auto made =
      stack_.ctl({"device", "defer", "dev-1", "--for", "2h", "--by", "ines", "--why", "stocktaking"});
  const WallTime later = *parse_rfc3339(text(made.at("until")));
  ASSERT_TRUE(until_time("dev-1", later));
  EXPECT_EQ(job("dev-1").at("reason"), "deferred_by_operator");
  EXPECT_EQ(update_at("dev-2"), planned);
  stack_.gateway_process().kill();
  stack_.start_gateway();
  ASSERT_TRUE(until_time("dev-1", later));
  EXPECT_THROW(stack_.ctl({"device", "defer", "dev-1", "--for", "7h"}),
               std::runtime_error);  // past the expiry
  EXPECT_EQ(stack_.ctl({"deferral", "list"}).as_array().size(), 1U);
  EXPECT_FALSE(stack_.ctl({"deferral", "withdraw", text(made.at("id"))}).at("stands").as_bool());
  EXPECT_TRUE(until_time("dev-1", planned));
}

TEST_F(Ask, M9_M19_TheSiteDefersAndCancelsWithTheServerAway) {
  const WallTime planned = update_at("dev-1");
  stack_.server().signal(SIGKILL);
  stack_.server().wait();
  const auto made = at_gateway({"defer", "--for", "1h", "--by", "kim"});
  EXPECT_EQ(made.at("jobs").to_number<int>(), 2);
  EXPECT_THROW(at_gateway({"defer", "--for", "7h"}), std::runtime_error);
  EXPECT_EQ(text(at_gateway({"cancel", "r1-dev-2", "--by", "kim", "--why", "sold"}).at("job")), "r1-dev-2");
  const auto jobs = at_gateway({"jobs"});
  EXPECT_EQ(jobs.as_array()[0].at("reason"), "deferred_by_operator");
  EXPECT_EQ(jobs.as_array()[1].at("state"), "cancelled");
  stack_.start_server();
  ASSERT_TRUE(until("dev-2", [](const auto& j) { return j.at("state") == "cancelled"; }));
  ASSERT_TRUE(until_time("dev-1", *parse_rfc3339(text(made.at("until")))));
  const auto rollout = stack_.ctl({"rollout", "show", "r1"});
  EXPECT_EQ(rollout.at("failed").to_number<int>(), 0);  // no failure of it
  EXPECT_EQ(text(stack_.ctl({"deferral", "list"}).as_array()[0].at("from")), "site");
  at_gateway({"withdraw", text(made.at("id"))});
  EXPECT_TRUE(until_time("dev-1", planned));
}

TEST_F(Ask, SaysWhyAndWhatWouldHaveToHappen) {
  stack_.ctl({"site", "defer", "berlin", "--for", "2h", "--why", "stocktaking"});
  ASSERT_TRUE(until("dev-1", [](const auto& j) { return j.at("reason") == "deferred_by_operator"; }));
  const std::string words = stack_.ctl_words({"device", "why", "dev-1"});
  for (const char* part :
       {"deferred (deferred_by_operator)", "why:", "until:", "helps: The deferral ends by itself"})
    EXPECT_NE(words.find(part), std::string::npos) << words;
  EXPECT_NE(stack_.ctl_words({"job", "why", "r1-dev-1"}).find("deferred_by_operator"), std::string::npos);
  const std::string site = stack_.ctl_words({"site", "why", "berlin"});
  EXPECT_NE(site.find("berlin: working"), std::string::npos) << site << "what has reported was heard";
  EXPECT_NE(stack_.ctl_words({"rollout", "why", "r1"}).find("r1: "), std::string::npos);
}

}  // namespace
}  // namespace dray::e2e
