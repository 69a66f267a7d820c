// Who calls under a name: two agents, a device of another type than its entry says, or nobody knows what.
//
// Two agents under one name: what core/identity/boots.h makes of the boot ids, and what is done about it.
//
// While there seem to be two, nothing new is shown to the device, and it is asked who it is (configData) again and
// again, at times that fall differently between its polls, so that both come to answer.
#include "gateway/site.h"

namespace dray::gateway {
namespace {

constexpr Duration kLeast{1'000};
// A client that answers configData does so at once; so many polls go by unanswered only where it never does.
constexpr int kMostUnanswered = 10;

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

bool Site::is_asked_again(const DeviceState& device) const { return device.boots.doubt || device.lost || waits_for_version(device); }

void Site::ask_who() {
  const SteadyTime now_steady = parts_.clock.steady();
  for (auto it = asked_who_next_.begin(); it != asked_who_next_.end();) {
    if (it->second > now_steady) {
      ++it;
      continue;
    }
    DeviceState* device = find_device(it->first);
    // Some clients (swupdate 2022.12) do nothing else at a poll that shows configData: never at two that follow one another.
    if (device != nullptr && !device->polled_unasked && !device->boots.doubt && !device->lost) {
      const Duration poll = parts_.settings.poll_sleep;
      it++->second = now_steady + std::max(kLeast, poll / 2);
      continue;
    }
    it = asked_who_next_.erase(it);
    if (device == nullptr || !is_asked_again(*device)) continue;
    device->wants_config_data = true;
    bump(*device);
  }
}

std::optional<core::OtherType> Site::other_type_of(const DeviceState& device) const {
  const core::DeviceType* type = plan_.type_of(device.name);
  if (type == nullptr) return {};
  const std::string name{core::kSaidType};
  if (device.attributes.contains(name)) return core::other_type(device.attributes, *type);
  // It has not said it to this gateway, or that is lost: the server has heard it from the one before, or from this one.
  const core::Device* planned = plan_.device(device.name);
  if (planned == nullptr || planned->says_type.empty()) return {};
  return core::other_type({{name, planned->says_type}}, *type);
}

// --- a device whose document can't be read: what it said of itself is not known, its type neither ---

void Site::note_lost() {
  for (auto it = lost_.begin(); it != lost_.end();) {
    DeviceState* device = find_device(*it);
    if (device == nullptr) {  // the plan that names it may still come
      ++it;
      continue;
    }
    it = lost_.erase(it);
    device->lost = true;
    save_device(*device, {document_of(*device)});
  }
}

std::string Site::why_lost(const DeviceState& device) const {
  if (!device.lost) return {};
  return "device/" + device.name.value() + " can't be read: the device is asked to report, and gets nothing before it has, or has polled " +
         std::to_string(kMostUnanswered) + " times without";
}

// Each of its polls that shows configData counts, but no more than two in a poll interval.
void Site::note_unanswered(DeviceState& device) {
  if (!device.lost || !device.wants_config_data || parts_.clock.steady() < device.unanswered_next) return;
  device.unanswered_next = parts_.clock.steady() + parts_.settings.poll_sleep / 2;
  if (++device.unanswered <= kMostUnanswered) return;
  parts_.log.warn("device_unanswered", {{"device", device.name.value()}, {"polls", kMostUnanswered}, {"note", "it does not say what it is: it is served without"}});
  heard_again(device);
  save_device(device, {document_of(device)});
  bump(device);
  refresh(device);
}

void Site::heard_again(DeviceState& device) {
  device.lost = false;
  device.unanswered = 0;
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
  save_device(device, {document_of(device)});
  if (device.in_plan) report(device_report(device));
  bump(device);
  refresh(device);
}

}  // namespace dray::gateway
