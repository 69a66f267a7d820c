// Requests of the admin API: JSON -> values, strict.
#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "core/rollout/split.h"
#include "wire/admin_api.h"
#include "wire/json_write.h"

namespace dray::wire {
namespace {

using namespace core;

constexpr std::int64_t kYear = 366LL * 24 * 3600;  // seconds
// A device says what runs by an attribute "dray.version.<component>".
constexpr std::size_t kLongestComponent = kLongestAttribute - std::string_view{"dray.version."}.size();
constexpr std::uint64_t kMostListed = 1'000;

std::string name_at(const Node& node) {
  std::string text = node.text(kLongestName);
  if (!is_name(text))
    node.refuse("must be made of letters, digits, '.', '_' and '-', and begin with a letter or digit");
  return text;
}

std::string device_name_at(const Node& node) {
  std::string text = node.text(kLongestName);
  if (!is_device_name(text))
    node.refuse("must not be empty, '.' or '..', begin with '-', begin or end with a blank, or hold '/' or control characters");
  return text;
}

std::string version_at(const Node& node) {
  std::string text = node.line(kLongestName);
  if (text.empty()) node.refuse("must not be empty");
  if (text.find('/') != std::string::npos) node.refuse("must not hold '/'");
  return text;
}

// Of an artifact: as its image says it, which is compared with what devices report.
std::string artifact_version_at(const Node& node) {
  std::string text = node.line(kLongestVersion * kBytesOfCharacter);
  if (text.empty()) node.refuse("must not be empty");
  if (cut_characters(text, kLongestVersion).size() != text.size())
    node.refuse("is longer than " + std::to_string(kLongestVersion) + " characters");
  if (clean_version(text, kLongestVersion) != text) node.refuse("must not begin or end with a blank");
  return text;
}

std::vector<std::string> names_at(const Node& node, std::size_t most = kMostListed) {
  std::vector<std::string> out;
  node.each([&](const Node& n) { out.push_back(name_at(n)); }, most);
  return out;
}

Attributes attributes_at(const Node& node) {
  Attributes out;
  node.members([&](std::string_view key, const Node& n) {
    if (key.empty() || clean_characters(key, kLongestAttribute) != key)
      node.refuse("has a key that is empty, longer than " + std::to_string(kLongestAttribute) +
                  " characters, or holds control characters");
    std::string value = n.line(kLongestAttribute * kBytesOfCharacter);
    if (cut_characters(value, kLongestAttribute).size() != value.size())
      n.refuse("is longer than " + std::to_string(kLongestAttribute) + " characters");
    out.emplace(std::string{key}, std::move(value));
  });
  if (out.size() > kMostAttributes) node.refuse("has more than " + std::to_string(kMostAttributes) + " members");
  return out;
}

template <class T>
T word(const Node& node, std::initializer_list<std::pair<std::string_view, T>> words) {
  const std::string text = node.text(kLongestWord);
  std::string known;
  for (const auto& [name, value] : words) {
    if (name == text) return value;
    known += (known.empty() ? "" : ", ") + std::string{name};
  }
  node.refuse("must be one of " + known);
}

std::vector<RateLimit> rates_at(const std::optional<Node>& node) {
  std::vector<RateLimit> out;
  if (!node) return out;
  node->each(
      [&](const Node& n) {
        n.only({"from", "to", "rate"});
        out.push_back({n.at("from").time(), n.at("to").time(), at_most(n.at("rate").size(), kMostRate)});
        if (out.back().to <= out.back().from) n.refuse("ends before it begins");
      },
      kMostListed);
  return out;
}

NewDeviceType device_type_at(const Node& n) {
  n.only({"name", "components", "order", "ask", "ends_on", "power_on_within", "probe", "parts", "client", "bytes_from", "also_called"});
  NewDeviceType out;
  DeviceType& type = out.type;
  type.name = name_at(n.at("name"));
  type.components = names_at(n.at("components"), 100);
  for (const std::string& component : type.components)
    if (component.size() > kLongestComponent)
      n.at("components").refuse("holds a name of more than " + std::to_string(kLongestComponent) + " bytes");
  if (const auto order = n.maybe("order"))
    order->each([&](const Node& step) { type.order.push_back(names_at(step, 100)); }, 100);
  else
    type.order = {type.components};
  if (const auto client = n.maybe("client")) {
    const auto known = parse_client(client->text(kLongestWord));
    if (!known) client->refuse("must be one of any, dray, swupdate, rauc, zephyr, hawkbit-rs");
    out.client = *known;
  }
  const bool ours = out.client == Client::kDray;
  type.ask = ours ? Ask::kConfirmation : Ask::kPoll;
  type.ends_on = ours ? EndsOn::kPowerOn : EndsOn::kClosed;
  if (const auto ask = n.maybe("ask"))
    type.ask = word<Ask>(*ask, {{"confirmation", Ask::kConfirmation}, {"poll", Ask::kPoll}});
  if (const auto ends = n.maybe("ends_on"))
    type.ends_on = word<EndsOn>(*ends, {{"power_on", EndsOn::kPowerOn}, {"closed", EndsOn::kClosed}});
  if (const auto within = n.maybe("power_on_within"))
    type.power_on_within = std::chrono::seconds{within->integer(1, kYear)};
  if (const auto probe = n.maybe("probe")) type.probe = probe->line(kLongestWhy);
  if (const auto parts = n.maybe("parts"))
    parts->members(
        [&](std::string_view key, const Node& part) { type.parts.emplace(clean_text(key, kLongestTitle), name_at(part)); });
  if (const auto from = n.maybe("bytes_from"))
    type.bytes_from = word<BytesFrom>(*from, {{"gateway", BytesFrom::kGateway}, {"elsewhere", BytesFrom::kElsewhere}});
  if (const auto names = n.maybe("also_called")) type.also_called = decode_other_names(*names);
  if (const auto flaw = flaw_of(type)) throw BadField{*flaw};
  return out;
}

NewDevice device_at(const Node& n) {
  n.only({"name", "site", "type", "attributes"});
  NewDevice out{device_name_at(n.at("name")), name_at(n.at("site")), name_at(n.at("type")), {}};
  if (const auto attributes = n.maybe("attributes")) out.attributes = attributes_at(*attributes);
  return out;
}

// What is stored may say "22:00-22:00" and is read as it was meant then, the whole day; whoever writes it now
// may mean no time at all.
std::vector<core::Window> new_windows(const Node& node) {
  auto out = decode_windows(node);
  node.each(
      [](const Node& n) {
        const std::string text = n.text(kLongestLine);
        if (text.substr(text.size() - 11, 5) == text.substr(text.size() - 5))
          n.refuse("begins and ends at the same time; a whole day is 00:00-24:00");
      },
      out.size());
  return out;
}

SitePatch site_patch_at(const Node& n) {
  SitePatch out;
  if (const auto zone = n.maybe("time_zone")) {
    out.time_zone = zone->line(kLongestWord);
    if (out.time_zone->empty()) zone->refuse("must be an IANA time zone, for example Europe/Berlin");
  }
  if (const auto limits = n.maybe("limits")) {
    out.limits = decode_limits(*limits);
    const auto given = [&](std::string_view key) { return limits->maybe(key).has_value(); };
    out.limits_given = {given("wan"), given("lan"), given("concurrency"), given("store")};
  }
  if (const auto windows = n.maybe("transfer_windows")) out.transfer_windows = new_windows(*windows);
  if (const auto windows = n.maybe("update_windows")) out.update_windows = new_windows(*windows);
  if (const auto dates = n.maybe("black_outs")) out.black_outs = decode_black_outs(*dates);
  return out;
}

Why why_at(const Node& n) {
  Why out;
  if (const auto by = n.maybe("by")) out.by = by->line(kLongestBy);
  if (const auto why = n.maybe("why")) out.why = why->line(kLongestWhy);
  return out;
}

void read_release_name(const Node& node, NewRollout& out) {
  const std::string text = node.line(2 * kLongestName + 1);
  const auto slash = text.find('/');
  if (slash == std::string::npos) node.refuse("must be NAME/VERSION, for example till/26.11");
  out.release_name = text.substr(0, slash);
  out.release_version = text.substr(slash + 1);
}

void read_times(const Node& n, NewRollout& out) {
  RolloutTerms& terms = out.terms;
  terms.delivery = word<Delivery>(n.at("delivery"), {{"pull", Delivery::kPull}, {"push", Delivery::kPush}});
  terms.expires_at = n.at("expires_at").time();
  const auto transmit = n.maybe("transmit_at"), update = n.maybe("update_at"), schedule = n.maybe("schedule");
  terms.computed = schedule ? word<bool>(*schedule, {{"auto", true}, {"given", false}}) : !transmit && !update;
  if (terms.computed) {
    for (const auto& given : {transmit, update})
      if (given) given->refuse("is computed with schedule auto: leave one of them out");
    terms.update_at = terms.expires_at;
    if (terms.delivery == Delivery::kPush) terms.transmit_at = terms.expires_at;
    return;
  }
  terms.update_at = n.at("update_at").time();
  if (terms.expires_at <= terms.update_at) n.at("expires_at").refuse("must lie after update_at");
  if (terms.delivery == Delivery::kPull) {
    if (transmit) transmit->refuse("is for delivery push only: with pull the gateway fetches at update_at");
    return;
  }
  terms.transmit_at = n.at("transmit_at").time();
  if (*terms.transmit_at >= terms.expires_at) transmit->refuse("must lie before expires_at");
}

NewRollout rollout_at(const Node& n) {
  n.only({"release", "filter", "delivery", "schedule", "transmit_at", "update_at", "expires_at", "transfer", "update",
          "retry", "priority", "status_deferral", "phases", "late_joiners"});
  NewRollout out;
  read_release_name(n.at("release"), out);
  read_times(n, out);
  if (const auto filter = n.maybe("filter")) out.filter = decode_filter(*filter);
  if (const auto transfer = n.maybe("transfer")) out.transfer = decode_intervals(*transfer);
  if (const auto update = n.maybe("update")) out.update = decode_intervals(*update);
  if (const auto retry = n.maybe("retry")) {
    retry->only({"limit"});
    if (const auto limit = retry->maybe("limit"))
      out.retry.limit = static_cast<int>(limit->integer(1, kMostAttempt));
  }
  if (const auto priority = n.maybe("priority"))
    out.priority = static_cast<int>(priority->integer(-1000, 1000));
  if (const auto deferral = n.maybe("status_deferral"))
    out.status_deferral = std::chrono::seconds{deferral->integer(1, kYear)};
  if (const auto phases = n.maybe("phases"))
    out.phases = decode_phases(*phases);
  else
    out.phases.emplace_back();
  if (const auto late = n.maybe("late_joiners")) out.late_joiners = late->boolean();
  return out;
}

}  // namespace

bool is_name(std::string_view text) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= kLongestName &&
         std::isalnum(static_cast<unsigned char>(text[0])) != 0 &&
         std::all_of(text.begin(), text.end(), plain);
}

