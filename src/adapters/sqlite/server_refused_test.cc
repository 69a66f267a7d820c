// What one entry of a gateway's reports holds stops no other one.
#include <gtest/gtest.h>

#include <limits>

#include "adapters/sqlite/server_store_testing.h"
#include "wire/report_rules.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

class ServerRefused : public StoreFixture {
 protected:
  server::Ingested report(std::vector<wire::Report> reports, std::vector<wire::BadReport> bad = {}) {
    const server::ReportBatch batch{"berlin", std::move(reports), kNow, std::move(bad)};
    return must(store->ingest({&batch})).answers.at(0);
  }
  std::int64_t rows_where(const std::string& table, const std::string& where) {
    StatementCache sql{store->db()};
    auto& find = sql("SELECT count(*) FROM " + table + " WHERE " + where);
    EXPECT_TRUE(must(find.step()));
    return find.integer(0);
  }
  wire::SiteView view() {
    auto out = must(lists.site("berlin"));
    wire::describe_site(out, kNow);
    return out;
  }
};

TEST_F(ServerRefused, AnEntryIsSetAsideAcknowledgedAndNamed) {
  roll_out();
  const auto answer =
      report({job_report(1, 1, "r1-till-1", "downloading"), job_report(1, 3, "r1-till-1", "succeeded")},
             {{core::ReportsSeen{1, 2}, "device till-1", "boot_id: must be a string"}});
  EXPECT_EQ(answer.acknowledged, (core::ReportsSeen{1, 3}));
  EXPECT_EQ(answer.refused, 1);
  EXPECT_EQ(state("r1-till-1"), "succeeded");
  EXPECT_EQ(view().reason, "report_refused");
  EXPECT_EQ(view().refused.count, 1);
  EXPECT_EQ(view().refused.what, "device till-1");
  EXPECT_NE(view().sentence.find(
                "1 entry could not be taken, the last one (device till-1) at 2026-11-24T00:00:00Z: "
                "boot_id: must be a string."),
            std::string::npos)
      << view().sentence;
  const auto last =
      report({}, {{core::ReportsSeen{1, 4}, "device till-1", "no"}, {{}, "entry 1", "not JSON"}});
  EXPECT_EQ(last.acknowledged, (core::ReportsSeen{1, 4}));
  EXPECT_EQ(report({}, {{core::ReportsSeen{1, 4}, "device till-1", "no"}}).refused, 0)
      << "a doubled one counts once";
  EXPECT_EQ(view().refused.count, 3);
}

TEST_F(ServerRefused, AStateThatIsNotKnownIsSetAsideAndTheLastKnownOneStands) {
  roll_out();
  report({job_report(1, 1, "r1-till-1", "downloading")});
  std::string odd = wire::encode_report(job_report(1, 2, "r1-till-1", "succeeded"));
  odd.replace(odd.find("succeeded"), 9, "beaming_up");
  auto entries = must(wire::decode_entries("[" + odd + "," + wire::encode_report(job_report(1, 3, "r1-till-1", "downloading")) + "]"));
  const auto answer = report(std::move(entries.good), std::move(entries.bad));
  EXPECT_EQ(answer.acknowledged, (core::ReportsSeen{1, 3}));
  EXPECT_EQ(answer.refused, 1);
  EXPECT_EQ(state("r1-till-1"), "downloading");
  EXPECT_EQ(view().refused.what, "job r1-till-1");
  EXPECT_TRUE(view().refused.why.starts_with("state: 'beaming_up' is not known here")) << view().refused.why;
}

// Of a program that took any word: the row is read, counted by its own word, and goes on.
TEST_F(ServerRefused, AStoredStateThatNobodyKnowsIsReadAndGoesOn) {
  roll_out();
  report({job_report(1, 1, "r1-till-1", "downloading")});
  StatementCache sql{store->db()};
  must(sql("UPDATE job SET state='beaming_up' WHERE state='downloading'").run());
  must(sql("UPDATE phase_count SET state='beaming_up' WHERE state='downloading'").run());
  EXPECT_EQ(state("r1-till-1"), "unknown");
  EXPECT_EQ(must(lists.rollout(RolloutId{"r1"})).states.at(0).at(core::JobState::kUnknown), 1);
  report({job_report(1, 2, "r1-till-1", "succeeded")});
  EXPECT_EQ(state("r1-till-1"), "succeeded");
  const auto counted = must(lists.rollout(RolloutId{"r1"})).states.at(0);
  EXPECT_FALSE(counted.contains(core::JobState::kUnknown));
  EXPECT_EQ(counted.at(core::JobState::kSucceeded), 1);
}

