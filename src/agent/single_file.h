// Installer "single-file": each component is one file at a fixed path, replaced by rename; the one before is
// kept as
// "<path>.old". Several components switch one after the other, not in one step; `info` says so.
//
//   <path>, <path>.new (staged), <path>.old (to go back to), <root>/single-file.json (what they are)
#pragma once

#include <optional>

#include "agent/disk_installer.h"

namespace dray::agent {

class SingleFileInstaller : public DiskInstaller {
 public:
  // files: component -> path below the root.
  SingleFileInstaller(Disk& disk, Path root, Disk& payloads, Worker& worker,
                      std::map<std::string, Path> files)
      : DiskInstaller{disk, std::move(root), payloads, worker}, files_{std::move(files)} {}

 protected:
  InstallerAnswer info() override;
  Result<InstallerAnswer> installed(const Stopping& stopping) override;
  Result<> download(const InstallerEnv& env, const Stopping& stopping) override;
  Result<> install(const InstallerEnv& env, const Stopping& stopping) override;
  Result<> verify(const Stopping& stopping) override;
  Result<> commit() override;
  Result<> rollback(const Stopping& stopping) override;
  Result<> cancel() override;

 private:
  using Entry = FileRecord;
  using Book = FileBook;

  Result<Book> book() const;
  Result<> save(const Book& book);
  Result<Path> path_of(const std::string& component) const;
  // Notes switches that were made and, for a power cut, never written down.
  Result<Book> settled(const Stopping& stopping);
  Result<> keep_old_of_unknown(Entry& entry, const Path& path, const Stopping& stopping);
  Result<> keep_old(Entry& entry, const Path& path, const Stopping& stopping);
  Result<> switch_one(Entry& entry, const Path& path, const Stopping& stopping);

  std::map<std::string, Path> files_;
};

}  // namespace dray::agent
