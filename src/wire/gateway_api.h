// The gateway API v1, both directions as values: docs/gateway-api.md has the exact contract.
// Unknown members are ignored; what is wrong is named with its path.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/model/job_state.h"
#include "core/model/plan.h"
#include "wire/json.h"

namespace dray::wire {

// GET plan. server_time and reports_seen are not covered by the revision.
struct PlanMessage {
  core::Plan plan;
  WallTime server_time;
  core::ReportsSeen reports_seen;
};

std::string encode_plan(const PlanMessage& message);
Result<PlanMessage> decode_plan(std::string_view text);

// --- POST reports ---

struct CancelAnswer {
  std::string id;
  std::string answer;  // "too_late"
  friend bool operator==(const CancelAnswer&, const CancelAnswer&) = default;
};

struct JobReport {
  JobId job;
  core::JobState state{};
  std::string reason, sentence;
  std::optional<WallTime> until, update_at;
  std::int64_t step = 0, attempt = 0;
  std::uint64_t bytes = 0;
  std::map<std::string, std::string> running;  // component -> version
  bool late = false;
  std::optional<CancelAnswer> cancel;
  bool unproven = false;  // it ended well by the device's word alone
  std::optional<core::Cause> cause = {};  // beside a state that does not say it itself
  friend bool operator==(const JobReport&, const JobReport&) = default;
};

struct DeviceReport {
  DeviceId device;
  std::optional<WallTime> seen_at;
  std::string boot_id;
  core::RunningByComponent running;
  std::string status;  // "idle", "busy", ...
  core::Attributes attributes;
  bool said_since_end = false;  // it has said what runs since an update of it ended well last
  friend bool operator==(const DeviceReport&, const DeviceReport&) = default;
};

struct StoredArtifact {
  Sha256 sha256;
  std::uint64_t bytes = 0;
  bool verified = false;
  friend bool operator==(const StoredArtifact&, const StoredArtifact&) = default;
};
// Bytes that came from the server with another SHA-256, and were thrown away.
struct SpoiltArtifact {
  Sha256 sha256;
  std::int64_t times = 0;  // one after the other, since it was wanted
  friend bool operator==(const SpoiltArtifact&, const SpoiltArtifact&) = default;
};

struct StorageReport {
  std::vector<StoredArtifact> artifacts;
  std::uint64_t used = 0, quota = 0;
  std::vector<SpoiltArtifact> damaged = {};  // that are wanted and came damaged
  friend bool operator==(const StorageReport&, const StorageReport&) = default;
};

struct RateReport {
  std::string link;  // "wan" or "lan"
  DeviceId device;   // empty for the WAN
  std::int64_t hour_of_week = 0;
  std::uint64_t rate = 0, low = 0;
  std::int64_t samples = 0, age = 0;
  bool assumed = false, capped = false;
  friend bool operator==(const RateReport&, const RateReport&) = default;
};

struct LogReport {
  JobId job;
  std::int64_t attempt = 0;
  std::vector<std::string> lines;
  friend bool operator==(const LogReport&, const LogReport&) = default;
};

struct DeferralReport {
  core::Deferral deferral;
  bool withdrawn = false;
  friend bool operator==(const DeferralReport&, const DeferralReport&) = default;
};

struct RegisteredReport {
  DeviceId device;
  core::Attributes attributes;
  friend bool operator==(const RegisteredReport&, const RegisteredReport&) = default;
};

struct UnknownReport {  // a kind from a newer gateway: acknowledged and dropped
  std::string kind;
  friend bool operator==(const UnknownReport&, const UnknownReport&) = default;
};

using ReportBody = std::variant<JobReport, DeviceReport, StorageReport, RateReport, LogReport, DeferralReport,
                                RegisteredReport, UnknownReport>;

struct Report {
  std::int64_t epoch = 0, seq = 0;
  WallTime at;
  ReportBody body;
  friend bool operator==(const Report&, const Report&) = default;
};

// What a report is about, "job/r12-till-014": of a subject only the newest need be kept. Each log entry is a
// subject of its own, "log/<job>/<seq>".
std::string subject_of(const Report& report);

inline constexpr std::size_t kMostReports = 10'000;
inline constexpr std::size_t kMostReportBytes = 8 << 20;

std::string encode_report(const Report& report);
std::string encode_reports(const std::vector<std::string>& encoded);  // an array of what encode_report gave
Result<Report> decode_report(std::string_view text);                  // one entry
Result<std::vector<Report>> decode_reports(std::string_view text);    // the array; kInvalid over the limits
Result<Report> decode_parsed_report(const json::value& entry);

// An entry of a batch that can't be taken, and why. Its place where it says one: it is acknowledged like others.
struct BadReport {
  std::optional<core::ReportsSeen> place;
  std::string what;  // "job r12-till-014", "storage"; "entry 17" where it does not say
  std::string why;
  friend bool operator==(const BadReport&, const BadReport&) = default;
};
struct ReportEntries {
  std::vector<Report> good;
  std::vector<BadReport> bad;
};
// Entry by entry, so that what one holds never hides the others. kInvalid: this is no JSON array of entries, or over
// the limits.
Result<ReportEntries> decode_entries(std::string_view text);
// What a report is about, for people: "job r12-till-014".
std::string describe_subject(const Report& report);

struct ReportsAnswer {
  core::ReportsSeen acknowledged;
  bool resync = false;
};
std::string encode_answer(const ReportsAnswer& answer);
Result<ReportsAnswer> decode_answer(std::string_view text);

// RFC 9457 problem document; `field` and `limit` as members where there are some.
std::string problem(int status, std::string_view title, std::string_view detail, std::string_view type = "about:blank");
// The HTTP status for an error, one table for all doors.
int status_of(ErrorCode code);

}  // namespace dray::wire
