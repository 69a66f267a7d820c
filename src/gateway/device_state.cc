#include "gateway/device_state.h"

#include "gateway/documents/format.h"

namespace dray::gateway {
namespace {

namespace json = boost::json;
using documents::maybe_time_of;
using documents::maybe_time_value;
using documents::text_of;
using documents::time_of;
using documents::time_value;
using wire::Node;

constexpr std::string_view kBootId = "dray.boot_id", kVersion = "dray.version.", kSha = "dray.sha256.", kBusy = "dray.busy";

json::object running_value(const core::RunningByComponent& running) {
  json::object out;
  for (const auto& [component, r] : running) out[component] = json::object{{"version", r.version}, {"sha256", r.sha256}};
  return out;
}

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

// {"earlier": [...], "two_since": ms, "changed": ms, "answers": n}; the last three only while there seem to be two.
json::object boots_value(const core::Boots& boots) {
  json::array earlier;
  for (const std::string& id : boots.earlier) earlier.emplace_back(id);
  json::object out{{"earlier", std::move(earlier)}};
  if (!boots.doubt) return out;
  out["two_since"] = time_value(boots.doubt->since);
  out["changed"] = time_value(boots.doubt->changed);
  out["answers"] = boots.doubt->answers;
  return out;
}

void read_boots(const Node& n, DeviceState& d) {
  n.at("earlier").each([&](const Node& id) { d.boots.earlier.push_back(id.text(documents::kLongestText)); }, core::kMostBoots);
  const auto since = maybe_time_of(n, "two_since"), changed = maybe_time_of(n, "changed");
  if (!since) return;
  const auto answers = n.maybe("answers");
  d.boots.doubt = core::Boots::Doubt{*since, changed.value_or(*since), answers ? static_cast<int>(answers->integer(0, wire::kMostAttempt)) : 0};
  d.wants_config_data = true;  // it is asked who it is
}

void read_members(const Node& n, DeviceState& d) {
  n.at("attributes").members([&](std::string_view key, const Node& v) {
    d.attributes[std::string{key}] = v.text(documents::kLongestText);
  });
  d.boot_id = d.boots.current = text_of(n, "boot_id");
  n.at("running").members([&](std::string_view key, const Node& v) {
    d.running[std::string{key}] = {text_of(v, "version"), text_of(v, "sha256")};
  });
  if (const auto busy = n.maybe("busy"))
    d.busy = Busy{maybe_time_of(*busy, "until"), text_of(*busy, "reason"), time_of(busy->at("at"))};
  d.wants_config_data = n.at("wants_config_data").boolean();
  if (const auto a = n.maybe("auto_confirm"))
    d.auto_confirm = {true, text_of(*a, "initiator"), text_of(*a, "remark"), time_of(a->at("at"))};
  d.installed_action = ActionId{n.at("installed_action").integer(0)};
  d.installed_job = JobId{text_of(n, "installed_job")};
  d.installed_name = text_of(n, "installed_name");
  d.installed_version = text_of(n, "installed_version");
  d.seen_at = maybe_time_of(n, "seen_at");
  if (const auto token = n.maybe("token_sha256")) d.token_sha256 = token->text();
  if (const auto boots = n.maybe("boots")) read_boots(*boots, d);
}

}  // namespace

std::string encode_device_document(const DeviceState& d) {
  json::object attributes;
  for (const auto& [key, value] : d.attributes) attributes[key] = value;
  json::object out{{"attributes", std::move(attributes)},
                   {"boot_id", d.boot_id},
                   {"running", running_value(d.running)},
                   {"wants_config_data", d.wants_config_data},
                   {"installed_action", d.installed_action.value()},
                   {"installed_job", d.installed_job.value()},
                   {"installed_name", d.installed_name},
                   {"installed_version", d.installed_version},
                   {"seen_at", maybe_time_value(d.seen_at)}};
  if (d.busy)
    out["busy"] = json::object{
        {"until", maybe_time_value(d.busy->until)}, {"reason", d.busy->reason}, {"at", time_value(d.busy->at)}};
  if (!d.token_sha256.empty()) out["token_sha256"] = d.token_sha256;
  if (!d.boots.earlier.empty() || d.boots.doubt) out["boots"] = boots_value(d.boots);
  if (d.auto_confirm.active)
    out["auto_confirm"] = json::object{{"initiator", d.auto_confirm.initiator},
                                       {"remark", d.auto_confirm.remark},
                                       {"at", time_value(d.auto_confirm.activated_at)}};
  return documents::write(std::move(out));
}

Result<> decode_device_document(std::string_view text, DeviceState& device) {
  return documents::read_into(text, [&](const Node& n) { read_members(n, device); });
}

void read_dray_attributes(DeviceState& device, WallTime now) {
  device.running.clear();
  device.boot_id.clear();
  std::optional<Busy> busy;
  for (const auto& [key, value] : device.attributes) {
    if (key == kBootId) device.boot_id = value;
    if (key.starts_with(kVersion)) device.running[key.substr(kVersion.size())].version = value;
    if (key == kBusy) busy = parse_busy(value, now);
  }
  for (const auto& [key, value] : device.attributes)
    if (key.starts_with(kSha))
      if (const auto found = device.running.find(key.substr(kSha.size())); found != device.running.end() && Sha256::parse(value))
        found->second.sha256 = value;  // only a whole digest says anything
  device.busy = std::move(busy);
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
