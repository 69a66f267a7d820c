// What the gateway knows about one device beside the plan: what it said about itself, and what its poll is answered
// with. The first part is a document of the store; the rest lives in memory.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drive/signal.h"
#include "gateway/documents/device.h"
#include "ports/http.h"

namespace dray::gateway {

using documents::Busy;

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

// Its record is a document of the store.
struct DeviceState : documents::DeviceRecord {
  explicit DeviceState(DeviceId n) : name{std::move(n)} {}

  DeviceId name;

  // --- in memory ---
  bool in_plan = false;               // also where the plan can't be read and it was in the one before
  std::vector<JobId> jobs;            // open and ended
  std::optional<WallTime> seen_reported;
  std::string address;                // from which it called last
  Checked checked;
  LinkProbe probe;
  bool attributes_refused = false;    // of its newest report, because they are too many
  bool wants_link = false;            // its next poll asks for the link of a job
  bool polled_unasked = true;         // it has polled without being asked what runs since it said so last
  int unanswered = 0;                 // polls that asked it in vain to say what it is, while `lost`
  SteadyTime unanswered_next{};       // the next one that counts
  bool busy_used = false;             // this status has moved an update time already
  std::string view;                   // what its poll showed when it was looked at last
  std::uint64_t generation = 1;       // counts what a poll may show
  int unsaved = 0;                    // writes about this device on their way to the disk
  Signal changed;                     // with every generation
  Bucket bucket;
  PollCache poll;
};

// dray.* attributes taken apart: boot id and running versions. Of components that they do not name, what it said by
// PUT installedBase.
void read_dray_attributes(DeviceState& device);
// dray.busy, said now.
void read_busy(DeviceState& device, WallTime now);
// The attributes that are not ours.
core::Attributes foreign_attributes(const core::Attributes& all);
// "busy", "idle" or "" (unknown, too old).
std::string status_of(const DeviceState& device, WallTime now);

}  // namespace dray::gateway
