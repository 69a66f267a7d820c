// What an entry of a gateway's reports may be to be stored, and how much of a site is kept. Pure. What is
// over these bounds is set aside by itself: acknowledged, and named on the site as `report_refused`. Bounds of single
// numbers and texts are the reader's (wire/limits.h): an entry over one of them is bad before it comes here.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "wire/gateway_api.h"

namespace dray::wire {

inline constexpr std::int64_t kMostRegistered = 1'000;       // devices of a site that nobody has added
inline constexpr std::int64_t kMostSiteDeferrals = 1'000;    // of a site, standing ones
inline constexpr std::size_t kMostStoredArtifacts = 10'000;  // in a storage report
inline constexpr std::size_t kMostRunning = 100;             // components of a device
inline constexpr std::int64_t kLogLinesKept = 500;           // a job, the newest
inline constexpr std::size_t kLogBytesKept = 256 << 10;      // the same, of one report

// Why an entry is set aside, as a sentence's end; nothing: it may be stored. seen: what the site has reported
// before it.
std::optional<std::string> refusal_of(const Report& report, core::ReportsSeen seen);

// Whether an entry may stand there after what was seen. One that may not is not acknowledged: its number
// would become the one that all later ones have to exceed.
bool is_likely_place(core::ReportsSeen place, core::ReportsSeen seen);

// Of the lines of one log entry the newest ones that are kept.
std::span<const std::string> kept_lines(const std::vector<std::string>& lines);

}  // namespace dray::wire
