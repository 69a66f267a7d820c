#include "gateway/documents/device.h"

#include "gateway/documents/format.h"

namespace dray::gateway::documents {
namespace {

namespace json = boost::json;
using wire::Node;

json::object running_value(const core::RunningByComponent& running) {
  json::object out;
  for (const auto& [component, r] : running) out[component] = json::object{{"version", r.version}, {"sha256", r.sha256}};
  return out;
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

void read_boots(const Node& n, DeviceRecord& d) {
  n.at("earlier").each([&](const Node& id) { d.boots.earlier.push_back(id.text(kLongestText)); }, core::kMostBoots);
  const auto since = maybe_time_of(n, "two_since"), changed = maybe_time_of(n, "changed");
  if (!since) return;
  const auto answers = n.maybe("answers");
  d.boots.doubt = core::Boots::Doubt{*since, changed.value_or(*since), answers ? static_cast<int>(answers->integer(0, wire::kMostAttempt)) : 0};
  d.wants_config_data = true;  // it is asked who it is
}

void read_members(const Node& n, DeviceRecord& d) {
  n.at("attributes").members([&](std::string_view key, const Node& v) {
    d.attributes[std::string{key}] = v.text(kLongestText);
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
  if (const auto said = n.maybe("said_since_end")) d.said_since_end = said->boolean();
  if (const auto token = n.maybe("token_sha256")) d.token_sha256 = token->text();
  if (const auto lost = n.maybe("lost")) d.lost = lost->boolean();
  if (const auto boots = n.maybe("boots")) read_boots(*boots, d);
  if (const auto installed = n.maybe("installed"))
    installed->members([&](std::string_view key, const Node& v) { d.installed[std::string{key}] = v.text(kLongestText); });
  if (const auto received = n.maybe("received"))
    received->each([&](const Node& sha) { d.received.push_back(sha.sha256()); }, kMostReceived);
}

}  // namespace

std::string write_device(const DeviceRecord& d) {
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
  if (d.said_since_end) out["said_since_end"] = true;
  if (!d.token_sha256.empty()) out["token_sha256"] = d.token_sha256;
  if (d.lost) out["lost"] = true;
  if (!d.boots.earlier.empty() || d.boots.doubt) out["boots"] = boots_value(d.boots);
  if (!d.installed.empty()) {
    json::object installed;
    for (const auto& [component, version] : d.installed) installed[component] = version;
    out["installed"] = std::move(installed);
  }
  if (!d.received.empty()) {
    json::array received;
    for (const Sha256& sha : d.received) received.emplace_back(sha.hex());
    out["received"] = std::move(received);
  }
  if (d.auto_confirm.active)
    out["auto_confirm"] = json::object{{"initiator", d.auto_confirm.initiator},
                                       {"remark", d.auto_confirm.remark},
                                       {"at", time_value(d.auto_confirm.activated_at)}};
  return write(std::move(out));
}

Result<DeviceRecord> read_device(std::string_view text) {
  return read<DeviceRecord>(text, [](const Node& n) {
    DeviceRecord out;
    read_members(n, out);
    return out;
  });
}

}  // namespace dray::gateway::documents
