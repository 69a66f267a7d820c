#include "wire/gateway_api.h"

#include <gtest/gtest.h>

namespace dray::wire {
namespace {

// The example of docs/gateway-api.md, with real digests.
const std::string kImage(64, 'c');
const std::string kPlan = R"({"revision": 7, "server_time": "2026-11-24T21:40:00Z", "site": "berlin", "time_zone": "Europe/Berlin",
 "reports_seen": {"epoch": 3, "seq": 881}, "action_ids": [{"from": 1101, "to": 1001100}],
 "limits": {"wan": [{"from": "2026-11-24T21:40:00Z", "to": "2026-11-25T21:40:00Z", "rate": 1000000}], "lan": [], "concurrency": 3, "store": 32000000000},
 "device_types": [{"name": "till-t3", "components": ["os", "app"], "order": [["os"], ["app"]], "ask": "confirmation", "ends_on": "power_on",
                   "power_on_within": 600, "probe": null, "parts": {"os": "os", "app": "bApp"}}],
 "devices": [{"name": "till-014", "type": "till-t3", "token_sha256": "9f", "attributes": {}}],
 "artifacts": [{"sha256": ")" + kImage + R"(", "sha1": "", "md5": "", "size": 1380000000, "name": "till-image", "file": "till-image.img",
                "component": "os", "version": "26.11", "module_id": 31}],
 "assignments": [{"id": "r12-berlin", "rollout": "r12", "priority": 0, "delivery": "push", "fetch": "now",
    "planned_at": "2026-11-24T22:15:00Z", "expires_at": "2026-11-30T23:59:00Z",
    "transfer": [["2026-11-24T21:00:00Z", "2026-11-25T05:00:00Z"]], "update": [["2026-11-24T21:15:00Z", "2026-11-25T04:00:00Z"]],
    "retry": {"limit": null}, "status_deferral": 900,
    "jobs": [{"id": "r12-till-014", "device": "till-014", "steps": [[")" + kImage + R"("]]}]}],
 "deferrals": [{"id": "d5", "device": null, "assignment": "r12-berlin", "until": "2026-11-24T23:00:00Z", "by": "ines", "why": "stocktaking"}],
 "cancels": [{"id": "c2", "job": "r12-till-099", "by": "ines", "why": "..."}], "from_the_future": {"x": 1}})";

TEST(GatewayApi, ReadsThePlanOfTheContract) {
  const auto message = decode_plan(kPlan);
  ASSERT_TRUE(message) << message.error().message();
  const core::Plan& plan = message->plan;
  EXPECT_EQ(plan.revision, 7);
  EXPECT_EQ(message->reports_seen, (core::ReportsSeen{3, 881}));
  EXPECT_EQ(plan.device_types.at(0).order, (std::vector<core::Components>{{"os"}, {"app"}}));
  EXPECT_EQ(plan.device_types.at(0).ask, core::Ask::kConfirmation);
  EXPECT_EQ(plan.assignments.at(0).fetch, core::Fetch::kNow);
  EXPECT_FALSE(plan.assignments.at(0).retry.limit);
  EXPECT_EQ(plan.assignments.at(0).jobs.at(0).steps.at(0).at(0).hex(), kImage);
  EXPECT_TRUE(plan.deferrals.at(0).device.empty());
  EXPECT_EQ(plan.limits.store, 32'000'000'000U);
}

TEST(GatewayApi, WritesWhatItReads) {
  const auto first = decode_plan(kPlan);
  ASSERT_TRUE(first);
  const auto again = decode_plan(encode_plan(*first));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->plan, first->plan);
  EXPECT_EQ(again->server_time, first->server_time);
}

TEST(GatewayApi, WhatATypeSaysOfItsBytesAndWhatTheSiteHasPutOffComesBack) {
  PlanMessage message = *decode_plan(kPlan);
  EXPECT_EQ(message.plan.device_types.at(0).bytes_from, core::BytesFrom::kGateway);
  EXPECT_FALSE(message.plan.device_types.at(0).closes_early);
  EXPECT_TRUE(message.plan.site_deferrals.empty()) << "a server that does not know of them";
  message.plan.device_types.at(0).bytes_from = core::BytesFrom::kElsewhere;
  message.plan.device_types.at(0).closes_early = true;
  EXPECT_TRUE(message.plan.device_types.at(0).also_called.empty());
  message.plan.device_types.at(0).also_called = {"till-t3b", "Kasse 3"};
  message.plan.assignments.at(0).held = core::Held{"paused", "The rollout is paused by ines."};
  message.plan.site_deferrals = {{"l9", DeviceId{"till-014"}, AssignmentId{}, *parse_rfc3339("2026-11-24T23:00:00Z"), "kim", "stock"}};
  const auto again = decode_plan(encode_plan(message));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->plan, message.plan);
}

