#include "gateway/plan_index.h"

namespace dray::gateway {
PlanIndex::PlanIndex(core::Plan plan) : plan_{std::make_shared<const core::Plan>(std::move(plan))} {
  for (const auto& d : plan_->devices) devices_.insert_or_assign(d.name.value(), &d);
  for (const auto& t : plan_->device_types) types_.insert_or_assign(t.name, &t);
  for (const auto& a : plan_->artifacts) artifacts_.insert_or_assign(a.sha256.hex(), &a);
  for (const auto& a : plan_->assignments) assignments_.insert_or_assign(a.id.value(), &a);
}

const core::DeviceType* PlanIndex::type_of(const DeviceId& id) const {
  const core::Device* found = device(id);
  return found == nullptr ? nullptr : find(types_, found->type);
}

}  // namespace dray::gateway
