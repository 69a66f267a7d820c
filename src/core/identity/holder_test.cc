#include "core/identity/holder.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

const WallTime kBegin{Duration{1'800'000'000'000}};

// A site's story, a line a step: who calls how many minutes after the line before, and what comes of it.
struct Line {
  std::chrono::seconds later;
  std::string event;  // "a", "b": a call of this instance; "": one without a name; "start", "held": of the server
  bool holds;         // the answer to a call
  std::string alarm;  // whom two_gateways() names afterwards; "-": nobody
};

struct Story {
  Holding holding;
  WallTime now = kBegin;
  int saves = 0;

  void play(const Line& line) {
    now += line.later;
    if (line.event == "start") {
      holding = after_start(std::move(holding), now);
    } else if (line.event == "held") {
      holding = heard_holder(std::move(holding), now);
    } else if (line.event.starts_with("replace")) {
      const auto name = line.event.size() > 8 ? std::optional<std::string_view>{std::string_view{line.event}.substr(8)} : std::nullopt;
      const auto done = replaced_by(holding, name, now);
      EXPECT_EQ(done.has_value(), line.holds) << line.event << (done ? "" : ": " + done.error().message());
      if (done) holding = *done;
    } else {
      Called called = call_of(holding, line.event, now);
      EXPECT_EQ(called.holds, line.holds) << "a call of '" << line.event << "'";
      saves += called.must_save;
      holding = std::move(called.next);
    }
    const auto two = two_gateways(holding, now);
    EXPECT_EQ(two ? two->other : "-", line.alarm) << "after '" << line.event << "'";
    EXPECT_LE(std::count_if(holding.instances.begin(), holding.instances.end(), [](const auto& i) { return i.role == InstanceRole::kHolds; }), 1);
  }
  void play(const std::vector<Line>& lines) {
    for (const Line& line : lines) play(line);
  }
};

TEST(Holder, TheFirstThatCallsHoldsForAsLongAsItIsHeard) {
  Story story;
  story.play({{0s, "a", true, "-"}, {9min, "a", true, "-"}, {9min, "b", false, "b"}, {0s, "a", true, "b"}, {9min, "b", false, "b"}, {5s, "a", true, "b"}});
  EXPECT_EQ(story.saves, 3) << "who holds, and that there are two, once a minute at most: not every call";
}

TEST(Holder, ANewOneIsLetInWhereTheOtherWasSilentForTenMinutesAndThatIsNoAlarm) {
  Story story;
  story.play({{0s, "a", true, "-"}, {10min, "b", true, "-"}, {1min, "b", true, "-"}});
}

TEST(Holder, AReplacementThatCameTooEarlyIsLetInWhenTheOtherHasBeenSilentForLongEnough) {
  Story story;
  story.play({{0s, "a", true, "-"}, {2min, "b", false, "b"}, {5min, "b", false, "b"}, {3min, "b", true, "-"}});
}

TEST(Holder, AnOlderOneThatSpeaksAgainAfterItWasReplacedIsAnAlarm) {
  Story story;
  story.play({{0s, "a", true, "-"}, {10min, "b", true, "-"}, {5min, "a", false, "a"}, {1min, "b", true, "a"}});
  const auto two = two_gateways(story.holding, story.now);
  ASSERT_TRUE(two);
  EXPECT_TRUE(two->returned);
  EXPECT_EQ(two->since, story.now - 1min);
  EXPECT_EQ(two->until, two->since + kSilent);
}

TEST(Holder, TheAlarmEndsTenMinutesAfterTheOtherWasHeardLast) {
  Story story;
  story.play({{0s, "a", true, "-"}, {1min, "b", false, "b"}, {9min + 59s, "a", true, "b"}, {1s, "a", true, "-"}, {5min, "b", false, "b"}});
  EXPECT_EQ(two_gateways(story.holding, story.now)->since, story.now) << "a new alarm";
}

TEST(Holder, AReplacedOneThatIsLetInBySilenceIsSaidForADay) {
  Story story;
  story.play({{0s, "a", true, "-"}, {10min, "b", true, "-"}, {10min, "a", true, "a"}, {23h, "a", true, "a"}, {1h, "a", true, "-"}});
}

TEST(Holder, AnOperatorChooses) {
  Story story;
  story.play({{0s, "a", true, "-"},
              {1min, "replace", false, "-"},  // nobody else has asked
              {1min, "b", false, "b"},
              {1min, "replace", true, "-"},
              {0s, "b", true, "-"},
              {1min, "a", false, "a"},        // it goes on: an alarm
              {0s, "c", false, "a"},
              {0s, "replace", false, "a"},    // which of them?
              {0s, "replace x", false, "a"},
              {0s, "replace a", true, "c"},
              {0s, "a", true, "c"},
              {1min, "b", false, "c"}});
}

TEST(Holder, AnOperatorsChoiceOfAReplacedOneIsNoReturn) {
  Story story;
  story.play({{0s, "a", true, "-"}, {10min, "b", true, "-"}, {1s, "a", false, "a"}, {1s, "replace", true, "-"}, {1s, "a", true, "-"}});
}

