// Installer "ab-dir": two slots beside each other, one atomic switch, the old version kept.
//
//   <root>/current -> slots/0            the switch: a symbolic link, replaced by rename
//   <root>/slots/0/<component>/image     the bytes
//   <root>/slots/0/metadata.json         what they are, and whether they were read back right
//   <root>/order.json                    the running order: from which slot to which; gone after commit
//
// All components of an order switch together, and those that the order does not name are carried over,
// because there is one link only. A target slot is marked bad before its first byte changes.
#pragma once

#include <optional>

#include "agent/disk_installer.h"

namespace dray::agent {

class AbDirInstaller : public DiskInstaller {
 public:
  using DiskInstaller::DiskInstaller;

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
  using Slot = SlotRecord;
  using Order = OrderRecord;

  Result<std::string> active() const;  // "0", "1", or empty: none yet
  Result<Slot> slot(const std::string& name) const;
  Result<> save_slot(const std::string& name, const Slot& slot);
  Result<Slot> found_in(const std::string& name, const Error& why) const;
  Result<std::optional<Order>> order() const;        // kInvalid: there is one, and it can't be read
  Result<std::optional<Order>> known_order() const;  // none then: the next order begins anew
  Result<Order> begin_order();  // the running one, or a new one
  Result<> switch_to(const std::string& name);
  Path image(const std::string& name, const std::string& component) const;
  // Marks the component bad, writes, reads back, marks it good. Nothing to do where it is there already.
  Result<> put(const std::string& name, const std::string& component, const Stored& what, Disk& from_disk,
               const Path& from, const Stopping& stopping);
};

}  // namespace dray::agent
