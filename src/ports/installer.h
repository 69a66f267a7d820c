// How an agent changes and asks its device: the installer verbs. An executable in the installers folder (the
// exec protocol, docs/installers.md) or a built-in class; both behave the same.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/stop.h"
#include "ports/disk.h"
#include "ports/task.h"

namespace dray {

// In the order of an update. Every verb is idempotent: after a power cut it is called again.
enum class InstallerVerb {
  kInfo,         // what this installer can: lines "key=value" (api, atomic, rollback)
  kReady,        // may the device be updated now? 0 ready, 10 busy ("retry_after=SECONDS" on stdout)
  kInstalled,    // what runs: lines "component=version<TAB>sha256" (sha256 may be missing)
  kDownload,     // write one payload to the inactive place, sync, read back, verify; activates nothing
  kInstall,      // the switch-over: everything downloaded for this order becomes active at the next start
  kNeedsReboot,  // "yes" or "no" on stdout
  kVerify,       // after the restart: is the new version the one that runs, and healthy?
  kCommit,       // keep it
  kRollback,     // back to the version before the switch-over
  kCleanup,      // remove what a finished or failed order left
  kCancel,       // forget what was downloaded for this order
};
std::string_view to_string(InstallerVerb verb);  // "needs-reboot"

// Metadata goes by environment, not by argument: DRAY_COMPONENT, DRAY_VERSION, DRAY_SHA256, DRAY_SIZE,
// DRAY_PAYLOAD (path of the verified file), DRAY_ORDER (all components of the order, "os app").
struct InstallerEnv {
  std::string component, version;
  Sha256 sha256;
  std::uint64_t size = 0;
  Path payload;  // below the agent's disk root
  std::vector<std::string> order;
};

enum class InstallerExit { kOk = 0, kFailed = 1, kUsage = 2, kRetryLater = 3, kBusy = 10 };

struct InstallerAnswer {
  InstallerExit exit = InstallerExit::kOk;
  std::map<std::string, std::string> values;  // the "key=value" lines of stdout
  std::string words;                          // other lines of stdout, then the tail of stderr (10 KiB)
};

struct Installer {
  virtual ~Installer() = default;
  // An Error only where the verb could not be run at all or ran into its time limit.
  virtual Task<Result<InstallerAnswer>> run(InstallerVerb verb, InstallerEnv env, Stop& stop) = 0;
};

}  // namespace dray
