#include "sim/fleet/checks/checks.h"

namespace dray::sim::fleet {
namespace {

template <class MayAt>
bool permitted(WallTime now, MayAt may) {
  return may(now) || may(now - kTolerance) || may(now + kTolerance);
}

std::string at(WallTime time) { return " at " + to_rfc3339(time); }

// No artifact byte outside of its intervals, before its time, or after the expiry.
class Window final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "window"; }

  void sent(const Call& call, bool upload, std::uint64_t bytes) override {
    if (upload || bytes == 0 || call.image == nullptr) return;
    const RolloutTruth* rollout = scene_.catalog.rollout_of(*call.image);
    if (rollout == nullptr || call.x.was_late) return;
    // Nothing is fetched by a clock of one's own; what a device is sent may be.
    if (call.kind == Kind::kLanImage && scene_.goes_by_own_clock(call.gateway)) return;
    judged();
    const WallTime now = scene_.now();
    const std::string what = call.image->file + " of " + rollout->id;
    const std::string& to = call.kind == Kind::kWanImage ? call.gateway : call.device;
    if (now > rollout->expires_at + kTolerance)
      return complain(to, "was sent bytes of " + what + at(now) + ", after its expiry at " +
                              to_rfc3339(rollout->expires_at));
    if (call.kind != Kind::kWanImage) return;
    const WallTime begins = rollout->transmit_at.value_or(rollout->update_at);
    if (now < begins - kTolerance)
      return complain(to, "was sent bytes of " + what + at(now) + ", before " + to_rfc3339(begins));
    if (!permitted(now, [&](WallTime at) { return scene_.catalog.may_transfer(*rollout, to, at); }))
      complain(to, "was sent bytes of " + what + at(now) + ", outside of its transfer intervals");
  }
};

// No device is asked or sent anything before the update time, or outside of the update intervals.
class Time final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "time"; }

  void shown(const Call& call, const Shown& shown) override {
    if (shown.confirmation.empty() || scene_.goes_by_own_clock(call.gateway)) return;
    judged();
    for (const auto& rollout : scene_.catalog.rollouts())
      if (scene_.catalog.concerns(*rollout, call.device) && due(*rollout, call.gateway)) return;
    complain(call.device, "is asked" + at(scene_.now()) + ", when no rollout may update it");
  }

  void sent(const Call& call, bool upload, std::uint64_t bytes) override {
    if (upload || bytes == 0 || call.kind != Kind::kLanImage || scene_.goes_by_own_clock(call.gateway)) return;
    const RolloutTruth* rollout = scene_.catalog.rollout_of(*call.image);
    if (rollout == nullptr) return;
    judged();
    if (!due(*rollout, call.gateway))
      complain(call.device, "was sent bytes of " + call.image->file + at(scene_.now()) +
                                ", when " + rollout->id + " may not update it");
  }

 private:
  bool due(const RolloutTruth& rollout, const std::string& site) const {
    const WallTime now = scene_.now();
    return now >= rollout.update_at - kTolerance && now <= rollout.expires_at + kTolerance &&
           permitted(now, [&](WallTime at) { return scene_.catalog.may_update(rollout, site, at); });
  }
};

}  // namespace

std::unique_ptr<Check> make_window(Scene& scene) { return std::make_unique<Window>(scene); }
std::unique_ptr<Check> make_time(Scene& scene) { return std::make_unique<Time>(scene); }

}  // namespace dray::sim::fleet