bool is_device_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && text != "." && text != ".." && text.front() != '-' && text.front() != ' ' && text.back() != ' ' &&
         text.find('/') == std::string_view::npos && plain_name(text) == text;
}

bool is_file_name(std::string_view text) {
  const auto bad = [](unsigned char c) {
    return c < 0x20 || c >= 0x7f || c == '/' || c == '\\' || c == '"' || c == '%' || c == '?' || c == '#';
  };
  return !text.empty() && text.size() <= kLongestName && text[0] != '.' &&
         text.find("..") == std::string_view::npos && std::none_of(text.begin(), text.end(), bad);
}

std::vector<std::string> decode_other_names(const Node& node) {
  std::vector<std::string> out;
  node.each(
      [&](const Node& n) {
        std::string name = n.line(kLongestAttribute * kBytesOfCharacter);
        if (name.empty()) n.refuse("must not be empty");
        if (cut_characters(name, kLongestAttribute).size() != name.size())
          n.refuse("is longer than " + std::to_string(kLongestAttribute) + " characters");
        if (std::find(out.begin(), out.end(), name) != out.end()) n.refuse("is named twice");
        out.push_back(std::move(name));
      },
      kMostOtherNames);
  return out;
}

Intervals decode_intervals(const Node& node) {
  Intervals out;
  node.each(
      [&](const Node& n) {
        const json::array& pair = n.array(2);
        if (pair.size() != 2) n.refuse("must be a pair [from, to]");
        const Interval interval{Node{pair[0], n.path() + "[0]"}.time(),
                                Node{pair[1], n.path() + "[1]"}.time()};
        if (interval.to <= interval.from) n.refuse("ends before it begins");
        out.push_back(interval);
      },
      kMostListed);
  return out;
}

