#include "wire/ddi_client.h"

#include <gtest/gtest.h>

#include "wire/json.h"

namespace dray::wire::client {
namespace {

constexpr std::string_view kHawkbitDeployment =
    R"({"id":"123","deployment":{"download":"forced","update":"forced",
  "maintenanceWindow":"available","chunks":[{"part":"bApp","version":"1.4.0","name":"rootfs","artifacts":[{"filename":"rootfs.swu",
  "hashes":{"sha1":"0123456789ABCDEF0123456789abcdef01234567","md5":"x"},"size":2560,"_links":{
  "download-http":{"href":"http://gw:8080/DEFAULT/controller/v1/d/softwaremodules/31/artifacts/rootfs.swu"}}}],
  "metadata":[{"key":"channel","value":"stable"}]}]},"actionHistory":{"status":"RETRIEVED"}})";

TEST(DdiClient, ReadsAPollOfAnyServer) {
  const auto poll = decode_poll(R"({"config":{"polling":{"sleep":"00:05:00"}},"_links":{
    "deploymentBase":{"href":"https://h/d/deploymentBase/123?c=-1"},"configData":{"href":"https://h/d/configData"},"other":{"href":"x"}}})");
  ASSERT_TRUE(poll);
  EXPECT_EQ(poll->sleep, std::chrono::seconds{300});
  EXPECT_EQ(poll->deployment, "https://h/d/deploymentBase/123?c=-1");
  EXPECT_EQ(poll->config_data, "https://h/d/configData");
  EXPECT_EQ(poll->cancel, "");
  const auto bare = decode_poll(R"({"config":{"polling":{"sleep":"soon"}}})");
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->sleep);
  EXPECT_FALSE(decode_poll("<html>Please log in</html>"));
  EXPECT_FALSE(decode_poll("[]"));
}

TEST(DdiClient, TakesAnOrderWithoutSha256AndWithOnlyTheHttpLink) {
  const auto found = decode_deployment(kHawkbitDeployment, {{"bApp", "app"}});
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_EQ(found->order.parts.size(), 1U);
  const auto& part = found->order.parts[0];
  EXPECT_EQ(part.component, "app");
  EXPECT_EQ(part.sha1, "0123456789abcdef0123456789abcdef01234567");
  EXPECT_EQ(part.size, 2560U);
  EXPECT_TRUE(part.url.starts_with("http://gw:8080/"));
  EXPECT_FALSE(found->order.hold);
}

TEST(DdiClient, ADigestNeverBecomesAPath) {
  std::string text{kHawkbitDeployment};
  text.replace(text.find("0123456789ABCDEF"), 40, "../../../../../../../../../../etc/passwd");
  EXPECT_FALSE(decode_deployment(text, {}));
}

TEST(DdiClient, SkipMeansFetchButDoNotInstall) {
  std::string text{kHawkbitDeployment};
  text.replace(text.find(R"("update":"forced")"), 17, R"("update":"skip"  )");
  EXPECT_TRUE(decode_deployment(text, {})->order.hold);
}

TEST(DdiClient, FindsTheActionInALinkAndInACancel) {
  EXPECT_EQ(*action_in_link("http://h/DEFAULT/controller/v1/d/confirmationBase/123?c=-21"), ActionId{123});
  EXPECT_FALSE(action_in_link("http://h/d/confirmationBase"));
  EXPECT_EQ(*decode_cancel(R"({"id":"123","cancelAction":{"stopId":"123"}})"), ActionId{123});
  EXPECT_FALSE(decode_cancel(R"({"id":"123"})"));
}

TEST(DdiClient, SaysOnlyWhatHawkbitKnowsUnlessThereIsMoreToSay) {
  EXPECT_EQ(
      encode_feedback(ActionId{7}, {"closed", "success", "Runs os 2", {}}),
      R"({"id":"7","status":{"execution":"closed","result":{"finished":"success"},"details":["Runs os 2"]}})");
  const auto switching =
      *parse_json(encode_feedback(ActionId{7}, {"proceeding", "none", "", {{"phase", "switching"}}}));
  EXPECT_EQ(switching.at("dray").at("phase").as_string(), "switching");
  EXPECT_EQ(encode_confirmation({}), R"({"confirmation":"confirmed"})");
  EXPECT_EQ(
      encode_confirmation({false, "busy", std::chrono::seconds{60}, "in use"}),
      R"({"confirmation":"denied","details":["in use"],"dray":{"answer":"busy","retry_after":60,"why":"in use"}})");
}

}  // namespace
}  // namespace dray::wire::client
