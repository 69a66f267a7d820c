#include "gateway/plan_index.h"

#include <algorithm>

namespace dray::gateway {
namespace {

// Why the device can't take these artifacts; empty: it can.
std::string misfit(const core::DeviceType* type, const std::vector<std::vector<core::StepArtifact>>& steps) {
  if (type == nullptr) return "the plan does not say what type this device has";
  if (steps.empty()) return "the release holds nothing for type " + type->name;
  for (const auto& step : steps)
    for (const auto& artifact : step)
      if (std::find(type->components.begin(), type->components.end(), artifact.component) == type->components.end())
        return "type " + type->name + " has no component " + artifact.component;
  return "";
}

}  // namespace

PlanIndex::PlanIndex(core::Plan plan) : plan_{std::make_shared<const core::Plan>(std::move(plan))} {
  for (const auto& d : plan_->devices) devices_[d.name.value()] = &d;
  for (const auto& t : plan_->device_types) types_[t.name] = &t;
  for (const auto& a : plan_->artifacts) artifacts_[a.sha256.hex()] = &a;
  for (const auto& a : plan_->assignments) assignments_[a.id.value()] = &a;
}

const core::DeviceType* PlanIndex::type_of(const DeviceId& id) const {
  const core::Device* found = device(id);
  return found == nullptr ? nullptr : find(types_, found->type);
}

core::JobTerms PlanIndex::terms_of(const core::Assignment& a, std::size_t place, const core::JobOrder& order) const {
  core::JobTerms t;
  t.id = order.id;
  t.device = order.device;
  t.assignment = a.id;
  t.rollout = a.rollout;
  t.priority = a.priority;
  t.place = place;
  t.delivery = a.delivery;
  t.fetch = a.fetch;
  t.planned_at = a.planned_at;
  t.expires_at = a.expires_at;
  t.update = a.update;
  t.retry = a.retry;
  t.status_deferral = a.status_deferral;
  const core::DeviceType* type = type_of(order.device);
  if (type != nullptr) {
    t.ask = type->ask;
    t.ends_on = type->ends_on;
    t.power_on_within = type->power_on_within;
  }
  for (const core::Step& step : order.steps) {
    auto& out = t.steps.emplace_back();
    for (const Sha256& sha : step) {
      const core::Artifact* found = artifact(sha);
      if (found != nullptr)
        out.push_back({found->component, found->version, sha, found->size});
      else
        t.incompatible = "the plan does not describe artifact " + sha.short_hex();
    }
  }
  if (t.incompatible.empty()) t.incompatible = misfit(type, t.steps);
  return t;
}

std::vector<core::JobTerms> PlanIndex::terms() const {
  std::vector<core::JobTerms> out;
  std::size_t place = 0;
  for (const core::Assignment& a : plan_->assignments) {
    for (const core::JobOrder& order : a.jobs) out.push_back(terms_of(a, place, order));
    ++place;
  }
  return out;
}

}  // namespace dray::gateway
