#include "server/plan_taking.h"

#include <gtest/gtest.h>

namespace dray::server {
namespace {

using namespace std::chrono_literals;

const WallTime kAt{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

// Asks so often, ten seconds apart, and is given each revision from `revision` on.
void ask(PlanTaking& taking, int times, std::int64_t revision, std::optional<std::int64_t> has, SteadyTime& now) {
  for (int i = 0; i < times; ++i) {
    taking.asked(has);
    taking.given(revision, now, kAt);
    now += 10s;
  }
}

TEST(PlanTaking, SaysWhatIsGivenForMinutesAndNotTaken) {
  PlanTaking taking;
  SteadyTime now{};
  ask(taking, 12, 7, 5, now);
  EXPECT_FALSE(taking.trouble(now - 10s)) << "not two minutes yet";
  ask(taking, 3, 9, 5, now);  // also where it became another plan meanwhile
  const auto said = taking.trouble(now);
  ASSERT_TRUE(said);
  EXPECT_NE(said->find("revision 7 or a later one 15 times since 2026-11-24T00:00:00Z"), std::string::npos) << *said;
  EXPECT_NE(said->find("it has revision 5"), std::string::npos) << *said;
  taking.asked(9);
  EXPECT_FALSE(taking.trouble(now)) << "taken";
}

TEST(PlanTaking, AGatewayThatHasNoneAtAllIsSaidToo) {
  PlanTaking taking;
  SteadyTime now{};
  ask(taking, 20, 7, {}, now);
  ASSERT_TRUE(taking.trouble(now));
  EXPECT_NE(taking.trouble(now)->find("it has none"), std::string::npos);
}

TEST(PlanTaking, ALostAnswerAndALongSilenceAreNoTrouble) {
  PlanTaking taking;
  SteadyTime now{};
  ask(taking, 2, 7, 5, now);
  now += 24h;
  EXPECT_FALSE(taking.trouble(now));
  taking.asked(7);
  ask(taking, 2, 8, 7, now);
  EXPECT_FALSE(taking.trouble(now + 24h));
}

}  // namespace
}  // namespace dray::server
