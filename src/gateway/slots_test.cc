// Who receives, and who is shown a link: the rules of slots.h one by one, and that nobody waits for good.
#include "gateway/slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace dray::gateway {
namespace {

constexpr Duration kPoll{60'000};

class SlotsTest : public testing::Test {
 protected:
  static Receiver device(const std::string& name, bool foreign = true, int priority = 0) {
    return {JobId{"job-" + name}, DeviceId{name}, priority, foreign};
  }
  bool polls(const Receiver& who) { return slots.ask(who, true, now, now, rules).shown; }
  bool polls(const std::string& name, int priority = 0) { return polls(device(name, true, priority)); }
  // An agent asks for bytes.
  bool fetches(const std::string& name, int priority = 0) {
    const Receiver who = device(name, false, priority);
    if (!slots.may_begin(who, rules)) {
      slots.turned_away(who, now, rules);
      return false;
    }
    slots.begin(who, now);
    return true;
  }
  void uses(const std::string& name) { slots.begin(device(name), now); }
  void ends(const std::string& name) { slots.end(JobId{"job-" + name}, now); }
  void pass(Duration time) {
    now += time;
    slots.sweep(now, rules);
  }

  Slots slots;
  Slots::Rules rules{1, kPoll};
  SteadyTime now{Duration{1'000'000}};
};

TEST_F(SlotsTest, ALinkIsTakenByAPollAndNotBefore) {
  EXPECT_FALSE(slots.line_of(device("off"), now, rules)) << "its poll would take it";
  EXPECT_FALSE(slots.shows(device("off")));
  EXPECT_TRUE(polls("a")) << "who is off is in nobody's way";
  EXPECT_TRUE(slots.shows(device("a")));
  EXPECT_TRUE(polls("a")) << "and stays";
  EXPECT_FALSE(polls("b"));
}

// A plan may give one device two jobs: what it receives for the first makes no other one's link give way, where there is
// none and where there is one.
TEST_F(SlotsTest, ADeviceThatReceivesMayBeShownTheLinkOfItsOtherJob) {
  const Receiver other{JobId{"job-a-2"}, DeviceId{"a"}, 0, true};
  ASSERT_TRUE(polls("a"));
  uses("a");
  EXPECT_TRUE(polls(other));
  ends("a");
  rules.concurrency = 2;
  uses("a");
  slots.leave(DeviceId{"a"});
  ASSERT_TRUE(polls("b"));
  const Slots::Asked asked = slots.ask(other, true, now, now, rules);
  EXPECT_TRUE(asked.shown);
  EXPECT_FALSE(asked.withdrawn) << "b keeps its link";
  EXPECT_TRUE(slots.shows(device("b")));
}

TEST_F(SlotsTest, ALinkThatIsNotUsedGoesToTheEndOfTheLine) {
  ASSERT_TRUE(polls("a"));
  ASSERT_FALSE(polls("b"));
  ASSERT_FALSE(polls("c"));
  pass(2 * kPoll - Duration{1});
  EXPECT_FALSE(polls("b"));
  pass(Duration{1});
  EXPECT_FALSE(slots.shows(device("a")));
  EXPECT_FALSE(polls("a"));
  EXPECT_FALSE(polls("c")) << "b has waited longer";
  EXPECT_TRUE(polls("b"));
  pass(2 * kPoll);
  EXPECT_FALSE(polls("b"));
  EXPECT_FALSE(polls("a"));
  EXPECT_TRUE(polls("c"));
}

TEST_F(SlotsTest, WhoWaitsAndGoesOffHoldsUpOthersForThreePollIntervals) {
  rules.concurrency = 2;
  ASSERT_TRUE(polls("a"));
  ASSERT_TRUE(polls("b"));
  ASSERT_FALSE(polls("off"));
  uses("a");
  uses("b");
  EXPECT_FALSE(polls("c"));
  ends("a");
  EXPECT_FALSE(polls("c"));
  pass(3 * kPoll);
  EXPECT_TRUE(polls("c"));
  ends("b");
  EXPECT_TRUE(polls("off")) << "its place was kept";
}

TEST_F(SlotsTest, AShownLinkReservesNoTransmissionAndItsFetchIsServedAndCounts) {
  rules.concurrency = 2;
  ASSERT_TRUE(polls("a"));
  ASSERT_TRUE(polls("b"));
  EXPECT_TRUE(fetches("ours-1"));
  EXPECT_TRUE(fetches("ours-2"));
  EXPECT_FALSE(fetches("ours-3"));
  uses("a");
  uses("b");
  EXPECT_EQ(slots.running(), 4u);
  ends("ours-1");
  ends("ours-2");
  EXPECT_FALSE(fetches("ours-3")) << "two run still";
  ends("a");
  EXPECT_TRUE(fetches("ours-3"));
}

TEST_F(SlotsTest, AnAgentThatWasToldToWaitKeepsItsPlaceBeforeLaterLinks) {
  ASSERT_TRUE(polls("a"));
  uses("a");
  ASSERT_FALSE(polls("b"));
  ASSERT_FALSE(fetches("ours"));
  ASSERT_FALSE(polls("c"));
  ends("a");
  EXPECT_TRUE(polls("b")) << "before the agent";
  uses("b");
  ends("b");
  EXPECT_FALSE(polls("c"));
  EXPECT_TRUE(fetches("ours"));
  EXPECT_FALSE(polls("c"));
  ends("ours");
  EXPECT_TRUE(polls("c"));
}

TEST_F(SlotsTest, AgentsThatOvertakeADeviceAreNotInItsWay) {
  ASSERT_TRUE(fetches("ours-1"));
  ASSERT_FALSE(polls("a")) << "who receives already goes first";
  ends("ours-1");
  ASSERT_TRUE(fetches("ours-2"));
  EXPECT_TRUE(polls("a")) << "who came later does not";
  EXPECT_FALSE(polls("b", 9)) << "one link at most";
  uses("a");
  ends("a");
  EXPECT_FALSE(polls("c", 9)) << "no priority ends what runs";
}

TEST_F(SlotsTest, TheHigherPriorityGoesFirstAndNeverForGood) {
  ASSERT_TRUE(polls("a"));
  ASSERT_FALSE(polls("low"));
  ASSERT_FALSE(polls("high", 5));
  uses("a");
  ends("a");
  EXPECT_FALSE(polls("low"));
  EXPECT_TRUE(polls("high", 5));
  uses("high");
  EXPECT_FALSE(polls("low"));
  ends("high");
  EXPECT_FALSE(polls("high", 5)) << "it has had its turn";
  EXPECT_TRUE(polls("low"));
}

TEST_F(SlotsTest, WhoPollsRarelyGetsTheUnusedLinkOfOneThatHadItsTurn) {
  ASSERT_TRUE(polls("stuck"));
  ASSERT_FALSE(polls("rare"));
  pass(3 * kPoll);
  ASSERT_TRUE(polls("stuck")) << "nobody else is there";
  const auto asked = slots.ask(device("rare"), true, now, now, rules);
  EXPECT_TRUE(asked.shown);
  EXPECT_EQ(asked.withdrawn, DeviceId{"stuck"});
  EXPECT_FALSE(slots.shows(device("stuck")));
  EXPECT_FALSE(polls("stuck"));
}

TEST_F(SlotsTest, WhoMayNotFetchForNowKeepsItsPlaceAndIsInNobodysWay) {
  ASSERT_TRUE(polls("a"));
  ASSERT_FALSE(slots.ask(device("unchecked"), false, now, now, rules).shown);
  ASSERT_FALSE(polls("b"));
  uses("a");
  ends("a");
  EXPECT_EQ(slots.in_turn(now, rules), (std::vector{DeviceId{"unchecked"}, DeviceId{"b"}}))
      << "its status is asked for";
  EXPECT_TRUE(slots.enable(DeviceId{"unchecked"}, true));
  EXPECT_FALSE(slots.enable(DeviceId{"unchecked"}, true)) << "no news";
  EXPECT_FALSE(polls("b"));
  EXPECT_TRUE(polls("unchecked"));
}

TEST_F(SlotsTest, WhoLeavesOrEndsIsInNobodysWay) {
  ASSERT_TRUE(polls("a"));
  ASSERT_FALSE(polls("b"));
  ASSERT_FALSE(polls("c"));
  EXPECT_TRUE(slots.leave(DeviceId{"a"}));
  EXPECT_TRUE(slots.release(JobId{"job-b"}, DeviceId{"b"}));
  EXPECT_FALSE(slots.release(JobId{"job-b"}, DeviceId{"b"}));
  EXPECT_TRUE(polls("c"));
}

TEST_F(SlotsTest, ATransmissionThatStandsStillIsOver) {
  ASSERT_TRUE(fetches("ours"));
  slots.begin(device("ours", false), now);  // a second body
  ends("ours");
  EXPECT_EQ(slots.running(), 1u);
  pass(Slots::kNoProgress - Duration{1});
  slots.progress(JobId{"job-ours"}, now);
  EXPECT_EQ(slots.next_sweep(rules), now + Slots::kNoProgress);
  pass(Slots::kNoProgress);
  EXPECT_EQ(slots.running(), 0u);
  EXPECT_FALSE(slots.end(JobId{"job-ours"}, now));
}

TEST_F(SlotsTest, SaysWhatIsBeforeWhomWaits) {
  rules.concurrency = 3;
  for (const std::string name : {"a", "b", "c"}) ASSERT_TRUE(polls(name));
  ASSERT_FALSE(polls("d"));
  EXPECT_EQ(slots.line_of(device("d"), now, rules), (core::Line{0, 3, 3, 0}));
  EXPECT_EQ(slots.line_of(device("e"), now, rules), (core::Line{0, 3, 3, 1})) << "before its first poll";
  for (const std::string name : {"a", "b", "c"}) uses(name);
  EXPECT_EQ(slots.line_of(device("d"), now, rules), (core::Line{3, 3, 0, 0}));
  ASSERT_FALSE(fetches("ours"));
  EXPECT_EQ(slots.line_of(device("ours", false), now, rules), (core::Line{3, 3, 0, 0}));
  ends("a");
  EXPECT_FALSE(slots.line_of(device("ours", false), now, rules));
  EXPECT_FALSE(slots.line_of(device("d"), now, rules)) << "its turn";
}

TEST_F(SlotsTest, AsManyAreNextAsMayReceive) {
  rules.concurrency = 2;
  for (const std::string name : {"a", "b", "c", "d", "e"}) polls(name);
  for (const std::string name : {"c", "d"}) EXPECT_TRUE(slots.is_next(DeviceId{name}, now, rules)) << name;
  for (const std::string name : {"a", "e", "f"})
    EXPECT_FALSE(slots.is_next(DeviceId{name}, now, rules)) << name;
}

// --- nobody waits for good ---

// A site of devices of all kinds, step by step in a random order.
class Crowd {
 public:
  enum class Kind {
    kOff,      // never polls
    kGoesOff,  // polls now and then at first
    kNeverFetches,
    kOnce,   // fetches once
    kAgain,  // fetches, fails, and comes again, for ever
    kRare,   // polls every ten intervals, fetches once
    kAgent,  // ours, once
    kAgentAgain,
  };
  static constexpr Duration kStep{5'000};

  Crowd(unsigned seed, const std::vector<Kind>& kinds) : chance_{seed} {
    rules_ = {1 + pick(3), kPoll};
    const std::size_t n = 4 + pick(12);
    for (std::size_t i = 0; i < n; ++i) {
      Device d;
      d.kind = kinds[pick(kinds.size())];
      const std::string name = "d" + std::to_string(i);
      d.who = {JobId{name}, DeviceId{name}, static_cast<int>(pick(3)),
               d.kind != Kind::kAgent && d.kind != Kind::kAgentAgain};
      d.next = now_ + pick(12) * kStep;
      devices_.push_back(d);
    }
  }

  // Each device before this one twice, and the longest that a turn takes; a device that polls rarely comes
  // back.
  Duration longest_wait() const {
    const auto turns = static_cast<Duration::rep>(2 * devices_.size() / rules_.concurrency + 2);
    return turns * (kLongest + rules_.present()) + 30 * kPoll;
  }

  void run() {
    for (const SteadyTime end = now_ + 2 * longest_wait(); now_ < end; now_ += kStep) {
      slots_.sweep(now_, rules_);
      std::shuffle(devices_.begin(), devices_.end(), chance_);
      for (Device& d : devices_) step(d);
      std::size_t open = 0;
      for (const Device& d : devices_) open += d.who.foreign && slots_.shows(d.who) ? 1 : 0;
      ASSERT_LE(open, rules_.concurrency);
      for (const Device& d : devices_)
        ASSERT_LE(now_ - d.waits_since.value_or(now_), longest_wait()) << d.who.device.value() << " starves";
    }
  }

 private:
  static constexpr Duration kLongest{300'000};
  struct Device {
    Kind kind{};
    Receiver who;
    SteadyTime next, ends;
    std::optional<SteadyTime> waits_since;  // told to wait
    bool receives = false, done = false;
  };
  std::size_t pick(std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(chance_); }

  void step(Device& d) {
    if (d.kind == Kind::kOff || d.done) return;
    if (d.receives) {
      slots_.progress(d.who.job, now_);
      if (now_ < d.ends) return;
      slots_.end(d.who.job, now_);
      slots_.release(d.who.job, d.who.device);
      d.receives = false;
      d.done = d.kind != Kind::kAgain && d.kind != Kind::kAgentAgain;
      d.next = now_ + pick(4) * kStep;
    } else if (now_ >= d.next) {
      d.next = now_ + pause(d);
      d.who.foreign ? poll(d) : fetch(d);
    }
  }
  Duration pause(const Device& d) {
    if (!d.who.foreign) return (1 + pick(6)) * kStep;
    return d.kind == Kind::kRare ? 10 * kPoll + pick(5) * kStep : kPoll + pick(2) * kStep;
  }
  void poll(Device& d) {
    if (d.kind == Kind::kGoesOff && pick(3) == 0) {
      d.done = true;  // and says nothing of it
      d.waits_since.reset();
      return;
    }
    const bool shown = slots_.ask(d.who, true, now_, now_, rules_).shown;
    if (!shown && !d.waits_since) d.waits_since = now_;
    if (!shown) return;
    d.waits_since.reset();
    if (d.kind != Kind::kNeverFetches && d.kind != Kind::kGoesOff && pick(4) > 0) receive(d);
  }
  void fetch(Device& d) {
    const std::size_t before = slots_.running();
    if (slots_.may_begin(d.who, rules_)) {
      ASSERT_LT(before, rules_.concurrency);
      d.waits_since.reset();
      return receive(d);
    }
    ASSERT_GE(before, rules_.concurrency);
    slots_.turned_away(d.who, now_, rules_);
    if (!d.waits_since && d.kind == Kind::kAgent) d.waits_since = now_;  // between agents it is chance
  }
  void receive(Device& d) {
    slots_.begin(d.who, now_);
    d.receives = true;
    d.ends = now_ + (1 + pick(static_cast<std::size_t>(kLongest / kStep))) * kStep;
  }

  std::mt19937 chance_;
  Slots slots_;
  Slots::Rules rules_;
  SteadyTime now_{Duration{1'000'000}};
  std::vector<Device> devices_;
};

void expect_nobody_starves(const std::vector<Crowd::Kind>& kinds) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Crowd crowd{seed, kinds};
    crowd.run();
    if (testing::Test::HasFatalFailure()) return;
  }
}

using Kind = Crowd::Kind;

TEST(SlotsCrowd, WhoeverPollsHasItsTurnInTimeWhateverOthersDo) {
  expect_nobody_starves(
      {Kind::kOff, Kind::kGoesOff, Kind::kNeverFetches, Kind::kOnce, Kind::kRare, Kind::kAgent});
}
TEST(SlotsCrowd, WhoeverPollsHasItsTurnBesideDevicesThatFailForEver) {
  expect_nobody_starves(
      {Kind::kOff, Kind::kNeverFetches, Kind::kOnce, Kind::kAgain, Kind::kAgain, Kind::kAgent});
}
TEST(SlotsCrowd, ForeignDevicesHaveTheirTurnBesideAgentsThatComeForEver) {
  expect_nobody_starves(
      {Kind::kGoesOff, Kind::kNeverFetches, Kind::kOnce, Kind::kAgain, Kind::kAgentAgain, Kind::kAgentAgain});
}

}  // namespace
}  // namespace dray::gateway