SiteLimits decode_limits(const Node& n) {
  n.only({"wan", "lan", "concurrency", "store"});
  SiteLimits out;
  out.wan = rates_at(n.maybe("wan"));
  out.lan = rates_at(n.maybe("lan"));
  if (const auto concurrency = n.maybe("concurrency"))
    out.concurrency = static_cast<int>(concurrency->integer(1, 10'000));
  if (const auto store = n.maybe("store")) out.store = store->size();
  return out;
}

Result<NewUpload> decode_upload(std::string_view text) {
  return decode<NewUpload>(parse_json(text), [](const Node& n) {
    n.only({"sha256", "size"});
    return NewUpload{n.at("sha256").sha256(), n.at("size").size(kMostSize)};
  });
}

Result<NewArtifact> decode_artifact(std::string_view text) {
  return decode<NewArtifact>(parse_json(text), [](const Node& n) {
    n.only({"sha256", "name", "file", "component", "version", "device_types"});
    NewArtifact out;
    out.sha256 = n.at("sha256").sha256();
    out.name = name_at(n.at("name"));
    out.file = n.at("file").text(kLongestName);
    if (!is_file_name(out.file))
      n.at("file").refuse(
          "must be a plain file name: no '/', '..', control or special characters, no leading '.'");
    out.component = name_at(n.at("component"));
    out.version = artifact_version_at(n.at("version"));
    out.device_types = names_at(n.at("device_types"), 100);
    if (out.device_types.empty()) n.at("device_types").refuse("must name at least one");
    return out;
  });
}

Result<NewDeviceType> decode_device_type(std::string_view text) {
  return decode<NewDeviceType>(parse_json(text), device_type_at);
}

Result<NewSite> decode_site(std::string_view text) {
  return decode<NewSite>(parse_json(text), [](const Node& n) {
    n.only({"name", "time_zone", "limits", "transfer_windows", "update_windows", "black_outs"});
    NewSite out{.name = name_at(n.at("name"))};
    SitePatch given = site_patch_at(n);
    out.time_zone = given.time_zone.value_or(out.time_zone);
    out.limits = given.limits.value_or(out.limits);
    out.windows = {given.transfer_windows.value_or(std::vector<Window>{}),
                   given.update_windows.value_or(std::vector<Window>{}),
                   given.black_outs.value_or(std::vector<BlackOut>{})};
    return out;
  });
}

Result<SitePatch> decode_site_patch(std::string_view text) {
  return decode<SitePatch>(parse_json(text), [](const Node& n) {
    n.only({"time_zone", "limits", "transfer_windows", "update_windows", "black_outs"});
    return site_patch_at(n);
  });
}

Result<NewDevice> decode_device(std::string_view text) {
  return decode<NewDevice>(parse_json(text), device_at);
}

Result<std::vector<NewDevice>> decode_devices(std::string_view text) {
  return decode<std::vector<NewDevice>>(parse_json(text), [](const Node& n) {
    n.only({"devices"});
    std::vector<NewDevice> out;
    n.at("devices").each([&](const Node& d) { out.push_back(device_at(d)); }, kMostDevicesAtOnce);
    return out;
  });
}

Result<DevicePatch> decode_device_patch(std::string_view text) {
  return decode<DevicePatch>(parse_json(text), [](const Node& n) {
    n.only({"type"});
    return DevicePatch{name_at(n.at("type"))};
  });
}

Result<TypePatch> decode_type_patch(std::string_view text) {
  return decode<TypePatch>(parse_json(text), [](const Node& n) {
    n.only({"also_called"});
    return TypePatch{decode_other_names(n.at("also_called"))};
  });
}

Result<NewRelease> decode_release(std::string_view text) {
  return decode<NewRelease>(parse_json(text), [](const Node& n) {
    n.only({"name", "version", "artifacts"});
    NewRelease out{name_at(n.at("name")), version_at(n.at("version")), {}};
    n.at("artifacts").each([&](const Node& a) { out.artifacts.push_back(a.sha256()); }, kMostListed);
    if (out.artifacts.empty()) n.at("artifacts").refuse("must name at least one");
    auto sorted = out.artifacts;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      n.at("artifacts").refuse("names one twice");
    return out;
  });
}

Result<NewRollout> decode_rollout(std::string_view text) {
  return decode<NewRollout>(parse_json(text), rollout_at);
}

Result<Why> decode_why(std::string_view text) {
  if (text.empty()) return Why{};
  return decode<Why>(parse_json(text), [](const Node& n) {
    n.only({"by", "why"});
    return why_at(n);
  });
}

Result<NewReplace> decode_replace(std::string_view text) {
  return decode<NewReplace>(parse_json(text.empty() ? "{}" : text), [](const Node& n) {
    n.only({"instance", "by", "why"});
    NewReplace out{why_at(n), {}};
    if (const auto instance = n.maybe("instance")) {
      out.instance = instance->text(core::kLongestInstance);
      if (!core::is_instance_name(*out.instance))
        instance->refuse("must be 1 to " + std::to_string(core::kLongestInstance) + " letters, digits, '-', '_' or '.'");
      if (*out.instance == core::shown_name("")) out.instance->clear();
    }
    return out;
  });
}

Result<NewApproval> decode_approval(std::string_view text) {
  return decode<NewApproval>(parse_json(text.empty() ? "{}" : text), [](const Node& n) {
    n.only({"by", "why", "phase"});
    NewApproval out{why_at(n), {}};
    if (n.at("by").text().empty())
      n.at("by").refuse("must not be empty: an approval is recorded with who gave it");
    if (const auto phase = n.maybe("phase"))
      out.phase = static_cast<std::size_t>(phase->integer(1, kMostPhases)) - 1;
    return out;
  });
}

Result<NewRetry> decode_retry(std::string_view text) {
  return decode<NewRetry>(parse_json(text.empty() ? "{}" : text), [](const Node& n) {
    n.only({"by", "why", "expires_at"});
    NewRetry out{why_at(n), {}};
    if (const auto expires = n.maybe("expires_at")) out.expires_at = expires->time();
    return out;
  });
}

Result<IdRenewal> decode_id_renewal(std::string_view text) {
  return decode<IdRenewal>(parse_json(text.empty() ? "{}" : text), [](const Node& n) {
    n.only({"by", "why", "beyond_32_bits"});
    IdRenewal out{why_at(n), false};
    if (const auto wide = n.maybe("beyond_32_bits")) out.beyond_32_bits = wide->boolean();
    return out;
  });
}

}  // namespace dray::wire
