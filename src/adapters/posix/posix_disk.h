// Disk below one folder of the machine. Paths can't leave it: absolute paths and ".." are refused as text,
// and the kernel resolves with RESOLVE_BENEATH (openat2(2), Linux 5.6), so a symbolic link that leads out is
// refused too, whoever put it there and whenever.
//
// Any thread; synchronous (a worker calls it). Files are created with `permissions`, folders with the same
// and the right to enter where there is one to read.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "ports/disk.h"

namespace dray::adapters {

class PosixDisk : public Disk {
 public:
  // Creates the root where it is missing. Throws std::system_error where it can't be opened (start-up).
  explicit PosixDisk(std::filesystem::path root, mode_t permissions = 0600);
  ~PosixDisk() override;
  PosixDisk(const PosixDisk&) = delete;
  PosixDisk& operator=(const PosixDisk&) = delete;

  const std::filesystem::path& root() const { return root_path_; }

  Result<std::shared_ptr<File>> open(Path path, Mode mode) override;
  Result<> rename(Path from, Path to) override;
  Result<> unlink(Path path) override;
  Result<> make_dir(Path path) override;
  // `to` is what the link says, relative to the folder of `at`; it may hold ".." as long as it stays below
  // the root.
  Result<> symlink(Path to, Path at) override;
  Result<Path> read_link(Path path) override;
  Result<> sync_dir(Path path) override;
  Result<std::vector<std::string>> list(Path path) override;
  std::uint64_t free_bytes() const override;

 private:
  std::filesystem::path root_path_;
  mode_t permissions_;
  int root_ = -1;
};

}  // namespace dray::adapters
