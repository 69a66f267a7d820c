#include "sim/vfs.h"

#include <gtest/gtest.h>

#include "adapters/sqlite/db.h"

namespace dray::sim {
namespace {

using adapters::Db;
using adapters::Statement;
using adapters::Transaction;

#ifdef DRAY_SANITIZED
constexpr int kDisks = 10;
#else
constexpr int kDisks = 100;
#endif
constexpr int kCrashesOfADisk = 40;  // then a fresh one: a database that grows makes each look slower

// Writes numbered rows until the power goes at a random write point, boots, looks, and goes on.
class Journal {
 public:
  Journal(std::uint64_t seed, std::string synchronous)
      : random_{seed}, disk_{random_.fork("disk")}, synchronous_{std::move(synchronous)} {
    disk_.on_op([this](std::uint64_t n, const std::string&) {
      if (n < cut_at_) return Power::kStays;
      return random_.one_in(2) ? Power::kLostBefore : Power::kLostAfter;
    });
  }

  void crash_once() {
    cut_at_ = disk_.ops() + 1 + random_.uniform(60);
    while (!disk_.frozen()) write_rows();
    disk_.crash();
    cut_at_ = ~std::uint64_t{0};
    look();
  }

  std::int64_t acknowledged = 0, lost = 0;

 private:
  Result<Db> open() {
    DRAY_TRY(Db db, Db::open({.path = "test.db", .vfs = vfs_.name()}));
    DRAY_CHECK(db.execute("PRAGMA wal_autocheckpoint=8; PRAGMA synchronous=" + synchronous_));
    DRAY_CHECK(db.execute("CREATE TABLE IF NOT EXISTS row(id INTEGER PRIMARY KEY, text TEXT)"));
    return db;
  }

  void write_rows() {
    auto db = open();
    if (!db) return;
    Statement insert{*db, "INSERT INTO row VALUES(?1, ?2)"};
    for (int i = 0; i < 40; ++i) {  // then an orderly close, with its checkpoint
      const std::string text(random_.uniform(900), 'x');
      if (!insert.bind(1, acknowledged + 1).bind(2, text).run()) return;
      ++acknowledged;
    }
  }

  void look() {
    auto db = open();
    ASSERT_TRUE(db) << db.error().message();
    Statement check{*db, "PRAGMA integrity_check"};
    ASSERT_TRUE(*check.step());
    ASSERT_EQ(check.text(0), "ok");
    check.reset();
    Statement count{*db, "SELECT count(*), coalesce(max(id), 0) FROM row"};
    ASSERT_TRUE(*count.step());
    const std::int64_t rows = count.integer(0);
    EXPECT_EQ(rows, count.integer(1));  // no hole
    EXPECT_LE(rows, acknowledged + 1);  // the one that was under way may be there
    lost += std::max<std::int64_t>(0, acknowledged - rows);
    acknowledged = rows;
  }

  SimRandom random_;
  SimDisk disk_;
  Vfs vfs_{disk_, random_.fork("vfs"), [] { return WallTime{}; }};
  std::string synchronous_;
  std::uint64_t cut_at_ = 0;
};

struct Sum {
  std::int64_t rows = 0, lost = 0;
};

Sum crash_many(const std::string& synchronous) {
  Sum sum;
  for (int disk = 0; disk < kDisks && !testing::Test::HasFatalFailure(); ++disk) {
    Journal journal{static_cast<std::uint64_t>(disk), synchronous};
    for (int i = 0; i < kCrashesOfADisk && !testing::Test::HasFatalFailure(); ++i) journal.crash_once();
    sum.rows += journal.acknowledged;
    sum.lost += journal.lost;
  }
  testing::Test::RecordProperty("rows", std::to_string(sum.rows));
  testing::Test::RecordProperty("lost", std::to_string(sum.lost));
  return sum;
}

TEST(Vfs, CrashesAtAnyWritePointLoseNoAcknowledgedRowWithSynchronousFull) {
  const Sum sum = crash_many("FULL");
  EXPECT_EQ(sum.lost, 0);
  EXPECT_GT(sum.rows, kDisks * kCrashesOfADisk);
}

// Shows that the simulator bites: the same test must lose rows where SQLite says it may.
TEST(Vfs, CrashesLoseAcknowledgedRowsWithSynchronousNormal) { EXPECT_GT(crash_many("NORMAL").lost, kDisks); }

TEST(Vfs, AFullDiskIsAnErrorAndLosesNothing) {
  SimDisk disk{SimRandom{3}};
  Vfs vfs{disk, SimRandom{4}, [] { return WallTime{}; }};
  auto db = Db::open({.path = "test.db", .vfs = vfs.name()});
  ASSERT_TRUE(db);
  ASSERT_TRUE(db->execute("CREATE TABLE row(text TEXT); INSERT INTO row VALUES('first')"));
  disk.set_capacity(0);
  EXPECT_EQ(db->execute("INSERT INTO row VALUES('second')").error().code(), ErrorCode::kExhausted);
  disk.set_capacity(1 << 20);
  EXPECT_TRUE(db->execute("INSERT INTO row VALUES('third')"));
  Statement count{*db, "SELECT count(*) FROM row"};
  ASSERT_TRUE(*count.step());
  EXPECT_EQ(count.integer(0), 2);
}

TEST(Vfs, SqliteReadsTheSimulatedWallClock) {
  SimDisk disk{SimRandom{3}};
  Vfs vfs{disk, SimRandom{4}, [] { return *parse_rfc3339("2026-11-24T21:40:00Z"); }};
  auto db = Db::open({.path = "test.db", .vfs = vfs.name()});
  ASSERT_TRUE(db);
  Statement now{*db, "SELECT datetime('now')"};
  ASSERT_TRUE(*now.step());
  EXPECT_EQ(now.text(0), "2026-11-24 21:40:00");
}

}  // namespace
}  // namespace dray::sim
