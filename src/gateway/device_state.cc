#include "gateway/device_state.h"

#include "base/digest.h"
#include "base/text.h"
#include "wire/limits.h"

namespace dray::gateway {
namespace {

constexpr std::string_view kBootId = "dray.boot_id", kVersion = "dray.version.", kSha = "dray.sha256.", kBusy = "dray.busy";

// "<RFC 3339 until, or nothing>;<reason>"
std::optional<Busy> parse_busy(const std::string& text, WallTime now) {
  const auto semicolon = text.find(';');
  const std::string until = text.substr(0, semicolon);
  const std::string reason = semicolon == std::string::npos ? "" : text.substr(semicolon + 1);
  if (until.empty() && reason.empty()) return {};
  Busy busy{{}, reason, now};
  if (const auto time = parse_rfc3339(until)) busy.until = *time;
  return busy;
}

}  // namespace

void read_dray_attributes(DeviceState& device) {
  device.running.clear();
  device.boot_id.clear();
  for (const auto& [key, value] : device.attributes) {
    if (key == kBootId) device.boot_id = value;
    if (key.starts_with(kVersion)) device.running[key.substr(kVersion.size())].version = clean_version(value, wire::kLongestVersion);
  }
  for (const auto& [key, value] : device.attributes)
    if (key.starts_with(kSha))
      if (const auto found = device.running.find(key.substr(kSha.size())); found != device.running.end() && Sha256::parse(value))
        found->second.sha256 = value;  // only a whole digest says anything
  for (const auto& [component, version] : device.installed) device.running.try_emplace(component, core::Running{version, ""});
}

void read_busy(DeviceState& device, WallTime now) {
  const auto said = device.attributes.find(std::string{kBusy});
  device.busy = said == device.attributes.end() ? std::nullopt : parse_busy(said->second, now);
}

core::Attributes foreign_attributes(const core::Attributes& all) {
  core::Attributes out;
  for (const auto& [key, value] : all)
    if (key != kBootId && key != kBusy && !key.starts_with(kVersion) && !key.starts_with(kSha)) out[key] = value;
  return out;
}

std::string status_of(const DeviceState& device, WallTime now) {
  if (!device.attributes.contains(std::string{kBusy})) return "";
  if (!device.busy) return "idle";
  if (now >= device.busy->at + kBusyGoodFor) return "";
  return device.busy->until && *device.busy->until <= now ? "idle" : "busy";
}

}  // namespace dray::gateway