// Of another server: what no device can say is no reason to refuse a plan.
TEST(GatewayApi, NamesThatNoDeviceCanSayAreLeftOut) {
  PlanMessage message = *decode_plan(kPlan);
  message.plan.device_types.at(0).also_called = {"till-t3b", std::string(513, 'x'), "Kasse 3"};
  const auto again = decode_plan(encode_plan(message));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->plan.device_types.at(0).also_called, (std::vector<std::string>{"till-t3b", "Kasse 3"}));
  EXPECT_EQ(again->plan.devices.at(0).says_type, "");
  message.plan.devices.at(0).says_type = "scale-s2";
  EXPECT_EQ(decode_plan(encode_plan(message))->plan.devices.at(0).says_type, "scale-s2");
  message.plan.devices.at(0).says_type = std::string(300, 'x');
  EXPECT_EQ(decode_plan(encode_plan(message))->plan.devices.at(0).says_type, std::string(128, 'x')) << "it is held even so";
  message.plan.device_types.at(0).also_called.assign(1'001, "x");
  const auto many = decode_plan(encode_plan(message));
  ASSERT_TRUE(many) << many.error().message();
  EXPECT_EQ(many->plan.device_types.at(0).also_called.size(), 1'000U);
}

TEST(GatewayApi, NamesTheFieldThatIsWrong) {
  const auto broken = [](std::string what, std::string with) {
    std::string text = kPlan;
    text.replace(text.find(what), what.size(), with);
    const auto plan = decode_plan(text);
    return plan ? std::string{"accepted"} : plan.error().message();
  };
  EXPECT_EQ(broken("\"2026-11-24T22:15:00Z\"", "17").substr(0, 45), "assignments[0].planned_at: must be a string");
  EXPECT_EQ(broken("\"revision\"", "\"rev\""), "revision: is missing");
  EXPECT_EQ(broken("\"push\"", "\"pish\""), "assignments[0].delivery: must be one of pull, push");
  EXPECT_EQ(broken("\"concurrency\": 3", "\"concurrency\": 0"), "limits.concurrency: must lie between 1 and 100000");
  EXPECT_EQ(broken("\"size\": 1380000000", "\"size\": -1").substr(0, 31), "artifacts[0].size: must lie bet");
  EXPECT_EQ(broken("{\"revision\"", "[\"revision\"").substr(0, 8), "not JSON");
}

TEST(GatewayApi, ReadsBackEveryKindOfReport) {
  const WallTime at = *parse_rfc3339("2026-11-24T21:40:00Z");
  JobReport job{JobId{"r12-till-014"}, core::JobState::kInstalling, "installing", "writes", std::nullopt, at, 0, 2, 138, {{"os", "26.11"}}, true, CancelAnswer{"c2", "too_late"}, true,
                core::Cause{"device_failed", "the device reported a failure: no space"}};
  DeviceReport device{DeviceId{"till-014"}, at, "boot", {{"os", {"26.11", kImage}}, {"app", {"1", ""}}}, "idle", {{"hw", "3"}}, true};
  StorageReport storage{{{*Sha256::parse(kImage), 5, true}}, 5, 9, {{*Sha256::parse(kImage), 3}}};
  RateReport rate{"wan", DeviceId{}, 45, 740000, 690000, 214, 4, false, true};
  LogReport log{JobId{"j"}, 2, {"a", "b"}};
  DeferralReport deferral{{"l9", DeviceId{"till-031"}, AssignmentId{}, at, "technician", "busy"}, false};
  RegisteredReport registered{DeviceId{"unknown-7"}, {{"serial", "1"}}};
  std::vector<std::string> encoded;
  std::vector<Report> reports;
  std::int64_t seq = 0;
  for (const ReportBody& body : std::vector<ReportBody>{job, device, storage, rate, log, deferral, registered, UnknownReport{"new"}}) {
    reports.push_back({3, ++seq, at, body});
    encoded.push_back(encode_report(reports.back()));
  }
  const auto again = decode_reports(encode_reports(encoded));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, reports);
}

TEST(GatewayApi, RefusesTooManyReports) {
  std::vector<std::string> many(kMostReports + 1, encode_report({1, 1, WallTime{}, UnknownReport{"x"}}));
  EXPECT_EQ(decode_reports(encode_reports(many)).error().message(), "body: has more than 10000 elements");
}

TEST(Json, TakesRawNewlinesInStringsWhereClientsSendThem) {
  const std::string raw = "{\"details\" : [ \"No artifact download URL reported by server.\n\",\"No \\\"suitable\\\" image\" ]}";
  EXPECT_FALSE(parse_json(raw));
  const auto value = parse_sloppy_json(raw);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("details").as_array()[0].as_string(), "No artifact download URL reported by server.\n");
  EXPECT_EQ(value->at("details").as_array()[1].as_string(), "No \"suitable\" image");
  EXPECT_FALSE(parse_sloppy_json("{\"a\": 1,,}"));
}

}  // namespace
}  // namespace dray::wire
