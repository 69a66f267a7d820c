#include "adapters/sqlite/gateway_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace dray::adapters {
namespace {

using gateway::Write;

class GatewayStoreTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_ = testing::TempDir() + "dray_gateway_store_" + std::to_string(::getpid()) + ".sqlite";
};

TEST_F(GatewayStoreTest, GivesBackWhatWasCommittedLast) {
  {
    auto store = GatewayStore::open({.path = path_});
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->commit(
        {{Write::put("job", "b", "1"), Write::put("job", "a", "2")}, {Write::put("plan", "x", "3")}}));
    ASSERT_TRUE((*store)->commit(
        {{Write::put("job", "b", "4"), Write::erase("plan", "x")}, {Write::erase("job", "none")}}));
  }
  auto store = GatewayStore::open({.path = path_});
  ASSERT_TRUE(store);
  const auto all = (*store)->load();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].id, "a");
  EXPECT_EQ((*all)[1].text, "4");
}

TEST_F(GatewayStoreTest, LaterWritesOfOneCommitWin) {
  auto store = GatewayStore::open({.path = path_});
  ASSERT_TRUE((*store)->commit(
      {{Write::put("job", "a", "1")}, {Write::erase("job", "a")}, {Write::put("job", "a", "3")}}));
  const auto all = (*store)->load();
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ(all->front().text, "3");
}

TEST_F(GatewayStoreTest, TextMayHoldAnyByte) {
  auto store = GatewayStore::open({.path = path_});
  const std::string odd{"a\0b\n\xff\"'", 8};
  ASSERT_TRUE((*store)->commit({{Write::put("job", "odd", odd)}}));
  EXPECT_EQ((*store)->load()->front().text, odd);
}

}  // namespace
}  // namespace dray::adapters
