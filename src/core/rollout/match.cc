#include "core/rollout/match.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace dray::core {
namespace {

constexpr std::array<std::pair<Client, std::string_view>, 6> kClients{{{Client::kAny, "any"},
                                                                       {Client::kDray, "dray"},
                                                                       {Client::kSwupdate, "swupdate"},
                                                                       {Client::kRauc, "rauc"},
                                                                       {Client::kZephyr, "zephyr"},
                                                                       {Client::kHawkbitRs, "hawkbit-rs"}}};

// swupdate and hawkbit-rs keep a size in 32 bits.
constexpr std::uint64_t kMost32Bits = std::numeric_limits<std::uint32_t>::max();

std::vector<const Artifact*> fitting(const std::vector<ReleaseArtifact>& release, const DeviceType& type,
                                     const std::string& component) {
  std::vector<const Artifact*> out;
  for (const ReleaseArtifact& entry : release) {
    const auto& types = entry.device_types;
    if (entry.artifact.component == component &&
        std::find(types.begin(), types.end(), type.name) != types.end())
      out.push_back(&entry.artifact);
  }
  return out;
}

std::string part_of(const DeviceType& type, const std::string& component) {
  const auto found = type.parts.find(component);
  return found == type.parts.end() ? component : found->second;
}

std::optional<std::string> client_refuses(const DeviceType& type, Client client,
                                          const std::vector<const Artifact*>& step) {
  const std::string who = "device type '" + type.name + "' (client " + std::string{to_string(client)} + ")";
  if ((client == Client::kRauc || client == Client::kZephyr) && step.size() > 1)
    return who + " takes one artifact an order, this release has " + std::to_string(step.size()) +
           " for one step: put the components into steps of their own";
  for (const Artifact* artifact : step) {
    if (client == Client::kZephyr && part_of(type, artifact->component) != "bApp")
      return who + " takes only the part \"bApp\": component '" + artifact->component +
             "' needs a device type that was made with --part " + artifact->component + "=bApp (\"parts\" in the API)";
    if (client == Client::kSwupdate && !artifact->file.ends_with(".swu"))
      return who + " skips files that do not end in .swu: '" + artifact->file + "'";
    if ((client == Client::kSwupdate || client == Client::kHawkbitRs) && artifact->size > kMost32Bits)
      return who + " keeps sizes in 32 bits: '" + artifact->file + "' has " + std::to_string(artifact->size) +
             " bytes";
  }
  return {};
}

}  // namespace

std::string_view to_string(Client client) { return kClients[static_cast<std::size_t>(client)].second; }

std::optional<Client> parse_client(std::string_view text) {
  for (const auto& [client, name] : kClients)
    if (name == text) return client;
  return {};
}

Fit match(const std::vector<ReleaseArtifact>& release, const DeviceType& type) {
  Fit out;
  for (const Components& components : type.order) {
    Step step;
    for (const std::string& component : components) {
      const auto found = fitting(release, type, component);
      if (!found.empty()) step.push_back(found.front()->sha256);
    }
    if (!step.empty()) out.steps.push_back(std::move(step));
  }
  if (out.steps.empty()) out.why_not = "No artifact of the release is for device type '" + type.name + "'.";
  return out;
}

std::optional<std::string> refuses(const DeviceType& type, Client client,
                                   const std::vector<ReleaseArtifact>& release) {
  for (const Components& components : type.order) {
    std::vector<const Artifact*> step;
    for (const std::string& component : components) {
      const auto found = fitting(release, type, component);
      if (found.size() > 1)
        return "two artifacts for component '" + component + "' of device type '" + type.name + "': '" +
               found[0]->file + "' and '" + found[1]->file + "'";
      step.insert(step.end(), found.begin(), found.end());
    }
    if (auto why = client_refuses(type, client, step)) return why;
  }
  return {};
}

std::optional<std::string> flaw_of(const DeviceType& type) {
  if (type.components.empty()) return "components: at least one is needed";
  const std::set<std::string> known{type.components.begin(), type.components.end()};
  if (known.size() != type.components.size()) return "components: one is named twice";
  std::set<std::string> seen;
  for (const Components& step : type.order) {
    if (step.empty()) return "order: a step is empty";
    for (const std::string& component : step) {
      if (!known.contains(component)) return "order: '" + component + "' is none of the components";
      if (!seen.insert(component).second) return "order: '" + component + "' is named twice";
    }
  }
  for (const std::string& component : type.components)
    if (!seen.contains(component)) return "order: '" + component + "' is missing";
  for (const auto& [component, part] : type.parts)
    if (!known.contains(component)) return "parts: '" + component + "' is none of the components";
  std::map<std::string, std::string> component_of;  // each as a device is told of it
  for (const std::string& component : type.components) {
    const auto named = type.parts.find(component);
    const std::string& part = named == type.parts.end() ? component : named->second;
    const auto [other, first] = component_of.emplace(part, component);
    if (!first) return "parts: '" + other->second + "' and '" + component + "' would both be the part '" + part + "'";
  }
  return {};
}

}  // namespace dray::core
