#include "gateway/documents/records.h"

#include <gtest/gtest.h>

#include "core/update/job_samples.h"
#include "gateway/documents/format.h"
#include "gateway/documents/unreadable.h"
#include "gateway/store.h"

namespace dray::gateway::documents {
namespace {

const WallTime kAt = core::samples::at(30) + Duration{7};

TEST(Records, WhatWasWithdrawnComesBack) {
  const Withdrawn some{{"l1", WallTime{Duration{1'795'557'600'000}}}, {"l\xc3\xb6", kWallMax}};
  EXPECT_EQ(*read_withdrawn(write_withdrawn(some)), some);
  EXPECT_FALSE(read_withdrawn(R"({"format":2,"deferrals":[{"id":"l1"}]})"));
}

TEST(Records, WhatWasSentBeforeComesBack) {
  const std::set<Sha256> some{*Sha256::parse(std::string(64, 'a')), *Sha256::parse(std::string(64, 'b'))};
  EXPECT_EQ(*read_sent_before(write_sent_before(some)), some);
  EXPECT_EQ(*read_sent_before(write_sent_before({})), std::set<Sha256>{});
  EXPECT_FALSE(read_sent_before(R"({"format":2,"artifacts":["moon"]})"));
}

TEST(Records, ComeBackAsTheyWere) {
  const core::Deferral deferral{"l9", DeviceId{"dev-1"}, AssignmentId{"r1-berlin"}, kAt, "ines", "Köln"};
  EXPECT_TRUE(*read_deferral("l9", write_deferral(deferral)) == deferral);
  const ActionHistory history{3, "ERROR", {"one", "two"}, "LastError: no space", true};
  EXPECT_TRUE(*read_history(write_history(history)) == history);
  const Counters counters{{3, 881}, {3, 870}, 1104, 1000, true};
  EXPECT_TRUE(*read_counters(write_counters(counters)) == counters);
  EXPECT_EQ(*read_clock(write_clock(kAt)), kAt);
  EXPECT_TRUE(*read_link(write_link({1, 2, 3})) == (LinkBytes{1, 2, 3}));
  EXPECT_EQ(*action_of("1101"), ActionId{1101});
}

TEST(Records, OfFormat1AreStillRead) {
  const auto deferral = read_deferral("l9", R"({"device":"dev-1","assignment":"","by":"ines","why":"w","until":1795559400007})");
  ASSERT_TRUE(deferral) << deferral.error().message();
  EXPECT_EQ(deferral->until, kAt);
  EXPECT_TRUE(read_history(R"({"entries":2,"status":"RUNNING","messages":["m"]})"));
  const auto counters = read_counters(R"({"epoch":1,"seq":113,"last_action":27,"action_floor":0})");
  ASSERT_TRUE(counters);
  EXPECT_TRUE(*counters == (Counters{{1, 113}, {1, 0}, 27, 0, false}));
  EXPECT_EQ(*read_clock(R"({"floor":1795559400007})"), kAt);
}

// A device's words once came in as they were.
TEST(Records, BytesThatAreNoTextAreMendedInFormat1Only) {
  EXPECT_EQ(read_history("{\"entries\":1,\"status\":\"RUNNING\",\"messages\":[\"K\xf6ln\"]}")->messages.at(0), "K\xef\xbf\xbdln");
  EXPECT_FALSE(read_history("{\"format\":2,\"entries\":1,\"status\":\"RUNNING\",\"messages\":[\"K\xf6ln\"]}"));
}

TEST(Records, NumbersThatNoProgramWroteAreRefused) {
  EXPECT_FALSE(read_counters(R"({"epoch":9223372036854775807,"seq":1,"last_action":0,"action_floor":0})"));
  EXPECT_FALSE(read_counters(R"({"epoch":1,"seq":9007199254740991,"last_action":0,"action_floor":0})"));
  EXPECT_FALSE(read_counters(R"({"epoch":1,"seq":-1,"last_action":0,"action_floor":0})"));
  EXPECT_FALSE(read_clock(R"({"floor":9223372036854775807})"));
  EXPECT_FALSE(read_clock(R"({"floor":-9223372036854775807})"));
  EXPECT_FALSE(read_link(R"({"wan":-1,"wan_control":0,"lan":0})"));
  for (const char* id : {"", "x", "11x", "-1", "0", "99999999999999999999"}) EXPECT_FALSE(action_of(id)) << id;
}

TEST(Records, AMessageThatIsKeptCarriesTheFormat) {
  EXPECT_EQ(write_message(R"({"a":1})"), R"({"format":2,"a":1})");
  EXPECT_EQ(write_message("{ }"), R"({"format":2 })");
  EXPECT_TRUE(check_message(R"({"format":2,"a":1})"));
  EXPECT_TRUE(check_message(R"({"a":1})"));
  EXPECT_FALSE(check_message(R"({"format":3,"a":1})"));
  EXPECT_FALSE(check_message(R"({"format":"two"})"));
}

TEST(UnreadableFates, EachKindHasItsFate) {
  EXPECT_EQ(fate_of(kind::kDeferral, "l9"), Fate::kHoldsSite);
  EXPECT_EQ(fate_of(kind::kJob, "r1-dev-1"), Fate::kHoldsDevice);
  EXPECT_EQ(fate_of(kind::kPlan, "current"), Fate::kNoPlan);
  EXPECT_EQ(fate_of(kind::kMeta, "counters"), Fate::kNewEpoch);
  EXPECT_EQ(fate_of(kind::kMeta, "clock"), Fate::kNoClock);
  EXPECT_EQ(fate_of(kind::kMeta, "instance"), Fate::kNewName);
  EXPECT_EQ(fate_of(kind::kMeta, "link"), Fate::kBeginAnew);
  EXPECT_EQ(fate_of(kind::kDevice, "dev-1"), Fate::kAskDevice);
  EXPECT_EQ(fate_of(kind::kReport, "job/r1-dev-1"), Fate::kTellAgain);
  EXPECT_EQ(fate_of(kind::kAction, "1101"), Fate::kBeginAnew);
  EXPECT_EQ(fate_of(kind::kRate, "wan/45"), Fate::kBeginAnew);
  EXPECT_EQ(fate_of(kind::kArtifact, "c1"), Fate::kFetchAgain);
}

TEST(UnreadableFates, HoldsWhatItMeansUntilItIsMended) {
  const DeviceId one{"dev-1"}, two{"dev-2"};
  Damage damage;
  EXPECT_EQ(damage.holds(one), "");
  damage.add({"rate", "wan/45", "not JSON", {}});
  EXPECT_EQ(damage.holds(one), "") << "a rate holds nothing";
  damage.add({"job", "r1-dev-1", "not JSON", {}});
  EXPECT_EQ(damage.holds(one), "") << "nobody knows yet whose it is";
  core::Plan plan;
  plan.assignments.resize(1);
  plan.assignments[0].jobs.push_back({JobId{"r1-dev-1"}, one, {}});
  damage.find_owners(plan);
  EXPECT_NE(damage.holds(one).find("job/r1-dev-1 can't be read"), std::string::npos);
  EXPECT_EQ(damage.holds(two), "");
  EXPECT_EQ(damage.holds(DeviceId{}), "") << "not the whole site";
  damage.add({"deferral", "l9", "not JSON", {}});
  EXPECT_NE(damage.holds(two), "");
  EXPECT_NE(damage.holds(DeviceId{}), "");
  damage.mended("deferral", "l9");
  damage.mended("job", "r1-dev-1");
  EXPECT_EQ(damage.holds(one), "");
  EXPECT_EQ(damage.all().size(), 1u);
}

TEST(UnreadableFates, TheDeviceOfAJobIsFoundInWhatIsLeftOfIt) {
  EXPECT_EQ(device_in(R"({"terms":{"id":"x","device":"dev-1","assi)"), DeviceId{"dev-1"});
  EXPECT_EQ(device_in(R"({"terms":{"id":"x","device":"dev)"), DeviceId{});
  EXPECT_EQ(device_in(""), DeviceId{});
}

TEST(UnreadableFates, AJobThatItsDeviceFinishedLastStaysSo) {
  core::Job job = core::make_job(core::samples::terms(), {});
  EXPECT_TRUE(std::holds_alternative<core::Succeeded>(made_again(job, job.terms.id).phase));
  EXPECT_TRUE(std::holds_alternative<core::Planned>(made_again(job, JobId{"another"}).phase));
  job.terms.steps.push_back({core::samples::app()});
  EXPECT_TRUE(std::holds_alternative<core::Planned>(made_again(job, job.terms.id).phase)) << "it may have been the first step";
}

}  // namespace
}  // namespace dray::gateway::documents
