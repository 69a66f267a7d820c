#include "adapters/posix/folder_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace dray::adapters {
namespace {

class FolderLockTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  const std::filesystem::path folder_ = testing::TempDir() + "dray_folder_lock_" + std::to_string(::getpid());
};

TEST_F(FolderLockTest, IsHeldByOneAndNamesIt) {
  const auto first = FolderLock::take(folder_);
  ASSERT_TRUE(first) << first.error().message();
  const auto second = FolderLock::take(folder_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConflict);
  EXPECT_NE(second.error().message().find("(" + std::to_string(::getpid()) + ")"), std::string::npos);
  EXPECT_NE(second.error().message().find(folder_.string()), std::string::npos);
  EXPECT_TRUE(FolderLock::take(folder_, "other.lock")) << "another file, another lock";
}

TEST_F(FolderLockTest, IsFreeAgainWhenItsHolderIsGone) {
  {
    const auto first = FolderLock::take(folder_);
    ASSERT_TRUE(first);
    EXPECT_FALSE(FolderLock::take(folder_));
  }
  EXPECT_TRUE(FolderLock::take(folder_)) << "the file stays, the lock does not";
}

TEST_F(FolderLockTest, SaysWhyAFolderCanNotBeUsed) {
  std::filesystem::create_directory(folder_ / "lock");
  const auto taken = FolderLock::take(folder_);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message().find("lock"), std::string::npos);
}

}  // namespace
}  // namespace dray::adapters
