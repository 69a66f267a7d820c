// The plan with look-ups.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "core/model/plan.h"

namespace dray::gateway {

class PlanIndex {
 public:
  PlanIndex() : PlanIndex{core::Plan{}} {}
  explicit PlanIndex(core::Plan plan);

  const core::Plan& plan() const { return *plan_; }
  const core::Device* device(const DeviceId& id) const { return find(devices_, id.value()); }
  const core::DeviceType* type_of(const DeviceId& id) const;
  const core::Artifact* artifact(const Sha256& sha) const { return find(artifacts_, sha.hex()); }
  const core::Assignment* assignment(const AssignmentId& id) const { return find(assignments_, id.value()); }

 private:
  template <class T>
  using Table = std::unordered_map<std::string, const T*>;
  template <class T>
  static const T* find(const Table<T>& table, const std::string& key) {
    const auto found = table.find(key);
    return found == table.end() ? nullptr : found->second;
  }

  std::shared_ptr<const core::Plan> plan_;  // what the tables point into
  Table<core::Device> devices_;
  Table<core::DeviceType> types_;
  Table<core::Artifact> artifacts_;
  Table<core::Assignment> assignments_;
};

}  // namespace dray::gateway
