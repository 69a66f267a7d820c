// Who calls under a name: two agents, or a device of another type than its entry says.
//
// Two agents under one name: what core/identity/boots.h makes of the boot ids, and what is done about it.
//
// While there seem to be two, nothing new is shown to the device, and it is asked who it is (configData) again and
// again, at times that fall differently between its polls, so that both come to answer.
#include "gateway/site.h"

namespace dray::gateway {
namespace {

constexpr Duration kLeast{1'000};

}  // namespace

void Site::note_boot(DeviceState& device) {
  const bool before = device.boots.doubt.has_value();
  device.boots = core::heard_boot(std::move(device.boots), device.boot_id, now());
  const std::string& name = device.name.value();
  if (device.boots.doubt) {
    const Duration poll = parts_.settings.poll_sleep;
    const auto part = static_cast<Duration::rep>(random_unit(parts_.random) * static_cast<double>(poll.count()));
    asked_who_next_[name] = parts_.clock.steady() + std::max(kLeast, poll / 2 + Duration{part});
    wake_changed_.notify();
  }
  if (before == device.boots.doubt.has_value() || !lines_.may_say(before ? "one_agent" : "two_agents", name)) return;
  if (before)
    parts_.log.info("one_agent", {{"device", name}, {"boot_id", device.boot_id}});
  else
    parts_.log.warn("two_agents", {{"device", name},
                                   {"boot_id", device.boot_id},
                                   {"note", "a boot id came back after another one: two agents under one name; nothing new is shown to them"}});
}

void Site::ask_who() {
  const SteadyTime now_steady = parts_.clock.steady();
  for (auto it = asked_who_next_.begin(); it != asked_who_next_.end();) {
    if (it->second > now_steady) {
      ++it;
      continue;
    }
    DeviceState* device = find_device(it->first);
    it = asked_who_next_.erase(it);
    if (device == nullptr || !(device->boots.doubt || waits_for_version(*device))) continue;
    device->wants_config_data = true;
    bump(*device);
  }
}

std::optional<core::OtherType> Site::other_type_of(const DeviceState& device) const {
  const core::DeviceType* type = plan_.type_of(device.name);
  if (type == nullptr) return {};
  return core::other_type(device.attributes, *type);
}

void Site::say_other_type(const DeviceState& device) {
  const auto other = other_type_of(device);
  if (!other || !lines_.may_say("type_differs", device.name.value())) return;
  parts_.log.warn("type_differs", {{"device", device.name.value()}, {"says", other->said}, {"entered_as", other->entered}, {"note", "nothing is sent to it"}});
}

void Site::confirm_alone(DeviceState& device, const std::string& by, const std::string& why) {
  if (!device.boots.doubt) return;
  device.boots = core::confirmed_alone(std::move(device.boots));
  parts_.log.info("one_agent", {{"device", device.name.value()}, {"by", by}, {"why", why}});
  save_device(device, {Write::put(kind::kDevice, device.name.value(), documents::write_device(device))});
  if (device.in_plan) report(device_report(device));
  bump(device);
  refresh(device);
}

}  // namespace dray::gateway
