// Names with any sign in them, in the addresses and answers of the gateway's own API: what a page or a shell sends
// encoded is found, and what is shown is what it is called.
#include "gateway/testing/gateway_test_rig.h"
#include "wire/ddi.h"

namespace dray::gateway {
namespace {

using namespace testing_world;  // NOLINT(google-build-using-namespace): the rig is what this file is about

class LocalNamesTest : public GatewayTest {
 protected:
  static bool shows(const Answer& answer, const char* list, const char* member, const std::string& name) {
    const auto all = boost::json::parse(answer.body);
    for (const auto& one : all.at(list).as_array())
      if (one.at(member).is_string() && one.at(member).as_string() == name) return true;
    return false;
  }
};

TEST_F(LocalNamesTest, AreFoundByTheirEncodedAddressAndShownAsTheyAre) {
  const std::vector<std::string> names{"a \"b\" 'c'", "a/b/cancel", "100%", "%2F", "a?b#c&d=e", "<b>x</b>", "Größe 漢 🛒", "a+b;c,d"};
  plan_for(static_cast<int>(names.size()));
  bytes_ = some_bytes(1'000);
  artifact_ = server.add_artifact(bytes_, "os", "2.0", 31);
  core::Plan& plan = server.plan;
  for (std::size_t i = 0; i < names.size(); ++i) plan.devices[i].name = DeviceId{names[i]};
  add_jobs({{artifact_.sha256}});
  for (auto& job : plan.assignments[0].jobs) job.id = JobId{job.device.value()};
  plan.assignments[0].planned_at = wall() + 1h;
  start();
  ASSERT_TRUE(until([&] { return gateway().site().jobs().size() == names.size(); }));
  for (const std::string& name : names) {
    EXPECT_TRUE(shows(local(Method::kGet, "/api/v1/jobs"), "jobs", "id", name)) << name;
    EXPECT_TRUE(shows(local(Method::kGet, "/api/v1/devices"), "devices", "name", name)) << name;
    const std::string part = wire::escape_url(name);
    EXPECT_EQ(local(Method::kPost, "/api/v1/devices/" + part + "/alone", R"({"by":"ines"})").status, 200) << name;
    const boost::json::object wish{{"device", name}, {"until", to_rfc3339(wall() + 2h)}, {"by", name}, {"why", name}};
    const Answer made = local(Method::kPost, "/api/v1/deferrals", boost::json::serialize(wish));
    EXPECT_EQ(made.status, 201) << made.body;
    for (const char* member : {"device", "by", "why"}) EXPECT_TRUE(shows(local(Method::kGet, "/api/v1/deferrals"), "deferrals", member, name)) << name;
    EXPECT_EQ(local(Method::kPost, "/api/v1/jobs/" + part + "/cancel", R"({"by":"ines"})").status, 200) << name;
  }
  for (const char* broken : {"%zz", "%", "a%0"}) {
    EXPECT_EQ(local(Method::kPost, "/api/v1/jobs/" + std::string{broken} + "/cancel", "{}").status, 404);
    EXPECT_EQ(local(Method::kDelete, "/api/v1/deferrals/" + std::string{broken}).status, 404);
  }
}

}  // namespace
}  // namespace dray::gateway
