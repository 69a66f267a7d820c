// The kinds of faults, as coverage counts them; docs/fault-model.md says what each is.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dray::sim::fleet {

enum class FaultKind : std::uint8_t {
  kPowerCut,
  kPowerCutAtWrite,
  kServerParted,
  kDeviceParted,
  kSlowLink,
  kDiskFull,
  kByteFlipped,
  kClockJumped,
  kInstallerFailed,
  kVersionBroken,
  kGatewayRestored,
  kRequestLost,
  kAnswerLost,
  kUploadCut,
  kAnswerCut,
  kRequestLate,
  kRequestDoubled,
  kPortal,
  kProxyRefuses,
  kStaleCache,
  kWeakEtags,
  kPollsNotHeld,
  kPartsChanged,
  kServerHostile,
  kNumbersHostile,
  kTwinGateway,
  kTwinAgent,
  kDocumentDamaged,
  kOddDevice,
  kRowDamaged,
  kServerClockLeapt,
};
inline constexpr std::array<std::string_view, 31> kFaultKinds{
    "power_cut",       "power_cut_at_write", "server_parted",   "device_parted",    "slow_link",       "disk_full",
    "byte_flipped",    "clock_jumped",       "installer_failed", "version_broken",   "gateway_restored", "request_lost",
    "answer_lost",     "upload_cut",         "answer_cut",      "request_late",     "request_doubled", "portal",
    "proxy_refuses",   "stale_cache",        "weak_etags",      "polls_not_held",   "parts_changed",   "server_hostile",
    "numbers_hostile", "twin_gateway",       "twin_agent",      "document_damaged", "odd_device",
    "row_damaged",     "server_clock_leapt"};
static_assert(static_cast<std::size_t>(FaultKind::kServerClockLeapt) + 1 == kFaultKinds.size());

inline std::string_view name_of(FaultKind kind) { return kFaultKinds[static_cast<std::size_t>(kind)]; }

}  // namespace dray::sim::fleet
