// The admin API v1 as values, both directions: docs/api.md shows it by example. What a request says wrong is
// named with its path and its limit; unknown members are refused (a misspelt "expire_at" must not pass for
// "never").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/identity/holder.h"
#include "core/model/filter.h"
#include "core/model/plan.h"
#include "core/model/said_type.h"
#include "core/rollout/match.h"
#include "core/rollout/rollout.h"
#include "core/schedule/install_times.h"
#include "core/schedule/window.h"
#include "wire/forecast.h"
#include "wire/gateway_api.h"
#include "wire/json.h"
#include "wire/rate_json.h"

namespace dray::wire {

// --- requests ---

struct NewUpload {
  Sha256 sha256;
  std::uint64_t size = 0;
};
struct NewArtifact {
  Sha256 sha256;
  std::string name, file, component, version;
  std::vector<std::string> device_types;
};
// A stored column that can't be read. What depends on it is held until it is replaced.
struct Unreadable {
  std::string table, key, column, why;
};
struct NewDeviceType {
  core::DeviceType type;
  core::Client client = core::Client::kAny;
  std::vector<Unreadable> unreadable = {};  // of one that is stored
};
struct NewSite {
  std::string name;
  std::string time_zone = "UTC";
  core::SiteLimits limits;
  core::SiteWindows windows = {};
};
// Which members of limits are given; what is not stays as it is.
struct LimitsGiven {
  bool wan = true, lan = true, concurrency = true, store = true;
  bool all() const { return wan && lan && concurrency && store; }
};
// Only what is given changes; an empty list of windows means always.
struct SitePatch {
  std::optional<core::SiteLimits> limits = {};
  LimitsGiven limits_given = {};
  std::optional<std::string> time_zone = {};
  std::optional<std::vector<core::Window>> transfer_windows = {}, update_windows = {};
  std::optional<std::vector<core::BlackOut>> black_outs = {};
};
struct NewDevice {
  std::string name, site, type;
  core::Attributes attributes;
};
// Another type for a device.
struct DevicePatch {
  std::string type;
};
// The other names of a device type, all of them.
struct TypePatch {
  std::vector<std::string> also_called;
};
struct NewRelease {
  std::string name, version;
  std::vector<Sha256> artifacts;
};
struct NewRollout {
  std::string release_name, release_version;  // "release": "till/26.11"
  std::string filter;                         // of devices; empty: all
  core::RolloutTerms terms;
  core::Intervals transfer, update;
  core::RetryPolicy retry;
  int priority = 0;
  std::chrono::seconds status_deferral{900};
  std::vector<core::PhaseTerms> phases;  // at least one: without phases it is all that is left
  bool late_joiners = true;              // devices that pass the filter later are picked up while it runs
};
struct Why {  // of an abort, a pause, a cancel
  std::string by, why;
};
// Of one device, or of a whole site; of one rollout, or of all of them.
struct NewDeferral {
  std::string site, device;  // one of them; a device knows its site
  std::string rollout;       // "r12"; empty: every one
  WallTime until;
  std::string by, why;
  bool accept_expiry = false;  // also where it leaves no time
};
struct NewApproval {
  Why why;
  std::optional<std::size_t> phase;  // from 0; on the wire from 1
};
// Which gateway is to answer for a site.
struct NewReplace {
  Why why;
  std::optional<std::string> instance;  // none: the one that asked last
};
struct NewRetry {
  Why why;
  std::optional<WallTime> expires_at;
};

struct IdRenewal {
  Why why;
  bool beyond_32_bits = false;
};

inline constexpr std::size_t kMostDevicesAtOnce = 10'000;
inline constexpr std::size_t kLongestName = 128;

Result<NewUpload> decode_upload(std::string_view text);
Result<NewArtifact> decode_artifact(std::string_view text);
Result<NewDeviceType> decode_device_type(std::string_view text);
Result<NewSite> decode_site(std::string_view text);
Result<SitePatch> decode_site_patch(std::string_view text);
// The body of PUT /rows/TABLE/KEY/COLUMN: {"value": ...}. Replacement is below.
struct Replacement;
Result<Replacement> decode_replacement(std::string table, std::string key, std::string column, std::string_view text);
Result<NewDevice> decode_device(std::string_view text);
Result<std::vector<NewDevice>> decode_devices(std::string_view text);  // {"devices": [...]}
Result<DevicePatch> decode_device_patch(std::string_view text);
Result<TypePatch> decode_type_patch(std::string_view text);
Result<NewRelease> decode_release(std::string_view text);
// What may be forgotten in it, a sentence each.
std::vector<std::string> warnings_of(const NewRollout& rollout, WallTime now);
Result<NewRollout> decode_rollout(std::string_view text);
Result<NewDeferral> decode_deferral(std::string_view text);
Result<Why> decode_why(std::string_view text);               // {"by", "why"}, both may be missing
Result<NewReplace> decode_replace(std::string_view text);    // {"instance", "by", "why"}, all may be missing
Result<NewApproval> decode_approval(std::string_view text);  // {"by", "why", "phase"}; by must be there
Result<NewRetry> decode_retry(std::string_view text);        // {"by", "why", "expires_at"}
Result<IdRenewal> decode_id_renewal(std::string_view text);  // {"by", "why", "beyond_32_bits"}; all may be missing

// Letters, digits, '.', '_', '-'; begins with a letter or digit. What names, sites, types and components are
// made of.
bool is_name(std::string_view text);
// What a device may be called: what any client of the device protocol calls itself ("kasse 3", "b8:27:eb:01:02:03"), as the
// gateway's door writes it (base/text.h, clean_name), but without '/', with no '-' in front and no blank at an end, and not
// "." or "..": an address that ends in one leads elsewhere in whatever normalises it.
bool is_device_name(std::string_view text);
// A plain file name: no '/', no control characters, not "." or "..", valid for a device's disk and for a
// URL's last part.
bool is_file_name(std::string_view text);

// --- answers ---

// "site berlin, limits: can't be read: ..."
std::string sentence_of(const Unreadable& what);
// The command that replaces it.
std::string remedy_of(const Unreadable& what);
// A column to be replaced, and what by: its JSON as docs/formats-server.md has it.
struct Replacement {
  std::string table, key, column;
  std::string text;
};

// What has become of an artifact's bytes at the server.
struct DamageView {
  enum class What { kDamaged, kGone };
  What what = What::kDamaged;
  WallTime at;  // when it was found
  friend bool operator==(const DamageView&, const DamageView&) = default;
};
// For people, of its name, component and version.
std::string sentence_of(const core::Artifact& artifact, const DamageView& damage);
struct ArtifactView {
  core::Artifact artifact;
  std::vector<std::string> device_types;
  WallTime created_at;
  std::optional<DamageView> damage = {};  // of the moment it is looked at
  std::vector<Unreadable> unreadable = {};
};
// Of a site's reports, what could not be taken.
struct RefusedView {
  std::int64_t count = 0;
  std::optional<WallTime> at;  // the last one; none: there was none
  std::string what, why;
};
struct SiteView {
  std::string name, time_zone;
  core::SiteLimits limits;
  core::SiteWindows windows;
  std::int64_t revision = 0, devices = 0;
  core::ReportsSeen seen;
  WallTime created_at;
  std::optional<WallTime> contact_at;
  std::optional<StorageReport> storage;
  std::optional<RateView> wan_rate;  // only where one site is shown
  std::int64_t open_jobs = 0;
  std::string misfit, misfit_sentence;  // of an open rollout that does not fit this site; empty: none
  RefusedView refused;
  std::optional<WallTime> epoch_waits;  // its gateway's next epoch may begin then
  std::int64_t epochs = 0;              // that began within 24 hours
  bool ids_ended = false;               // there are no more action ids for it
  core::Holding holding;                // the gateways that call with its token
  WallTime looked_at;                   // by describe_site()
  std::vector<std::string> two_agents;  // devices of which two seem to call
  struct InstallsFarOff {
    std::string type;
    core::FarOff times;
  };
  std::vector<InstallsFarOff> far_off;  // only where one site is shown
  // Its plan could not be given to its gateway when that asked last: plan_too_large or plan_not_loaded;
  // empty: it could.
  std::string plan_trouble, plan_trouble_sentence;
  // Of artifacts that its open jobs need and the server's bytes of are damaged or gone, a sentence each.
  std::vector<std::string> damaged;
  std::optional<WallTime> until;
  std::string state, reason, sentence;  // of the moment it is looked at: describe_site()
  std::vector<Unreadable> unreadable = {};  // where one site is shown: also of what else holds it
};
// "idle", "working" or "silent": what is to be said of a site. A gateway asks at least every minute, so five
// of silence are some.
void describe_site(SiteView& site, WallTime now);
// A device that no longer runs what its job ended well with: since when, and what runs instead (component -> version).
struct DriftView {
  WallTime since;
  std::map<std::string, std::string> running;
};
struct PastJob {  // an earlier try of the same device in the same rollout, under an id of its own
  JobId id;
  core::JobResult result;
};
struct JobView {
  JobId id;
  RolloutId rollout;
  std::size_t phase = 0;
  std::string device, site, type;
  core::JobResult result;
  std::optional<WallTime> reported_at;  // none: no gateway has said anything yet
  std::optional<Why> cancel_asked;
  std::optional<DriftView> drifted = {};
  WallTime heard_at = {};   // the gateway of its site; of one that never was, when the site was made
  bool ever_heard = false;
  std::vector<PastJob> past;  // oldest first; not in lists
  std::vector<Unreadable> unreadable = {};
};
// Of a job that no gateway has reported on: whether that is silence is known only when it is looked at.
void describe_now(JobView& job, WallTime now);
struct DeviceView {
  std::string name, site, type;
  core::Attributes attributes, reported;  // the operator's; the device's own
  std::optional<WallTime> seen_at;
  std::string boot_id, status;
  core::RunningByComponent running;
  WallTime created_at;
  std::optional<JobView> job;    // the newest
  std::optional<core::OtherType> other_type = {};  // it says that it is of another type: its jobs are held
  std::optional<RateView> rate;  // from its gateway; only where one device is shown
  std::vector<Unreadable> unreadable = {};
};
void describe_now(DeviceView& device, WallTime now);  // of its job
struct ReleaseView {
  std::string name, version;
  std::vector<ArtifactView> artifacts;
  WallTime created_at;
};
// One rollout at one site: what its times were computed from, and what came out.
struct SiteTimesView {
  std::string site;
  std::int64_t devices = 0;
  std::uint64_t bytes = 0, rate = 0;  // that the gateway lacked; bytes per second that were counted on
  std::optional<WallTime> planned_at, transmit_at, update_at, fetched_at, finish_at;
  std::string misfit, sentence;  // empty: it fits
  std::optional<bool> assumed;   // the rate was never measured; nothing: there are no times
};
// Of all sites of a rollout.
struct PlanningView {
  std::int64_t sites = 0, misfits = 0;  // with times or a reason why there are none; of them, what does not fit
  std::uint64_t bytes = 0;
  std::optional<WallTime> finish_at;        // expected: the last device of the last site that fits
  std::string site, misfit, sentence;       // one that does not fit
};
// What a rollout would do: nothing of it is stored.
struct WhatIfView {
  std::vector<SiteTimesView> sites;
  std::int64_t incompatible = 0;  // devices that nothing fits
  ForecastRollout facts;          // what it was computed from, for a forecast; shown where it is asked for
  bool with_facts = false;
  std::vector<std::string> warnings;
};
PlanningView summary_of(const std::vector<SiteTimesView>& sites);

struct RolloutEventView {
  WallTime at;
  std::string what;
  std::optional<std::size_t> phase;
  std::string by, why;
};
struct RolloutView {
  RolloutId id;
  NewRollout asked;  // without its terms and phases: they are in rollout
  core::Rollout rollout;
  WallTime created_at, state_at;
  std::vector<core::StateCounts> states;  // one a phase
  std::vector<core::PhaseCounts> counts;  // one a phase
  PlanningView planning;
  std::vector<RolloutEventView> events;   // oldest first; not in lists
  std::vector<std::string> damaged = {};  // of its artifacts whose bytes at the server are damaged or gone, a sentence each
  std::vector<Unreadable> unreadable = {};
};
struct LogLine {
  std::int64_t attempt = 0;
  WallTime at;
  std::string text;
};
struct RegisteredView {  // a device that a gateway saw and nobody has added; may be added where is_device_name
  std::string name, site;
  core::Attributes attributes;
  WallTime at;
  std::vector<Unreadable> unreadable = {};
};
struct DeferralView {
  std::string id, site, device, rollout;
  WallTime until;
  std::string by, why, from;  // from: "server", or "site" where its people asked for it
  bool stands = true;
  std::int64_t jobs = 0;  // open ones that it means; of our own only
  std::int64_t too_late = 0;  // of them those that have begun: it moves only what follows
};

template <class T>
struct Page {
  std::vector<T> items;
  std::string next;  // cursor of the next page; empty: this was the last
};

json::object encode(const ArtifactView& view);
json::object encode(const NewDeviceType& view);
json::object encode(const SiteView& view);
json::object encode(const DeviceView& view);
json::object encode(const ReleaseView& view);
json::object encode(const RolloutView& view);
json::object encode(const JobView& view);
json::object encode(const SiteTimesView& view);
json::object encode(const PlanningView& view);
json::object encode(const WhatIfView& view);
json::object encode(const LogLine& view);
json::object encode(const RegisteredView& view);
json::object encode(const DeferralView& view);

template <class T>
json::object encode(const Page<T>& page) {
  json::array items;
  items.reserve(page.items.size());
  for (const T& item : page.items) items.push_back(encode(item));
  json::object out{{"items", std::move(items)}};
  out["next"] = page.next.empty() ? json::value{} : json::value(page.next);
  return out;
}

// Parts that the server's database keeps as JSON too.
json::array encode_intervals(const core::Intervals& intervals);
core::Intervals decode_intervals(const Node& node);
json::array encode_windows(const std::vector<core::Window>& windows);
json::array encode_black_outs(const std::vector<core::BlackOut>& black_outs);
// Of a device type, as its devices say them, so any line; they are compared to the letter.
std::vector<std::string> decode_other_names(const Node& node);
std::vector<core::Window> decode_windows(const Node& node);
std::vector<core::BlackOut> decode_black_outs(const Node& node);
json::object encode_limits(const core::SiteLimits& limits);
json::object encode_phase(const core::PhaseTerms& phase);
core::PhaseTerms decode_phase(const Node& node);  // a stored one: what it says is cleaned
std::vector<core::PhaseTerms> decode_phases(const Node& node);  // of a request: what is not fit is refused
// A filter in a request, its lines as one. Refused where it is blank: who wants all leaves it out.
std::string decode_filter(const Node& node);
core::SiteLimits decode_limits(const Node& node);

}  // namespace dray::wire
