#include "adapters/sqlite/db.h"
#include "adapters/sqlite/server_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace dray::adapters {
namespace {

class DbTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_ = testing::TempDir() + "dray_db_" + std::to_string(::getpid()) + ".sqlite";
};

TEST_F(DbTest, KeepsWhatWasCommittedAndDropsWhatWasNot) {
  {
    auto db = Db::open({.path = path_});
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->execute("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)"));
    auto kept = Transaction::begin(*db);
    Statement insert{*db, "INSERT INTO t(id, name) VALUES(?1, ?2)"};
    EXPECT_TRUE(insert.bind(1, std::int64_t{1}).bind(2, "one").run());
    ASSERT_TRUE(kept->commit());
    auto dropped = Transaction::begin(*db);
    EXPECT_TRUE(insert.bind(1, std::int64_t{2}).bind_null(2).run());
  }
  auto db = Db::open({.path = path_});
  Statement select{*db, "SELECT id, name FROM t"};
  ASSERT_TRUE(*select.step());
  EXPECT_EQ(select.integer(0), 1);
  EXPECT_EQ(select.text(1), "one");
  EXPECT_FALSE(*select.step());
}

TEST_F(DbTest, MigratesStepByStepAndRefusesADatabaseFromTheFuture) {
  const std::array<std::string_view, 2> both{"CREATE TABLE a(x)", "CREATE TABLE b(x)"};
  {
    auto db = Db::open({.path = path_});
    ASSERT_TRUE(db->migrate(std::span{both}.first(1)));
    ASSERT_TRUE(db->migrate(both));
    ASSERT_TRUE(db->execute("INSERT INTO b VALUES(1)"));
  }
  auto db = Db::open({.path = path_});
  EXPECT_EQ(db->migrate(std::span{both}.first(1)).error().code(), ErrorCode::kConflict);
}

TEST_F(DbTest, ARepeatedKeyIsAConflict) {
  auto db = Db::open({.path = path_});
  ASSERT_TRUE(db->execute("CREATE TABLE t(id INTEGER PRIMARY KEY)"));
  Statement insert{*db, "INSERT INTO t VALUES(1)"};
  EXPECT_TRUE(insert.run());
  EXPECT_EQ(insert.run().error().code(), ErrorCode::kConflict);
}

// Seen by the address sanitizer: a text that was put together for one call was the key for all later ones.
TEST_F(DbTest, AStatementIsKeptByItsTextAndNotByWhereThatStood) {
  auto db = Db::open({.path = path_});
  StatementCache sql{*db};
  std::string text = "SELECT 1";
  const Statement* first = &sql(text);
  text = "SELECT 2";
  const Statement* second = &sql(text);
  EXPECT_NE(first, second);
  text.assign(text.size(), 'x');
  EXPECT_EQ(&sql("SELECT 1"), first);
  EXPECT_EQ(&sql("SELECT 2"), second);
}

}  // namespace
}  // namespace dray::adapters
