// One program at a time on a data folder: two would each overwrite what the other believes to have saved.
//
// An flock(2) on a file in the folder, held until the value is destroyed or the process ends, however it
// ends; so nothing is left to clean up after a crash. The file stays and names the process that holds it.
// Children do not inherit it.
#pragma once

#include <filesystem>
#include <string>

#include "adapters/posix/fd.h"
#include "base/result.h"

namespace dray::adapters {

class FolderLock {
 public:
  // Creates the file where it is missing. kConflict: another process holds it; the message names it.
  static Result<FolderLock> take(const std::filesystem::path& folder, const std::string& file = "lock");

 private:
  explicit FolderLock(Fd fd) : fd_{std::move(fd)} {}
  Fd fd_;
};

}  // namespace dray::adapters
