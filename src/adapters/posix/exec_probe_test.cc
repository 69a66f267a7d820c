#include "adapters/posix/exec_probe.h"

#include <gtest/gtest.h>

#include "adapters/posix/system_clock.h"

namespace dray::adapters {
namespace {

class ExecProbeTest : public ::testing::Test {
 protected:
  Result<ProbeAnswer> ask(const std::string& script, Duration limit = Duration{20'000}) {
    ExecProbe probe{io, clock, {{"it", {{"/bin/sh", "-c", script}, {limit, Duration{100}}}}}};
    std::optional<Result<ProbeAnswer>> out;
    asio::co_spawn(io, call(probe, out), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    io.restart();
    io.run();
    return std::move(*out);
  }
  Task<> call(Probe& probe, std::optional<Result<ProbeAnswer>>& out) {
    ProbeSubject subject{"p-1", "printer", "10.0.0.7", said, {{"snmp.community", "site"}}};
    auto answer = co_await probe.run("it", std::move(subject), stop);
    out.emplace(std::move(answer));
  }

  std::map<std::string, std::string> said;  // by the device
  asio::io_context io;
  SystemClock clock{io};
  Stop stop;
};

TEST_F(ExecProbeTest, TellsTheCommandWhoseStatusItIsAndTakesItsWordsAsTheReason) {
  const auto answer = ask("echo $DRAY_DEVICE $DRAY_TYPE $DRAY_ADDRESS $DRAY_ATTRIBUTE_SNMP_COMMUNITY");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->busy);
  EXPECT_EQ(answer->why, "p-1 printer 10.0.0.7 site");
}

TEST_F(ExecProbeTest, ADeviceNeverOverridesWhatAnOperatorGaveHoweverItSpellsIt) {
  said = {{"snmp.community", "evil"}, {"SNMP_COMMUNITY", "evil"}, {"snmp-community", "evil"}, {"zzz", "its own"}, {"DEVICE", "p-2"}};
  const auto answer = ask("echo $DRAY_DEVICE $DRAY_ATTRIBUTE_SNMP_COMMUNITY $DRAY_ATTRIBUTE_ZZZ");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->why, "p-1 site its own");
}

TEST_F(ExecProbeTest, ExitStatusTenIsBusyForAsLongAsItSays) {
  const auto answer = ask("echo retry_after=120; echo printing; exit 10");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->busy);
  EXPECT_EQ(answer->retry_after, std::chrono::seconds{120});
  EXPECT_EQ(answer->why, "printing");
}

TEST_F(ExecProbeTest, WhatItPrintsBecomesText) {
  const auto busy = ask(R"(printf 'retry_after=5\r\ndruckt f\374r Kunden\n'; exit 10)");
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->retry_after, std::chrono::seconds{5});
  EXPECT_EQ(busy->why, "druckt f\xEF\xBF\xBDr Kunden");
  const auto failed = ask(R"(printf 'kein Ger\344t\033[0m\n' >&2; exit 1)");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "status check 'it' failed: kein Ger\xEF\xBF\xBDt␛[0m");
}

TEST_F(ExecProbeTest, AnythingElseIsNoStatus) {
  const auto failed = ask("echo no such host >&2; exit 1");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "status check 'it' failed: no such host");
  const auto slow = ask("exec sleep 600", Duration{50});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code(), ErrorCode::kTimeout);
}

}  // namespace
}  // namespace dray::adapters
