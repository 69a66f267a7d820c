// Devices and their types.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "core/model/artifact.h"

namespace dray::core {

// How a device says that it may be updated now: by confirming (DDI confirmation flow), or, for clients without
// it, by fetching the deployment.
enum class Ask { kConfirmation, kPoll };
// What ends a job normally: the power-on report with the expected version, or `closed` alone.
enum class EndsOn { kPowerOn, kClosed };
// Where a device has its bytes from: its gateway, which then knows that it has them, or some other way (a medium, a
// cache, a neighbour), and its gateway takes its word.
enum class BytesFrom { kGateway, kElsewhere };

struct DeviceType {
  std::string name;
  Components components;
  std::vector<Components> order;  // steps: components of one step are updated together
  Ask ask = Ask::kPoll;
  EndsOn ends_on = EndsOn::kClosed;
  std::chrono::seconds power_on_within{600};
  std::string probe;                         // status probe command; empty = none configured
  std::map<std::string, std::string> parts;  // component -> DDI chunk part, where it differs from the name
  BytesFrom bytes_from = BytesFrom::kGateway;
  bool closes_early = false;  // its client says `closed` before its restart: what it then runs is another question
  std::vector<std::string> also_called;  // other names by which its devices may call their type (core/model/said_type.h)
  friend bool operator==(const DeviceType&, const DeviceType&) = default;
};

using Attributes = std::map<std::string, std::string>;

struct Device {
  DeviceId name;
  std::string type;
  std::string token_sha256;  // lower-case hex of SHA-256(token); the token itself is nowhere
  Attributes attributes;
  std::string says_type = {};  // the type that it said last, where that is not `type`: core/model/said_type.h
  friend bool operator==(const Device&, const Device&) = default;
};

}  // namespace dray::core
