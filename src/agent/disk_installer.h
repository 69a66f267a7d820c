// What the two built-in installers share: verbs run on the worker, one at a time, and may be stopped between
// pieces.
#pragma once

#include <map>
#include <string>

#include "agent/documents/stored.h"
#include "agent/image.h"
#include "base/log.h"
#include "ports/installer.h"
#include "ports/worker.h"

namespace dray::agent {

class DiskInstaller : public Installer {
 public:
  // Payloads (InstallerEnv::payload) are read from `payloads`, everything else lives in `disk` below `root`.
  DiskInstaller(Disk& disk, Path root, Disk& payloads, Worker& worker)
      : disk_{disk}, root_{std::move(root)}, payloads_{payloads}, worker_{worker} {}

  Task<Result<InstallerAnswer>> run(InstallerVerb verb, InstallerEnv env, Stop& stop) override;

  Log log;  // silent unless its owner sets another

 protected:
  virtual InstallerAnswer info() = 0;
  virtual Result<InstallerAnswer> installed(const Stopping& stopping) = 0;
  virtual Result<> download(const InstallerEnv& env, const Stopping& stopping) = 0;
  virtual Result<> install(const InstallerEnv& env, const Stopping& stopping) = 0;
  virtual Result<> verify(const Stopping& stopping) = 0;
  virtual Result<> commit() = 0;
  virtual Result<> rollback(const Stopping& stopping) = 0;
  virtual Result<> cancel() = 0;

  Path at(const Path& name) const { return root_.empty() ? name : root_ + "/" + name; }
  // "VERSION SHA256" of the bytes themselves: the version that they say, else the one that is known for
  // exactly these bytes, else the hash.
  Result<std::string> version_line(const Path& image, const std::vector<const Stored*>& known,
                                   const Stopping& stopping) const;

  Disk& disk_;
  Path root_;
  Disk& payloads_;

 private:
  Result<InstallerAnswer> answer(InstallerVerb verb, const InstallerEnv& env, const Stopping& stopping);
  Worker& worker_;
};

}  // namespace dray::agent
