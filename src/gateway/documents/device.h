// What is kept of a device over a restart (docs/formats.md, "device"). Private to the gateway. Pure.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "core/identity/boots.h"
#include "core/model/device.h"
#include "wire/ddi.h"

namespace dray::gateway::documents {

// dray.busy: what prevents an update, and since when we know.
struct Busy {
  std::optional<WallTime> until;
  std::string reason;
  WallTime at;
};

struct DeviceRecord {
  core::Attributes attributes;  // as sent, dray.* included
  std::string boot_id;
  core::Boots boots;  // whether one agent calls, or two
  core::RunningByComponent running;
  std::optional<Busy> busy;
  bool wants_config_data = true;  // configData is shown until a PUT came
  wire::DdiAutoConfirm auto_confirm;
  ActionId installed_action;  // the last one that ended well: installedBase
  JobId installed_job;
  std::string installed_name, installed_version;  // PUT installedBase, as it said
  std::map<std::string, std::string> installed;   // component -> version: what that means
  std::string token_sha256;                       // of the newest plan that was read; empty: it is in none
  std::optional<WallTime> seen_at;
  bool lost = false;             // what it said before could not be read; until it says it again it gets nothing
  bool said_since_end = false;   // what runs, since an update of it ended well last
  std::vector<Sha256> received;  // what it was sent bytes of, oldest first, each once; at most kMostReceived

  bool has_received(const Sha256& sha) const { return std::find(received.begin(), received.end(), sha) != received.end(); }
};
inline constexpr std::size_t kMostReceived = 100;

std::string write_device(const DeviceRecord& device);
Result<DeviceRecord> read_device(std::string_view text);

}  // namespace dray::gateway::documents
