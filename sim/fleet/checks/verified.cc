#include "sim/fleet/checks/checks.h"

namespace dray::sim::fleet {
namespace {

// Nothing unverified ever becomes active.
class Verified final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "verified"; }
  bool heeds(Who) const override { return true; }

  void looked(const std::string& device, const Active&, const Active& now) override {
    for (const auto& [component, image] : now.images) {
      judged();
      if (image == nullptr) return complain(device, "would start bytes of " + component + " that nobody made");
      if (image->component != component)
        return complain(device, "would start " + image->file + " as its " + component);
      const RolloutTruth* rollout = scene_.catalog.rollout_of(*image);
      if (rollout != nullptr && !scene_.catalog.concerns(*rollout, device))
        return complain(device, "would start " + image->file + ", which is not for it");
    }
  }
};

// A device always has a bootable version: whole, with every component.
class Bootable final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "bootable"; }
  bool heeds(Who) const override { return true; }

  void looked(const std::string& device, const Active&, const Active& now) override {
    judged();
    if (!now.slot) return complain(device, "has no active slot");
    for (const char* component : {"os", "app"})
      if (!now.images.contains(component))
        complain(device, std::string{"has no "} + component + " in its active slot");
  }
};

}  // namespace

std::unique_ptr<Check> make_verified(Scene& scene) { return std::make_unique<Verified>(scene); }
std::unique_ptr<Check> make_bootable(Scene& scene) { return std::make_unique<Bootable>(scene); }

}  // namespace dray::sim::fleet