TEST(Holder, OneWithoutANameIsAnInstanceOfItsOwnAndGivesWayToItsNewerVersion) {
  Story story;
  story.play({{0s, "", true, "-"}, {1min, "", true, "-"}, {1s, "a", true, "-"}, {1min, "", false, ""}, {1s, "a", true, ""}, {1s, "b", false, ""}});
}

TEST(Holder, WhatWeCouldNotHearIsNobodysSilence) {
  Story story;
  story.play({{0s, "a", true, "-"}, {3h, "start", true, "-"}, {9min, "b", false, "b"}, {10s, "a", true, "b"}});
}

TEST(Holder, ACallThatIsStillBeingAnsweredIsHeard) {
  Story story;
  story.play({{0s, "a", true, "-"}, {10min, "held", true, "-"}, {1s, "b", false, "b"}});
}

TEST(Holder, AClockThatWasSetBackLocksNobodyOut) {
  Story story;
  story.play({{0s, "a", true, "-"}, {-24h, "b", false, "b"}, {10min, "b", true, "-"}});
}

TEST(Holder, StrangersWithTheTokenDoNotFillTheServer) {
  Story story;
  story.play({{0s, "a", true, "-"}});
  for (int i = 0; i < 1'000; ++i) {
    Called called = call_of(story.holding, "x" + std::to_string(i), story.now += 10ms);
    story.saves += called.must_save;
    story.holding = std::move(called.next);
  }
  EXPECT_EQ(story.saves, 2);
  EXPECT_LE(story.holding.instances.size(), 1 + kMostWaiting);
  for (int i = 0; i < 100; ++i) story.holding = call_of(story.holding, "y" + std::to_string(i), story.now += 11min).next;
  EXPECT_LE(story.holding.instances.size(), 1 + kMostWaiting + kMostReplaced);
}

TEST(Holder, OneThatHasEndedIsNoChoice) {
  Story story;
  story.play({{0s, "a", true, "-"}, {1s, "b", false, "b"}, {6min, "c", false, "c"}, {1s, "a", true, "c"}});
  const auto of = [&](std::string_view name) {
    for (const Instance& i : story.holding.instances)
      if (i.name == name) return presence(i, story.now);
    return std::string_view{};
  };
  EXPECT_EQ(of("a"), "in_use");
  EXPECT_EQ(of("b"), "ended");
  EXPECT_EQ(of("c"), "refused");
  story.play({{1s, "replace", true, "b"}, {0s, "c", true, "b"}});
  EXPECT_EQ(of("a"), "ended");
  story.now += 6min;
  EXPECT_EQ(of("c"), "silent");
}

TEST(Holder, WhereSeveralStillAskEachIsNamedWithItsLastCall) {
  Story story;
  story.play({{0s, "a", true, "-"}, {1s, "b", false, "b"}, {2min, "c", false, "b"}, {12s, "a", true, "b"}});
  const auto which = replaced_by(story.holding, {}, story.now);
  ASSERT_FALSE(which);
  EXPECT_EQ(which.error().message(),
            "several gateways ask for this site, so the instance has to be named: b (asked 2 min 12 s ago), c (asked 12 s ago)");
  Story late;  // the only one, though it was not heard for a while
  late.play({{0s, "a", true, "-"}, {1s, "b", false, "b"}, {8min, "a", true, "b"}, {1s, "replace", true, "-"}});
}

TEST(Holder, OneThatDoesNotAskIsNotLetInByName) {
  Story story;
  story.play({{0s, "a", true, "-"}, {1s, "b", false, "b"}, {1s, "replace b", true, "-"}, {5min, "b", true, "-"}, {5min, "b", true, "-"}});
  const auto back = replaced_by(story.holding, "a", story.now);
  ASSERT_FALSE(back) << "it has ended: nobody would answer for the site";
  EXPECT_EQ(back.error().code(), ErrorCode::kConflict);
  EXPECT_NE(back.error().message().find("has not asked"), std::string::npos);
  Story asks;
  asks.play({{0s, "a", true, "-"}, {1s, "b", false, "b"}, {3min, "a", true, "b"}, {0s, "replace b", true, "-"}});
  EXPECT_EQ(holder(asks.holding)->heard, asks.now - 3min) << "its last call, not the choice";
}

TEST(Holder, NamesAreShortAndPlain) {
  EXPECT_TRUE(is_instance_name("7b1c9f2e-0000-4000-8000-000000000000"));
  EXPECT_FALSE(is_instance_name(""));
  EXPECT_FALSE(is_instance_name("a b"));
  EXPECT_FALSE(is_instance_name(std::string(65, 'a')));
  for (const auto role : {InstanceRole::kHolds, InstanceRole::kWaits, InstanceRole::kReplaced}) EXPECT_EQ(parse_role(role_name(role)), role);
  EXPECT_FALSE(parse_role("rules"));
}

}  // namespace
}  // namespace dray::core
