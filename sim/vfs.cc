#include "sim/vfs.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "base/assert.h"

namespace dray::sim {
namespace {

struct Handle {
  std::shared_ptr<SimFile> file;
  Path path;
  SimDisk* disk = nullptr;
  bool sync_folder = false;  // at the first sync of a new journal, as SQLite's own unix VFS does
  bool delete_on_close = false;
};

struct CFile {  // what SQLite allocates for us
  sqlite3_file base;
  Handle* handle;
};

Handle& of(sqlite3_file* file) { return *reinterpret_cast<CFile*>(file)->handle; }

Path folder_of(const Path& path) {
  const auto slash = path.rfind('/');
  return slash == Path::npos ? Path{} : path.substr(0, slash);
}

int x_close(sqlite3_file* file) {
  std::unique_ptr<Handle> handle{&of(file)};
  handle->file.reset();
  if (handle->delete_on_close) static_cast<void>(handle->disk->unlink(handle->path));
  return SQLITE_OK;
}

int x_read(sqlite3_file* file, void* out, int amount, sqlite3_int64 at) {
  const auto bytes = std::span{static_cast<std::byte*>(out), static_cast<std::size_t>(amount)};
  const auto n = of(file).file->read(static_cast<std::uint64_t>(at), bytes);
  if (!n) return SQLITE_IOERR_READ;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(*n), bytes.end(), std::byte{0});
  return *n == bytes.size() ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int x_write(sqlite3_file* file, const void* in, int amount, sqlite3_int64 at) {
  const auto bytes = ByteView{static_cast<const std::byte*>(in), static_cast<std::size_t>(amount)};
  const auto done = of(file).file->write(static_cast<std::uint64_t>(at), bytes);
  if (done) return SQLITE_OK;
  return done.error().code() == ErrorCode::kExhausted ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int x_truncate(sqlite3_file* file, sqlite3_int64 size) {
  return of(file).file->truncate(static_cast<std::uint64_t>(size)) ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int x_sync(sqlite3_file* file, int /*flags*/) {
  Handle& handle = of(file);
  if (!handle.file->sync()) return SQLITE_IOERR_FSYNC;
  if (handle.sync_folder && !handle.disk->sync_dir(folder_of(handle.path))) return SQLITE_IOERR_DIR_FSYNC;
  handle.sync_folder = false;
  return SQLITE_OK;
}

int x_size(sqlite3_file* file, sqlite3_int64* size) {
  if (of(file).disk->frozen()) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(of(file).file->size());
  return SQLITE_OK;
}

int x_lock(sqlite3_file* file, int /*level*/) {
  return of(file).disk->frozen() ? SQLITE_IOERR_LOCK : SQLITE_OK;
}
int x_unlock(sqlite3_file* /*file*/, int /*level*/) { return SQLITE_OK; }
int x_check_reserved(sqlite3_file* /*file*/, int* reserved) { return *reserved = 0, SQLITE_OK; }
int x_control(sqlite3_file* /*file*/, int /*op*/, void* /*arg*/) { return SQLITE_NOTFOUND; }
int x_sector_size(sqlite3_file* /*file*/) { return SimDisk::kSector; }
int x_characteristics(sqlite3_file* /*file*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

const sqlite3_io_methods kMethods = [] {
  sqlite3_io_methods m{};
  m.iVersion = 1;  // no shared memory
  m.xClose = x_close;
  m.xRead = x_read;
  m.xWrite = x_write;
  m.xTruncate = x_truncate;
  m.xSync = x_sync;
  m.xFileSize = x_size;
  m.xLock = x_lock;
  m.xUnlock = x_unlock;
  m.xCheckReservedLock = x_check_reserved;
  m.xFileControl = x_control;
  m.xSectorSize = x_sector_size;
  m.xDeviceCharacteristics = x_characteristics;
  return m;
}();

}  // namespace

struct Vfs::Calls {
  static Vfs& self(sqlite3_vfs* vfs) { return *static_cast<Vfs*>(vfs->pAppData); }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    Vfs& me = self(vfs);
    file->pMethods = nullptr;  // no close after a failed open
    auto handle = std::make_unique<Handle>();
    handle->disk = &me.disk_;
    handle->path = name != nullptr ? Path{name} : "sqlite-temporary-" + std::to_string(++me.temporaries_);
    handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    const bool exists = me.disk_.exists(handle->path);
    const bool may_create = (flags & SQLITE_OPEN_CREATE) != 0;
    constexpr int kJournals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL;
    handle->sync_folder = may_create && !exists && (flags & kJournals) != 0;
    if (me.disk_.frozen()) return SQLITE_IOERR;
    if (!exists && !may_create) return SQLITE_CANTOPEN;
    const auto opened =
        me.disk_.open_file(handle->path, (flags & SQLITE_OPEN_READONLY) != 0 ? Mode::kRead : Mode::kWrite);
    if (!opened) return me.disk_.frozen() ? SQLITE_IOERR : SQLITE_CANTOPEN;
    handle->file = *opened;
    auto* c_file = reinterpret_cast<CFile*>(file);
    c_file->handle = handle.release();
    c_file->base.pMethods = &kMethods;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    SimDisk& disk = self(vfs).disk_;
    const auto gone = disk.unlink(name);
    if (!gone)
      return gone.error().code() == ErrorCode::kNotFound ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    if (sync_folder != 0 && !disk.sync_dir(folder_of(name))) return SQLITE_IOERR_DIR_FSYNC;
    return SQLITE_OK;
  }

  static int access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    SimDisk& disk = self(vfs).disk_;
    if (disk.frozen()) return SQLITE_IOERR_ACCESS;
    *out = disk.exists(name) ? 1 : 0;
    if (flags == SQLITE_ACCESS_EXISTS && *out != 0) {  // an empty journal is no journal, as in the unix VFS
      const auto file = disk.open_file(name, Mode::kRead);
      if (file && (*file)->size() == 0) *out = 0;
    }
    return SQLITE_OK;
  }

  static int full_path(sqlite3_vfs* /*vfs*/, const char* name, int size, char* out) {
    if (std::strlen(name) >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
    std::strcpy(out, name);
    return SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* vfs, int size, char* out) {
    self(vfs).random_.fill(std::as_writable_bytes(std::span{out, static_cast<std::size_t>(size)}));
    return size;
  }

  static int sleep(sqlite3_vfs* /*vfs*/, int microseconds) { return microseconds; }

  static int time_ms(sqlite3_vfs* vfs, sqlite3_int64* out) {
    constexpr sqlite3_int64 kJulianOfUnixEpoch = 210'866'760'000'000;  // ms from noon, 4714-11-24 BC
    *out = kJulianOfUnixEpoch + self(vfs).wall_().time_since_epoch().count();
    return SQLITE_OK;
  }

  static int time_days(sqlite3_vfs* vfs, double* out) {
    sqlite3_int64 ms = 0;
    time_ms(vfs, &ms);
    *out = static_cast<double>(ms) / 86'400'000.0;
    return SQLITE_OK;
  }
};

Vfs::Vfs(SimDisk& disk, SimRandom random, std::function<WallTime()> wall)
    : disk_{disk},
      random_{random},
      wall_{std::move(wall)},
      name_{"dray-sim-" + std::to_string(reinterpret_cast<std::uintptr_t>(this))} {
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(CFile);
  vfs_.mxPathname = 512;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = Calls::open;
  vfs_.xDelete = Calls::remove;
  vfs_.xAccess = Calls::access;
  vfs_.xFullPathname = Calls::full_path;
  vfs_.xRandomness = Calls::randomness;
  vfs_.xSleep = Calls::sleep;
  vfs_.xCurrentTime = Calls::time_days;
  vfs_.xCurrentTimeInt64 = Calls::time_ms;
  DRAY_ASSERT(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
  const int seed = static_cast<int>(random_.uniform(1'000'000'000)) + 1;
  DRAY_ASSERT(sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed, nullptr) == SQLITE_OK);
}

Vfs::~Vfs() { sqlite3_vfs_unregister(&vfs_); }

}  // namespace dray::sim
