#include "gateway/outbox.h"

#include <gtest/gtest.h>

namespace dray::gateway {
namespace {

const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 30}};

wire::RegisteredReport device(const std::string& name) { return {DeviceId{name}, {}}; }

TEST(Outbox, WhatIsSetAsideIsKeptUntilItsSubjectIsTold) {
  Outbox outbox;
  outbox.add(device("a"), kNow);
  outbox.add(device("b"), kNow);
  const Outbox::Batch first = outbox.batch(1);
  ASSERT_EQ(first.reports.size(), 1u);
  const Writes writes = outbox.set_aside(first.last.seq, "no such device", kNow);
  EXPECT_EQ(outbox.size(), 1u);
  ASSERT_EQ(outbox.aside().size(), 1u);
  EXPECT_EQ(outbox.aside().begin()->first, "registered/a");

  Outbox again;
  ASSERT_EQ(writes[0].kind, kind::kAside);
  ASSERT_TRUE(again.restore_aside({writes[0].kind, writes[0].id, *writes[0].text}));
  EXPECT_EQ(again.aside().at("registered/a").report, first.reports[0]);
  EXPECT_EQ(again.aside().at("registered/a").why, "no such device");

  outbox.add(device("a"), kNow);
  outbox.acknowledge(outbox.last());
  EXPECT_TRUE(outbox.aside().empty());
  EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, ANumberThatNobodyGaveIsNotTakenUp) {
  Outbox outbox;
  wire::Report report;
  report.epoch = 1;
  report.seq = wire::kMostInteger;
  report.body = device("a");
  EXPECT_FALSE(outbox.restore(report));
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.last(), (core::ReportsSeen{1, 0}));
}

TEST(Outbox, WhatWasSupersededIsNotSetAside) {
  Outbox outbox;
  outbox.add(device("a"), kNow);
  const Outbox::Batch sent = outbox.batch(1);
  outbox.add(device("a"), kNow);
  EXPECT_TRUE(outbox.set_aside(sent.last.seq, "no", kNow).empty());
  EXPECT_EQ(outbox.size(), 1u);
  EXPECT_TRUE(outbox.aside().empty());
}

}  // namespace
}  // namespace dray::gateway
