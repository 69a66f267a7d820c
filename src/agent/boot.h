// The supervisor's part in an update, "dray-agent boot": a version that does not come up is left again, by
// itself.
//
// Before the switch-over the agent arms a trial. Each start within it is counted durably before anything of
// the new version runs; the third one that ends without a commit, or the version's own program exiting, makes
// the supervisor switch back through the installer and leave the reason for the agent to report. One record
// serves every installer. The decisions are pure; what is around them is synchronous disk and one installer
// verb.
#pragma once

#include <string>
#include <string_view>

#include "agent/documents/boot_record.h"
#include "base/log.h"
#include "core/update/attempt.h"
#include "ports/disk.h"
#include "ports/installer.h"
#include "ports/worker.h"

namespace dray::agent {

inline constexpr std::string_view kBootFile = "boot.json";
inline constexpr int kMostTrialStarts = 3;

// --- pure ---

enum class BootMove { kStart, kSwitchBack };
struct BootDecision {
  BootMove move = BootMove::kStart;
  BootRecord next;  // to be saved before the move
};
BootRecord armed(const BootRecord& record, ActionId action);
BootRecord disarmed(const BootRecord& record);
BootDecision on_start(const BootRecord& record);
BootDecision on_program_exit(const BootRecord& record, std::string_view how);  // "exited with status 1"
BootRecord switched_back(const BootRecord& record);                            // after the installer did it

// In the place of a record that can't be read: a version that may be on trial is, and its starts count anew.
BootRecord presumed(const core::attempt::Attempt& attempt);

// --- on the disk. Synchronous: on a worker. ---

BootRecord load_boot(Disk& disk);  // none: an empty one
struct KeptBoot {
  BootRecord record;      // presumed() where it can't be read
  std::string why, text;  // why it can't be read, and as it is; empty: it can be
};
KeptBoot read_boot(Disk& disk);
Result<> save_boot(Disk& disk, const BootRecord& record);

// --- what the supervisor does ---

struct BootParts {
  Disk& disk;
  Worker& worker;
  Installer& installer;
  Log log;
};
// Before every start of the agent. Switches back where it must; the start goes on in any case.
Task<Result<>> before_start(BootParts parts, Stop& stop);
// The active version's program has ended by itself. True: switched back, the device is to restart.
Task<Result<bool>> program_ended(BootParts parts, std::string how, Stop& stop);

}  // namespace dray::agent