TEST_F(ServerRefused, AGatewayNamesNoOtherSitesDevices) {
  roll_out();
  wire::DeferralReport own{{"d1", DeviceId{"till-1"}, {}, kNow + 1h, "ines", ""}, false}, others = own, moved = own;
  others.deferral.id = "d2";
  others.deferral.device = moved.deferral.device = DeviceId{"till-2"};  // of lyon
  moved.withdrawn = true;
  const auto rate = [](const char* device) { return wire::RateReport{"lan", DeviceId{device}, 7, 1000, 900, 3, 60}; };
  const wire::RegisteredReport stranger{DeviceId{"till-9"}, {}}, known{DeviceId{"till-2"}, {{"a", "b"}}};
  const auto answer = report({{1, 1, kNow, own}, {1, 2, kNow, others}, {1, 3, kNow, rate("till-1")}, {1, 4, kNow, rate("till-2")}, {1, 5, kNow, rate("till-9")},
                              {1, 6, kNow, wire::RateReport{"wan", {}, 7, 1000, 900, 3, 60}}, {1, 7, kNow, stranger}, {1, 8, kNow, known}});
  EXPECT_EQ(answer.acknowledged, (core::ReportsSeen{1, 8}));
  EXPECT_EQ(answer.refused, 3);
  EXPECT_EQ(view().refused.what, "registered till-2");
  EXPECT_EQ(view().refused.why, "device: 'till-2' belongs to another site");
  EXPECT_EQ(rows_where("site_deferral", "device='till-1'"), 1);
  EXPECT_EQ(rows_where("site_deferral", "device='till-2'"), 0);
  EXPECT_EQ(rows_where("rate", "device='till-2'"), 0);
  EXPECT_EQ(rows_where("rate", "device='till-1'"), 1);
  EXPECT_EQ(rows_where("rate", "device='till-9'"), 0) << "of a device that nobody has added nothing is planned";
  EXPECT_EQ(rows_where("registered", "1"), 1);
  EXPECT_EQ(report({{1, 9, kNow, moved}}).refused, 0) << "what was put off before it moved may end";
  EXPECT_EQ(rows_where("site_deferral", "id='d1' AND withdrawn=1"), 1);
}

TEST_F(ServerRefused, ADeviceWithAForeignNameIsAddedAndUpdated) {
  const std::string name = "Kasse 3:b";
  EXPECT_EQ(report({{1, 1, kNow, wire::RegisteredReport{DeviceId{name}, {{"a", "b"}}}}}).refused, 0);
  EXPECT_EQ(must(lists.registered({})).items.size(), 1U);
  add_device(name, "berlin", "till");
  EXPECT_TRUE(must(lists.registered({})).items.empty());
  roll_out();
  const auto plan = must(store->load_plan("berlin"));
  EXPECT_NE(std::find_if(plan.devices.begin(), plan.devices.end(), [&](const auto& d) { return d.name.value() == name; }), plan.devices.end());
  EXPECT_EQ(report({job_report(1, 2, "r1-" + name, "downloading")}).refused, 0);
  EXPECT_EQ(state("r1-" + name), "downloading");
}

