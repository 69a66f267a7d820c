#include "adapters/sqlite/db.h"

#include <string>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"

namespace dray::adapters {
namespace {

Error failure(sqlite3* db, std::string_view what) {
  const int code = db == nullptr ? SQLITE_NOMEM : sqlite3_errcode(db);
  const std::string text = std::string{what} + ": " + (db == nullptr ? "out of memory" : sqlite3_errmsg(db));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Error{ErrorCode::kExhausted, text};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      // Of the whole file, so it fails whatever is under way. kCorrupt is one row that can't be read.
      return Error{ErrorCode::kUnavailable, text + " (the file is damaged; docs/formats.md says what to do)"};
    case SQLITE_CONSTRAINT:
      return Error{ErrorCode::kConflict, text};
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_ERROR:  // what the statement was given: an overflow, a function's argument
      return Error{ErrorCode::kInvalid, text};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return Error{ErrorCode::kDenied, text};
    case SQLITE_BUSY:
      return Error{ErrorCode::kUnavailable, text + " (is another process using it?)"};
    default:
      return Error{ErrorCode::kUnavailable, text};
  }
}

bool is_of_database(const Error& error) {
  return error.code() == ErrorCode::kExhausted || error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kDenied;
}

}  // namespace

void SaveWatch::note(const Result<>& saved) {
  if (!saved && !is_of_database(saved.error())) return;
  const std::scoped_lock lock{mutex_};
  counts_.failing = !saved;
  if (saved) return;
  ++counts_.failed;
  counts_.last = saved.error().message();
}

SaveCounts SaveWatch::counts() const {
  const std::scoped_lock lock{mutex_};
  return counts_;
}

Result<Db> Db::open(const Options& options) {
  sqlite3* raw = nullptr;
  const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code =
      sqlite3_open_v2(options.path.c_str(), &raw, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  Db db{raw};
  if (code != SQLITE_OK) return failure(raw, "opening " + options.path);
  sqlite3_busy_timeout(raw, options.read_only ? 2000 : 0);
  if (options.read_only) return db;
  if (options.exclusive) DRAY_CHECK(db.execute("PRAGMA locking_mode=EXCLUSIVE"));
  DRAY_CHECK(
      db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                 "PRAGMA wal_autocheckpoint=1000; PRAGMA temp_store=MEMORY"));
  if (DRAY_MUTANT("commit_unsynced")) DRAY_CHECK(db.execute("PRAGMA synchronous=OFF"));
  return db;
}

Result<> Db::execute(const std::string& sql) {
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return failure(handle(), sql.substr(0, 60));
  return {};
}

Result<> Db::migrate(std::span<const std::string_view> migrations) {
  std::int64_t version = 0;
  {
    Statement read{*this, "PRAGMA user_version"};
    DRAY_TRY(const bool row, read.step());
    if (row) version = read.integer(0);
  }
  if (version > static_cast<std::int64_t>(migrations.size()))
    return Error{ErrorCode::kConflict, "the database has version " + std::to_string(version) +
                                           ", this program knows up to " + std::to_string(migrations.size())};
  for (auto next = static_cast<std::size_t>(version); next < migrations.size(); ++next) {
    DRAY_TRY(Transaction transaction, Transaction::begin(*this));
    DRAY_CHECK(execute(std::string{migrations[next]}));
    DRAY_CHECK(execute("PRAGMA user_version=" + std::to_string(next + 1)));
    DRAY_CHECK(transaction.commit());
  }
  return {};
}

Statement::Statement(Db& db, std::string_view sql) : db_{db.handle()}, saves_{&db.saves()} {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  statement_.reset(raw);
  if ((code & 0xff) == SQLITE_ERROR) DRAY_ASSERT(!"bad SQL");
}

Statement& Statement::bind(int index, std::string_view text) {
  if (statement_)
    sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  if (statement_) sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}

Statement& Statement::bind_null(int index) {
  if (statement_) sqlite3_bind_null(statement_.get(), index);
  return *this;
}

Result<> Statement::run() {
  auto row = step();
  reset();
  if (!row) return row.error();
  return {};
}

Result<bool> Statement::step() {
  if (!statement_) return failure(db_, "preparing a statement");  // the schema could not be read
  const bool writes = sqlite3_stmt_readonly(statement_.get()) == 0;
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      reset();
      if (writes && sqlite3_get_autocommit(db_) != 0) saves_->note({});
      return false;
    default:
      break;
  }
  Error error = failure(db_, sqlite3_sql(statement_.get()));
  reset();
  if (writes) saves_->note(error);
  return error;
}

void Statement::reset() {
  if (statement_) sqlite3_reset(statement_.get());
}

std::string Statement::text(int column) const {
  const auto* data = sqlite3_column_text(statement_.get(), column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

bool Statement::is_integer(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_INTEGER;
}

Result<Transaction> Transaction::begin(Db& db) {
  const Result<> begun = db.execute("BEGIN IMMEDIATE");
  if (!begun) db.saves().note(begun);
  DRAY_CHECK(begun);
  return Transaction{db};
}

Result<> Transaction::commit() {
  const Result<> committed = db_->execute("COMMIT");
  db_->saves().note(committed);
  DRAY_CHECK(committed);
  db_ = nullptr;
  return {};
}

Transaction::~Transaction() {
  if (db_ != nullptr) static_cast<void>(db_->execute("ROLLBACK"));
}

}  // namespace dray::adapters
