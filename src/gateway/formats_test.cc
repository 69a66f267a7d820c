// What programs wrote at each date in tests/formats, read by this one: nothing is lost, and every job is where it was.
#include <fstream>
#include <sstream>

#include "gateway/gateway.h"
#include "gateway/testing/gateway_test_rig.h"
#include "gateway/testing/stored.h"
#include "places.h"

namespace dray::gateway {
namespace {

using testing_world::GatewayTest;
using testing_world::Stored;

std::string file_text(const std::string& path) {
  std::ifstream in{path};
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> sets() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator{std::string{DRAY_SOURCE_DIR} + "/tests/formats"})
    if (std::filesystem::exists(entry.path() / "gateway" / "gateway.dump")) out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

class StoredFormats : public GatewayTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    const std::string set = std::string{DRAY_SOURCE_DIR} + "/tests/formats/" + GetParam() + "/gateway/";
    said_ = boost::json::parse(file_text(set + "said.json"));
    auto db = adapters::Db::open({.path = folder() + "/gateway.db"});
    ASSERT_TRUE(db);
    const auto done = db->execute(file_text(set + "gateway.dump"));
    ASSERT_TRUE(done) << done.error().message();
    // Nobody is there, and it is the time at which it was kept.
    server.away = true;
    const auto then = parse_rfc3339(said_.at("status").at("contact").at("now").as_string());
    ASSERT_TRUE(then);
    clock.error = *then - clock.true_wall();
    settings.retry = {std::chrono::seconds{3600}, std::chrono::seconds{3600}};
    settings.cancel_within = std::chrono::seconds{86'400};
  }
  // The artifacts' files; what is in them matters to nobody here.
  void touch_artifacts() {
    Stored stored{folder()};
    std::filesystem::create_directories(folder() + "/data/blobs");
    for (const Document& one : stored.of(kind::kArtifact)) std::ofstream{folder() + "/data/blobs/" + one.id} << "bytes";
  }
  std::map<std::string, std::string> states(const boost::json::value& jobs) const {
    std::map<std::string, std::string> out;
    for (const auto& job : jobs.as_array())
      out[std::string{job.at("id").as_string()}] =
          std::string{job.at("state").as_string()} + " / " + std::string{job.at("reason").as_string()};
    return out;
  }
  boost::json::value said_;
};

TEST_P(StoredFormats, EverythingIsUnderstood) {
  touch_artifacts();
  const auto before = Stored{folder()}.all();
  start();
  ASSERT_FALSE(gateway().failure());
  EXPECT_TRUE(gateway().site().damage().all().empty())
      << gateway().site().damage().all().front().name() << ": " << gateway().site().damage().all().front().why;
  EXPECT_EQ(states(local(Method::kGet, "/api/v1/jobs").json().at("jobs")), states(said_.at("jobs")));
  auto deferrals = local(Method::kGet, "/api/v1/deferrals").json().at("deferrals");
  for (auto& one : deferrals.as_array()) one.as_object().erase("stands");  // came later
  EXPECT_EQ(deferrals, said_.at("deferrals"));
  const auto status = local(Method::kGet, "/api/v1/status").json();
  EXPECT_GE(status.at("reports_waiting").as_int64(), said_.at("status").at("reports_waiting").as_int64());
  // Numbers go on where they were.
  for (const Document& one : before) {
    if (one.kind != kind::kMeta) continue;
    const auto kept = boost::json::parse(one.text);
    if (one.id == "counters") {
      EXPECT_GE(gateway().site().outbox().last().seq, kept.at("seq").as_int64());
    }
    if (one.id == "link") {
      EXPECT_EQ(status.at("link").at("lan_bytes"), kept.at("lan"));
    }
  }
}

TEST_P(StoredFormats, WhatIsWrittenAnewIsTheSame) {
  touch_artifacts();
  start();
  const auto jobs = gateway().site().jobs();
  const std::string deferrals = local(Method::kGet, "/api/v1/deferrals").body;
  // A word for every job makes it be saved again.
  for (const auto& [id, job] : jobs)
    if (!core::is_final(job)) gateway().site().apply(id, core::CancelAsked{"c-x", "ines", "all of them"});
  std::map<JobId, core::Job> after = gateway().site().jobs();
  restart();
  EXPECT_TRUE(gateway().site().damage().all().empty());
  EXPECT_TRUE(gateway().site().jobs() == after);
  EXPECT_EQ(local(Method::kGet, "/api/v1/deferrals").body, deferrals);
}

INSTANTIATE_TEST_SUITE_P(Sets, StoredFormats, testing::ValuesIn(sets()), [](const auto& set) {
  std::string name = set.param;
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(StoredFormatsTool, KeptSomething) { EXPECT_GE(sets().size(), 2u); }

}  // namespace
}  // namespace dray::gateway
