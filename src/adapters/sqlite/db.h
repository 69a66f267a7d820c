// SQLite through its C API, owned by RAII. One Db belongs to one thread at a time (the `store` worker).
//
//   auto db = Db::open({.path = "gateway.db"});
//   Statement insert{*db, "INSERT INTO job(id, doc) VALUES(?1, ?2)"};
//   insert.bind(1, id).bind(2, doc);
//   DRAY_CHECK(insert.run());
//
// Journal: WAL, locking EXCLUSIVE (set before WAL, so no shared memory is needed and the simulator's VFS can
// do without), synchronous=FULL: an acknowledged commit survives power loss. NORMAL was measured to lose
// rows.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace dray::adapters {

// How saves went: commits, and statements that write by themselves. What a row refuses (a key that is taken) is no failure
// of the database. Written by the thread that owns the Db, read by any.
struct SaveCounts {
  bool failing = false;  // the last one failed
  std::uint64_t failed = 0;
  std::string last;  // why the last failed one did
};
class SaveWatch {
 public:
  void note(const Result<>& saved);
  SaveCounts counts() const;

 private:
  mutable std::mutex mutex_;
  SaveCounts counts_;
};

class Db {
 public:
  struct Options {
    std::string path;
    std::string vfs;         // empty: the platform's
    bool read_only = false;  // a second connection for lists; needs exclusive = false on the first
    bool exclusive = true;
  };
  static Result<Db> open(const Options& options);

  Db(Db&& other) noexcept = default;
  Db& operator=(Db&& other) noexcept = default;

  // One or more statements without parameters or rows.
  Result<> execute(const std::string& sql);
  // Runs every migration numbered above PRAGMA user_version, each in its own transaction. migrations[0] leads
  // to version 1. A database from a newer program is kConflict.
  Result<> migrate(std::span<const std::string_view> migrations);

  sqlite3* handle() const { return handle_.get(); }
  std::int64_t last_rowid() const { return sqlite3_last_insert_rowid(handle_.get()); }
  SaveWatch& saves() const { return *saves_; }
  std::int64_t changes() const { return sqlite3_changes64(handle_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  explicit Db(sqlite3* handle) : handle_{handle} {}
  std::unique_ptr<sqlite3, Close> handle_;
  std::unique_ptr<SaveWatch> saves_ = std::make_unique<SaveWatch>();
};

// A prepared statement, reused. Bad SQL is a bug and ends the process; what the disk does is an Error.
class Statement {
 public:
  Statement(Db& db, std::string_view sql);

  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::int64_t value);
  Statement& bind_null(int index);

  Result<> run();       // no rows wanted; resets
  Result<bool> step();  // true: a row is there; false: the end, and reset
  void reset();

  std::string text(int column) const;
  std::int64_t integer(int column) const;
  bool is_null(int column) const;
  bool is_integer(int column) const;  // else integer() makes a number of whatever is there

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  sqlite3* db_;
  SaveWatch* saves_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// BEGIN IMMEDIATE .. COMMIT; rolled back where commit() was not reached.
class Transaction {
 public:
  static Result<Transaction> begin(Db& db);
  Result<> commit();
  ~Transaction();
  Transaction(Transaction&& other) noexcept : db_{std::exchange(other.db_, nullptr)} {}
  Transaction& operator=(Transaction&&) = delete;

 private:
  explicit Transaction(Db& db) : db_{&db} {}
  Db* db_;
};

}  // namespace dray::adapters
