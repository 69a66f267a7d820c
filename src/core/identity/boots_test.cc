#include "core/identity/boots.h"

#include <gtest/gtest.h>

#include "core/identity/place.h"

namespace dray::core {
namespace {

using namespace std::chrono_literals;

const WallTime kFirstBoot{Duration{1'800'000'000'000}};

Boots after(std::initializer_list<const char*> ids, Boots boots = {}, WallTime now = kFirstBoot) {
  for (const char* id : ids) boots = heard_boot(std::move(boots), id, now);
  return boots;
}

TEST(Boots, AnIdThatComesBackIsOfASecondAgent) {
  EXPECT_FALSE(after({"a", "b"}).doubt);
  EXPECT_TRUE(after({"a", "b", "a"}).doubt);
  EXPECT_TRUE(after({"a", "b", "c", "a"}).doubt);
  EXPECT_FALSE(after({"a", "a", "a"}).doubt);
  EXPECT_FALSE(after({"a", "", "a"}).doubt) << "a report without an id says nothing";
}

TEST(Boots, NewIdsAloneAreACrashLoop) {
  Boots boots;
  for (int i = 0; i < 1'000; ++i) {
    boots = heard_boot(std::move(boots), std::to_string(i), kFirstBoot);
    ASSERT_FALSE(boots.doubt);
    ASSERT_LE(boots.earlier.size(), kMostBoots);
  }
}

TEST(Boots, TheDoubtEndsWhereOnlyOneHasAnsweredForLongEnough) {
  Boots boots = after({"a", "b", "a"});
  for (int i = 1; i < kAnswersAlone; ++i) boots = heard_boot(std::move(boots), "a", kFirstBoot + i * 1min);
  EXPECT_TRUE(boots.doubt) << "not for long enough";
  EXPECT_TRUE(alone_by(boots, kFirstBoot + kAlone - 1ms).doubt);
  EXPECT_FALSE(alone_by(boots, kFirstBoot + kAlone).doubt);
  Boots silent = after({"a", "b", "a"});
  EXPECT_TRUE(alone_by(silent, kFirstBoot + 100h).doubt) << "silence is no answer";
}

TEST(Boots, AnotherIdBeginsTheTimeAnew) {
  Boots boots = after({"a", "b", "a"});
  for (int i = 0; i < 20; ++i) boots = heard_boot(std::move(boots), "a", kFirstBoot + i * 3min);
  ASSERT_FALSE(boots.doubt && boots.doubt->changed != kFirstBoot);
  Boots two = after({"a", "b", "a"});
  for (int i = 0; i < 100; ++i) two = heard_boot(std::move(two), i % 7 == 0 ? "b" : "a", kFirstBoot + i * 10min);
  EXPECT_TRUE(two.doubt);
  EXPECT_EQ(two.doubt->since, kFirstBoot);
}

TEST(Boots, AnOperatorEndsTheDoubtAndWhatComesBackLaterIsNews) {
  Boots boots = confirmed_alone(after({"a", "b", "a"}));
  EXPECT_FALSE(boots.doubt);
  boots = heard_boot(std::move(boots), "b", kFirstBoot + 1min);
  EXPECT_FALSE(boots.doubt);
  EXPECT_TRUE(heard_boot(boots, "a", kFirstBoot + 2min).doubt);
}

TEST(Boots, AClockThatWasSetBackStartsTheTimeAnewAndLocksNobodyOut) {
  Boots boots = after({"a", "b", "a"}, {}, kFirstBoot + 10'000h);
  for (int i = 0; i < kAnswersAlone; ++i) boots = heard_boot(std::move(boots), "a", kFirstBoot);
  EXPECT_TRUE(boots.doubt);
  EXPECT_FALSE(alone_by(boots, kFirstBoot + kAlone).doubt);
}

TEST(Place, WhatHappensToOneInstallationLeavesItTheSameAndACopyIsAnother) {
  const Place home{"m1", {"mac:1", "board:7"}, "/var/lib/dray", 2049, 77};
  const auto with = [&](auto change) {
    Place other = home;
    change(other);
    return same_place(home, other);
  };
  EXPECT_TRUE(same_place(home, home));
  EXPECT_TRUE(with([](Place& p) { p.hardware = {"mac:2", "board:7"}; })) << "another network card";
  EXPECT_TRUE(with([](Place& p) { p.path = "/srv/dray"; })) << "moved on its disk";
  EXPECT_TRUE(with([](Place& p) { p.device = 64'768; })) << "device numbers differ after a restart";
  EXPECT_FALSE(with([](Place& p) { p.machine = "m2"; })) << "copied to another machine";
  EXPECT_FALSE(with([](Place& p) { p.hardware = {"mac:2", "board:8"}; })) << "a cloned disk in other hardware";
  EXPECT_FALSE(with([](Place& p) { p.hardware.clear(); })) << "what can't be read is not the same";
  EXPECT_FALSE(with([](Place& p) { p.inode = 78; })) << "copied beside it";
  EXPECT_FALSE(with([](Place& p) { p.path = "/mnt/dray", p.device = 2050; })) << "a cloned file system in the same machine";
}

}  // namespace
}  // namespace dray::core
