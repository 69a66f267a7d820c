#include "core/update/supersede.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

TEST(SupersededOrder, IsTheLowerInRankWhereBothUpdateOneComponent) {
  const DeviceOrder old{0, 12, {"os", "app"}}, fresh{0, 13, {"os"}}, other{0, 13, {"uefi"}}, high{1, 11, {"app"}};
  EXPECT_TRUE(supersedes(fresh, old));
  EXPECT_FALSE(supersedes(old, fresh));
  EXPECT_FALSE(supersedes(old, old));
  EXPECT_FALSE(supersedes(other, old));
  EXPECT_TRUE(supersedes(high, old));
  EXPECT_FALSE(supersedes(high, fresh)) << "they share none";
}

TEST(SupersededOrder, OfWhatIsOverOnlyTheNewerKeepsOut) {
  EXPECT_TRUE(keeps_out({0, 13, {"os"}}, {0, 12, {"os", "app"}}));
  EXPECT_FALSE(keeps_out({5, 11, {"os"}}, {0, 12, {"os"}}));
  EXPECT_FALSE(keeps_out({0, 13, {"os"}}, {1, 12, {"os"}})) << "the older one was given the higher priority";
}

TEST(SupersededOrder, WhatOnlyItHasIsNamed) {
  EXPECT_EQ(superseded_by("r13 (os 27)", {}), "r13 (os 27)");
  EXPECT_EQ(superseded_by("r13 (os 27)", {"app"}), "r13 (os 27); app is not updated");
  EXPECT_EQ(superseded_by("r13 (os 27)", {"app", "uefi"}), "r13 (os 27); app, uefi are not updated");
}

}  // namespace
}  // namespace dray::core
