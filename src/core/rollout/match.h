// Matching: which artifacts of a release a device gets, by its type, and in which steps. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/model/artifact.h"
#include "core/model/device.h"
#include "core/model/plan.h"

namespace dray::core {

// What runs on the devices of a type; it limits what one order may hold (docs/ddi.md, "What each client
// requires").
enum class Client { kAny, kDray, kSwupdate, kRauc, kZephyr, kHawkbitRs };
std::string_view to_string(Client client);  // "any" "dray" "swupdate" "rauc" "zephyr" "hawkbit-rs"
std::optional<Client> parse_client(std::string_view text);

struct ReleaseArtifact {
  Artifact artifact;
  std::vector<std::string> device_types;
  friend bool operator==(const ReleaseArtifact&, const ReleaseArtifact&) = default;
};

struct Fit {
  std::vector<Step> steps;  // empty: nothing fits
  std::string why_not;
};
// The artifacts whose component and device type match, in the order of the type: components of one step are
// updated together. A release need not cover all components.
Fit match(const std::vector<ReleaseArtifact>& release, const DeviceType& type);

// Why this release can't be delivered to devices of this type, or nothing: two artifacts for one component,
// or what the client can't take. Asked when a release is made.
std::optional<std::string> refuses(const DeviceType& type, Client client,
                                   const std::vector<ReleaseArtifact>& release);

// What is wrong with a type, or nothing: the order must name every component exactly once.
std::optional<std::string> flaw_of(const DeviceType& type);

}  // namespace dray::core
