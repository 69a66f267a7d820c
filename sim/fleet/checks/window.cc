#include <algorithm>

#include "sim/fleet/checks/checks.h"
#include "wire/gateway_api.h"

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
  bool heeds(Who) const override { return true; }

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
  bool heeds(Who) const override { return true; }

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

// No artifact byte goes to a site, or on to a device, before a plan that the server has given this site lets it: at the
// times that were computed, too. Any plan will do: a newer one may not have arrived.
class Planned final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "planned"; }
  bool heeds(Who) const override { return true; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kPlan || response.status != 200) return;
    const auto message = wire::decode_plan(std::get<std::string>(response.body));
    if (!message) return complain(call.gateway, "is given a plan that can't be read");
    for (const core::Assignment& a : message->plan.assignments) {
      std::vector<Permit>& permits = permits_[{call.gateway, a.rollout.value()}];
      const Permit permit{a.delivery == core::Delivery::kPush, a.fetch == core::Fetch::kNow, a.planned_at, a.transfer};
      if (std::find(permits.begin(), permits.end(), permit) == permits.end()) permits.push_back(permit);
    }
  }

  void sent(const Call& call, bool upload, std::uint64_t bytes) override {
    if (upload || bytes == 0 || call.image == nullptr || call.x.was_late) return;
    const RolloutTruth* rollout = scene_.catalog.rollout_of(*call.image);
    if (rollout == nullptr || rollout->id.empty() || scene_.goes_by_own_clock(call.gateway)) return;
    const auto found = permits_.find({call.gateway, rollout->id});
    judged();
    const WallTime now = scene_.now();
    const bool wan = call.kind == Kind::kWanImage;
    const bool may = found != permits_.end() &&
                     std::any_of(found->second.begin(), found->second.end(),
                                 [&](const Permit& permit) { return wan ? permit.to_site(now) : permit.to_device(now); });
    if (!may)
      complain(wan ? call.gateway : call.device, "was sent bytes of " + call.image->file + " of " + rollout->id + at(now) +
                                                     ", which no plan of its site lets it");
  }

 private:
  struct Permit {
    bool push = false, transmits = false;
    WallTime planned_at;
    core::Intervals transfer;
    friend bool operator==(const Permit&, const Permit&) = default;

    bool to_device(WallTime now) const { return now + kTolerance >= planned_at; }
    bool to_site(WallTime now) const {
      return (push ? transmits : to_device(now)) &&
             permitted(now, [&](WallTime when) { return core::permits(transfer, when); });
    }
  };
  std::map<std::pair<std::string, std::string>, std::vector<Permit>> permits_;  // gateway and rollout
};

}  // namespace

std::unique_ptr<Check> make_planned(Scene& scene) { return std::make_unique<Planned>(scene); }
std::unique_ptr<Check> make_window(Scene& scene) { return std::make_unique<Window>(scene); }
std::unique_ptr<Check> make_time(Scene& scene) { return std::make_unique<Time>(scene); }

}  // namespace dray::sim::fleet