TEST_F(ServerRefused, HostileNumbersDoNotStopASite) {
  roll_out();
  report({job_report(1, 1, "r1-till-1", "scheduled")});
  for (const std::int64_t epoch : {kHuge, wire::kMostInteger, std::int64_t{1'002}}) {
    const auto answer =
        report({job_report(epoch, 1, "r1-till-1", "failed"), job_report(1, 2, "r1-till-1", "downloading")});
    EXPECT_EQ(answer.acknowledged, (core::ReportsSeen{1, 2})) << epoch;
    EXPECT_EQ(answer.refused, 1);
    EXPECT_FALSE(answer.resync);
  }
  EXPECT_EQ(report({job_report(1, kHuge, "r1-till-1", "failed")}).acknowledged.seq, 2);
  EXPECT_EQ(report({}, {{core::ReportsSeen{1, kHuge}, "job r1-till-1", "no"}}).acknowledged.seq, 2);
  EXPECT_EQ(report({}, {{core::ReportsSeen{1, 3}, "job r1-till-1", "attempt: no"}}).acknowledged.seq, 3) << "as its reader says";
  EXPECT_EQ(state("r1-till-1"), "downloading");
  EXPECT_EQ(view().refused.what, "job r1-till-1");
  report({job_report(1, 4, "r1-till-1", "failed", 1'000'000)});
  EXPECT_EQ(state("r1-till-1"), "failed");
  EXPECT_LE(must(store->load_plan("berlin")).action_ids.size(), 2u);
}

// Another program, or damage, may have left a number that no sum survives.
TEST_F(ServerRefused, OneRowDoesNotStopThePlanning) {
  roll_out();
  report({job_report(1, 1, "r1-till-1", "failed", 1'000'000)});
  for (const std::int64_t attempt : {kHuge, kHuge - 1}) {
    must(store->db().execute("UPDATE job SET state='failed', attempt=" + std::to_string(attempt)));
    wire::NewRollout rollout{.release_name = "tills", .release_version = "2", .filter = ""};
    rollout.phases.resize(1);
    rollout.terms = {.delivery = core::Delivery::kPull, .update_at = kNow + 2h, .expires_at = kNow + 9h};
    const auto filter = must(core::parse_filter("", core::kDeviceFields));
    EXPECT_TRUE(lists.what_if(
        rollout, filter, plan_type, [](const server::SiteWork&) { return kNow; }, kNow))
        << attempt;
  }
}

TEST_F(ServerRefused, WhatFailsToBeStoredIsSetAsideByItself) {
  roll_out();
  must(
      store->db().execute("CREATE TRIGGER one BEFORE UPDATE ON device WHEN NEW.boot_id='bad' BEGIN SELECT "
                          "raise(ABORT, 'no such boot'); END;"
                          "CREATE TRIGGER two BEFORE INSERT ON log_line WHEN NEW.text='bad' BEGIN SELECT "
                          "abs(-9223372036854775807 - 1); END"));
  wire::DeviceReport device;
  device.device = DeviceId{"till-1"};
  device.boot_id = "bad";
  const wire::LogReport log{JobId{"r1-till-1"}, 1, {"good", "bad"}};
  const auto answer =
      report({{1, 1, kNow, device}, {1, 2, kNow, log}, job_report(1, 3, "r1-till-1", "succeeded")});
  EXPECT_EQ(answer.refused, 2);
  EXPECT_EQ(answer.acknowledged.seq, 3);
  EXPECT_EQ(state("r1-till-1"), "succeeded");
  EXPECT_TRUE(must(lists.log(JobId{"r1-till-1"})).empty()) << "all of an entry, or nothing";
  EXPECT_NE(view().refused.why.find("integer overflow"), std::string::npos) << view().refused.why;
}

TEST_F(ServerRefused, WhatASiteMayHaveStoredIsBounded) {
  std::vector<wire::Report> reports;
  std::int64_t seq = 0;
  for (int i = 0; i < 1'500; ++i)
    reports.push_back({1, ++seq, kNow, wire::RegisteredReport{DeviceId{"stray-" + std::to_string(i)}, {}}});
  for (int i = 0; i < 1'500; ++i) {
    core::Deferral deferral{"l" + std::to_string(i), DeviceId{}, AssignmentId{}, kNow + 1h, "kim", ""};
    reports.push_back({1, ++seq, kNow, wire::DeferralReport{deferral, i % 10 == 0}});
  }
  const auto answer = report(std::move(reports));
  EXPECT_EQ(answer.acknowledged.seq, seq);
  EXPECT_GT(answer.refused, 800);
  const auto count = [&](const std::string& table) {
    Statement find{store->db(), "SELECT count(*) FROM " + table};
    EXPECT_TRUE(*find.step());
    return find.integer(0);
  };
  EXPECT_EQ(count("registered"), wire::kMostRegistered);
  EXPECT_EQ(count("site_deferral"), wire::kMostSiteDeferrals);
  EXPECT_NE(view().sentence.find("at most 1000"), std::string::npos) << view().sentence;
  report({{1, ++seq, kNow, wire::RegisteredReport{DeviceId{"stray-7"}, {{"hw", "2"}}}}});
  EXPECT_EQ(view().refused.count, answer.refused) << "what is known is renewed";
}

}  // namespace
}  // namespace dray::adapters
