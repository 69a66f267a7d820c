// hawkBit DDI v1 as values and JSON, the server's side: what devices are told and what they send. Basis:
// docs/ddi.md (read in hawkBit's source and measured with real clients). "dray" members are our addition; other
// servers and clients ignore them.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "wire/json.h"

namespace dray::wire {

// --- what devices are told; every href is absolute and ready to print ---

struct DdiPoll {
  std::chrono::seconds sleep{300};
  // Empty: not shown. At most one of the first three (docs/ddi.md 0.6).
  std::string confirmation_base, cancel_action, deployment_base, installed_base, config_data;
  std::string probe;  // our addition, for our agents: the device may measure its link
};
std::string encode_ddi_poll(const DdiPoll& poll);

struct DdiArtifact {
  std::string file, sha1, md5, sha256;
  std::uint64_t size = 0;
  std::string href;  // of the file; the checksum file is the same + ".MD5SUM"
};
struct DdiChunk {
  std::string part, version, name;
  std::vector<DdiArtifact> artifacts;
};
struct DdiHistory {
  std::string status;  // "RETRIEVED", ...
  std::vector<std::string> messages;  // newest first
};
struct DdiDeployment {
  ActionId id;
  bool confirmation = false;  // the body of confirmationBase: the object is called so
  std::vector<DdiChunk> chunks;
  std::optional<DdiHistory> history;
};
std::string encode_ddi_deployment(const DdiDeployment& deployment);
std::string encode_ddi_artifacts(const std::vector<DdiArtifact>& artifacts);
std::string encode_ddi_cancel(ActionId id);

struct DdiAutoConfirm {
  bool active = false;
  std::string initiator, remark;
  WallTime activated_at;
};
struct DdiConfirmationBase {
  DdiAutoConfirm auto_confirm;
  std::string activate, deactivate, confirmation_base;  // hrefs; empty: not shown
};
std::string encode_ddi_confirmation_base(const DdiConfirmationBase& base);

// docs/ddi.md 1.3. No DDI client reads it; people and proxies do.
std::string encode_ddi_error(std::string_view exception, std::string_view code, std::string_view message);

// --- what devices send; read leniently (docs/ddi.md 0.5) ---
//
// All texts come out cleaned and cut to wire/limits.h: a device's words never make a message unreadable. Only a key or
// value of configData that is too long comes out one character too long, for the door to refuse as hawkBit does.

// Our member in feedback and in a denied confirmation.
struct DdiDray {
  std::string answer;  // "busy", "defer", "refuse", "cancelled"; empty = none
  std::string phase;   // "switching", "verifying"
  std::string by, why;
  std::optional<WallTime> until;
  std::optional<std::chrono::seconds> retry_after;  // for devices without a clock
};

enum class DdiExecution { kClosed, kProceeding, kCanceled, kScheduled, kRejected, kResumed, kDownloaded, kDownload };
enum class DdiFinished { kSuccess, kFailure, kNone };

struct DdiFeedback {
  DdiExecution execution{};
  DdiFinished finished{};
  std::optional<std::int64_t> code;
  std::vector<std::string> details;
  DdiDray dray;
};
Result<DdiFeedback> decode_ddi_feedback(std::string_view text);

struct DdiConfirmation {
  bool confirmed = false;
  std::vector<std::string> details;
  DdiDray dray;
};
Result<DdiConfirmation> decode_ddi_confirmation(std::string_view text);

enum class DdiMode { kMerge, kReplace, kRemove };
struct DdiConfigData {
  DdiMode mode = DdiMode::kMerge;
  std::map<std::string, std::optional<std::string>> data;  // no value = null: delete the key
};
Result<DdiConfigData> decode_ddi_config_data(std::string_view text);

struct DdiInstalled {
  std::string name, version;
};
Result<DdiInstalled> decode_ddi_installed(std::string_view text);

// What a device measured at its drayProbe link; bytes 0: nothing came of it.
struct DdiProbe {
  std::uint64_t bytes = 0;
  Duration took{0};
};
Result<DdiProbe> decode_ddi_probe(std::string_view text);

// The body of activateAutoConfirm; an empty text is fine.
Result<DdiAutoConfirm> decode_ddi_activation(std::string_view text);

// --- URLs ---

std::string escape_url(std::string_view segment);  // everything but unreserved characters as %XX
std::optional<std::string> unescape_url(std::string_view segment);  // nothing where a %XX is broken

}  // namespace dray::wire
