// Reads compiled zone rules (TZif, RFC 8536, version 2 or newer) into the core's value. Pure. What comes
// after the last transition of the table follows from the POSIX rule in the footer (RFC 8536 3.3.1, with its
// extension of times from -167 to 167 hours) and is written out as transitions, so that the core knows no
// rules. kCorrupt where the bytes are no such file; kInvalid for one that counts leap seconds ("right/..."):
// its times are not UTC.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "core/schedule/window.h"

namespace dray::adapters {

// Transitions up to and including the year of `until`.
Result<core::ZoneRules> read_tzif(std::string name, ByteView file, WallTime until);

// The rule alone, for example "CET-1CEST,M3.5.0,M10.5.0/3": transitions after `from`.
struct PosixZone {
  std::chrono::seconds standard{0};
  std::vector<core::ZoneTransition> transitions;
};
Result<PosixZone> read_posix_zone(std::string_view rule, std::chrono::sys_seconds from, WallTime until);

}  // namespace dray::adapters
