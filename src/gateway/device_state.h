// What the gateway knows about one device beside the plan: what it said about itself, and what its poll is answered
// with. The first part is a document of the store; the rest lives in memory.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "core/identity/boots.h"
#include "core/model/device.h"
#include "drive/signal.h"
#include "ports/http.h"
#include "wire/ddi.h"

namespace dray::gateway {

// dray.busy: what prevents an update, and since when we know.
struct Busy {
  std::optional<WallTime> until;
  std::string reason;
  WallTime at;
};

// A status older than this is unknown (docs/gateway-api.md, device door).
inline constexpr std::chrono::seconds kBusyGoodFor{300};

// What a status check said about a device, beside the device protocol.
struct Checked {
  std::optional<SteadyTime> at;  // when it said so; nothing: not asked yet
  bool running = false;          // it is being asked
  bool stood = false;            // while it runs: the last word was good for something when it began
  bool good = false;             // ready
  std::string status;            // "idle", "busy", "unknown"
  std::string why;
  SteadyTime next{};             // not before
};

// Requests of one device: a token bucket.
class Bucket {
 public:
  bool take(SteadyTime now, double per_second, double burst) {
    if (!filled_) level_ = burst;
    const double passed = filled_ ? static_cast<double>((now - *filled_).count()) / 1000.0 : 0;
    level_ = std::min(burst, level_ + passed * per_second);
    filled_ = now;
    if (level_ < 1) return false;
    level_ -= 1;
    return true;
  }

 private:
  std::optional<SteadyTime> filled_;
  double level_ = 0;
};

// The answers to an unchanged poll, ready to send. Valid for one generation of the device, one spelling of its path,
// one Host header and one Authorization header, which was checked when this was made.
struct PollCache {
  std::uint64_t generation = 0;
  std::string path, host, authorization, accept;
  bool encrypted = false;
  std::string etag;
  HttpResponse full{200}, unchanged{304};
};

// Of the link to it (lan_prober.h).
struct LinkProbe {
  bool shown = false;
  SteadyTime not_before{};
};

struct DeviceState {
  explicit DeviceState(DeviceId n) : name{std::move(n)} {}

  // --- durable ---
  DeviceId name;
  core::Attributes attributes;  // as sent, dray.* included
  std::string boot_id;
  core::Boots boots;                  // whether one agent calls, or two
  core::RunningByComponent running;
  std::optional<Busy> busy;
  bool wants_config_data = true;      // configData is shown until a PUT came
  wire::DdiAutoConfirm auto_confirm;
  ActionId installed_action;          // the last one that ended well: installedBase
  JobId installed_job;
  std::string installed_name, installed_version;  // PUT installedBase
  std::string token_sha256;           // of the newest plan that was read; empty: it is in none

  // --- in memory ---
  bool in_plan = false;               // also where the plan can't be read and it was in the one before
  std::vector<JobId> jobs;            // open and ended
  std::optional<WallTime> seen_at, seen_reported;
  std::string address;                // from which it called last
  Checked checked;
  LinkProbe probe;
  bool wants_link = false;            // its next poll asks for the link of a job
  bool busy_used = false;             // this status has moved an update time already
  std::string view;                   // what its poll showed when it was looked at last
  std::uint64_t generation = 1;       // counts what a poll may show
  int unsaved = 0;                    // writes about this device on their way to the disk
  Signal changed;                     // with every generation
  Bucket bucket;
  PollCache poll;
};

std::string encode_device_document(const DeviceState& device);
// Fills the durable part.
Result<> decode_device_document(std::string_view text, DeviceState& device);

// dray.* attributes taken apart: boot id, running versions, busy.
void read_dray_attributes(DeviceState& device, WallTime now);
// The attributes that are not ours.
core::Attributes foreign_attributes(const core::Attributes& all);
// "busy", "idle" or "" (unknown, too old).
std::string status_of(const DeviceState& device, WallTime now);

}  // namespace dray::gateway
