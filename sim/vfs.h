// SQLite on a SimDisk: each write, truncate, sync, create and delete of it is a write point of the disk, and
// a frozen disk answers SQLITE_IOERR to all, so that closing a database in a crash can not checkpoint it.
//
//   Vfs vfs{disk, random, [&] { return clock.wall(); }};
//   auto db = Db::open({.path = "gateway.db", .vfs = vfs.name()});
//
// No shared memory: locking_mode=EXCLUSIVE, set before WAL, needs none. One process, so locks always succeed.
// SQLite's own generator (WAL salts) is global to the process: the newest Vfs seeds it.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <string>

#include "base/time.h"
#include "sim/disk.h"

namespace dray::sim {

class Vfs {
 public:
  Vfs(SimDisk& disk, SimRandom random, std::function<WallTime()> wall);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  const std::string& name() const { return name_; }

 private:
  struct Calls;  // the C functions, in vfs.cc

  SimDisk& disk_;
  SimRandom random_;
  std::function<WallTime()> wall_;
  std::string name_;
  sqlite3_vfs vfs_{};
  int temporaries_ = 0;
};

}  // namespace dray::sim
