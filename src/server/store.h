// What the server keeps, as an interface: adapters/sqlite implements it. Every call is one transaction,
// durable when it returns. Called on the `store` worker only. Errors: kNotFound, kConflict (exists,
// differently), kInvalid (names something that is not there); kExhausted, kUnavailable, kCorrupt from the
// database.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock_reading.h"
#include "core/identity/holder.h"
#include "core/model/filter.h"
#include "core/schedule/rate.h"
#include "server/site_work.h"
#include "wire/admin_api.h"
#include "wire/forecast.h"

namespace dray::server {

// A POST that may be repeated: the key is the caller's, the fingerprint is of method, path and body. The same
// key with another fingerprint is kConflict.
struct Once {
  std::string key, fingerprint;
};

// What concerns a site has changed: its new revision.
struct SiteChange {
  std::string site;
  std::int64_t revision = 0;
};
using SiteChanges = std::vector<SiteChange>;

// A site as the gateway door needs it in memory.
struct SiteEntry {
  std::string name, token_sha256;
  std::int64_t revision = 0;
  core::ReportsSeen seen;
  core::Holding holding = {};
};

struct Made {
  std::string id;
  bool replayed = false;  // made by an earlier call with the same key, or was there already and equal
  SiteChanges changed;
};

struct Token {
  std::string name, sha256;
};

struct Blob {
  Sha256 sha256;
  std::uint64_t size = 0;
  std::string sha1, md5;
};
struct UploadEntry {
  Sha256 sha256;
  std::uint64_t size = 0;
  WallTime touched_at;
  std::uint64_t durable = 0;  // bytes of its part that survive a power cut
};

// What saving has come to since the start, whoever asked for it.
struct Saves {
  bool failing = false;  // the last one did not work, so none can be trusted to
  std::uint64_t failed = 0;
  std::string last;  // why the last of these did
};

// What could be read of a table, and what of it could not: rows that are set aside as if they were not there.
template <class T>
struct Kept {
  std::vector<T> rows;
  std::vector<wire::Unreadable> unreadable;
};

// What planning says about the devices of one type (called inside the transaction; pure).
struct TypePlan {
  std::vector<core::Step> steps;  // empty: incompatible
  std::string why_not;
};
using TypePlanner =
    std::function<TypePlan(const wire::NewDeviceType&, const std::vector<core::ReleaseArtifact>&)>;

// For people.
void describe(const PlannedSite& planned, wire::SiteTimesView& out);

struct ReportBatch {
  std::string site;
  std::vector<wire::Report> reports;
  WallTime at;
  std::vector<wire::BadReport> bad = {};
};
struct Ingested {
  core::ReportsSeen acknowledged = {};
  bool resync = false;
  std::int64_t refused = 0;  // entries that were set aside; the last of them
  std::string refused_what = {}, refused_why = {};
  std::optional<WallTime> epoch_waits = {};  // a new epoch may begin then: what it reports is to be sent again
  bool said_types = false;                   // of devices have changed: they are in the plan, and change no revision
  bool ids_ended = false;                    // from now on there are no more action ids for the site
  std::string not_followed = {};             // a rollout that can't be read, and does not know of its jobs' ends yet
  std::optional<Error> failed = {};          // nothing of this batch was stored; others were
};

struct Store {
  virtual ~Store() = default;

  virtual Result<std::optional<std::string>> admin_token_sha256() = 0;
  virtual Result<> set_admin_token(const std::string& sha256) = 0;

  virtual Result<std::vector<SiteEntry>> sites() = 0;
  virtual Result<Made> add_site(const wire::NewSite& site, const std::string& token_sha256, WallTime now,
                                const std::optional<Once>& once) = 0;
  virtual Result<> set_site_token(const std::string& site, const std::string& token_sha256) = 0;
  // if_revision: kConflict where the site has moved on meanwhile.
  virtual Result<SiteChanges> change_site(const std::string& site, const wire::SitePatch& change,
                                          std::optional<std::int64_t> if_revision) = 0;
  // A column that can't be read takes what the caller gives. kConflict: it can be read; kInvalid: there is no such
  // column, or that is not what belongs into it; kNotFound.
  // References to rows that there are not, in the tables from which plans are made: damaged, because nothing ever wrote
  // them. Reads these tables whole: for the start.
  virtual Result<std::vector<wire::Unreadable>> dangling() = 0;
  virtual Saves saves() const = 0;  // from any thread
  virtual Result<SiteChanges> replace_unreadable(const wire::Replacement& what) = 0;
  virtual Result<> ask_resync(const std::string& site) = 0;
  // A way out for operators: a million new action ids now, and today's epochs are forgiven. wide: ids beyond 32 bits
  // from now on, where the shorter ones have ended. kConflict: they have, and `wide` was not given.
  virtual Result<SiteChanges> renew_action_ids(const std::string& site, bool wide, WallTime now) = 0;
  // The newest time that was noted, with where the boot-time clock stood then; nothing in a new database.
  virtual Result<std::optional<TimeMark>> newest_time() = 0;
  // Also notes that the database is in use at `now`: called every few seconds, with or without contacts.
  virtual Result<> note_contacts(const std::vector<std::pair<std::string, WallTime>>& contacts,
                                 const TimeMark& now) = 0;
  // Once at the start. Where the database was not in use for longer than a restart takes, it may have been
  // restored from a backup: numbers skip what a lost later state may have handed out, every site is asked for
  // its whole state. Then: for how long it was not in use, which is judged by `by_machine`: a clock that is not believed
  // may be right.
  virtual Result<std::optional<Duration>> note_start(const TimeMark& now, WallTime by_machine) = 0;
  // Who answers for these sites, each as a whole.
  virtual Result<> save_holdings(const std::vector<std::pair<std::string, core::Holding>>& holdings) = 0;
  // A gateway has a plan that is newer than ours, so we were restored: its site's plan becomes newer still,
  // and the site is asked for its whole state.
  virtual Result<SiteChanges> note_newer_plan(const std::string& site, std::int64_t revision) = 0;

  virtual Result<Made> add_device_type(const wire::NewDeviceType& type, const std::optional<Once>& once,
                                       WallTime now) = 0;

  // The other names that its devices may say; all sites with such devices get a new plan.
  virtual Result<SiteChanges> set_other_names(const std::string& type, const std::vector<std::string>& also_called) = 0;
  // To another type. Its open jobs get what their release has for that type, or end as incompatible where that is
  // nothing. kConflict: what says it of one of them can't be read.
  virtual Result<SiteChanges> move_device(const std::string& device, const std::string& type, const TypePlanner& planner, WallTime now) = 0;
  // All or none. tokens[i] belongs to devices[i].
  virtual Result<Made> add_devices(const std::vector<wire::NewDevice>& devices,
                                   const std::vector<std::string>& token_sha256s, WallTime now,
                                   const std::optional<Once>& once) = 0;
  virtual Result<SiteChanges> set_device_token(const std::string& device,
                                               const std::string& token_sha256) = 0;

  virtual Result<> save_upload(const UploadEntry& upload) = 0;
  virtual Result<> drop_upload(const Sha256& sha256) = 0;
  virtual Result<Kept<UploadEntry>> uploads() = 0;
  virtual Result<> add_blob(const Blob& blob, WallTime now) = 0;  // and its upload is gone; what could not be read of it is written anew
  virtual Result<Kept<Blob>> blobs() = 0;

  virtual Result<Made> add_artifact(const wire::NewArtifact& artifact, WallTime now,
                                    const std::optional<Once>& once) = 0;
  virtual Result<Made> add_release(const wire::NewRelease& release, WallTime now,
                                   const std::optional<Once>& once) = 0;

  // Makes assignments and jobs for every device that passes the filter, and puts them into phases.
  virtual Result<Made> add_rollout(const wire::NewRollout& rollout, const core::Filter& filter,
                                   const TypePlanner& planner, WallTime now,
                                   const std::optional<Once>& once) = 0;
  // What an operator asks of a rollout: approve, pause, resume, abort, retry. kConflict, with
  // core::refusal(), where it can not be done; where it is so already nothing changes. The planner is for a retry: devices
  // that were moved to another type since get what the release has for that.
  virtual Result<Made> change_rollout(RolloutId rollout, const core::RolloutEvent& event, const TypePlanner& planner, WallTime now,
                                      const std::optional<Once>& once) = 0;
  virtual Result<SiteChanges> cancel_job(const JobId& job, const wire::Why& why, WallTime now) = 0;
  // Into the plan until it is withdrawn. latest_possible: refused, it leaves too little time before the
  // expiry; nothing was made.
  struct Deferred {
    Made made;
    std::optional<WallTime> latest_possible;
    std::int64_t jobs = 0;  // open ones that it means
  };
  virtual Result<Deferred> add_deferral(const wire::NewDeferral& deferral, WallTime now,
                                        const std::optional<Once>& once) = 0;
  virtual Result<SiteChanges> withdraw_deferral(const std::string& id, WallTime now) = 0;
  // Everything that time alone changes, and devices that pass the filter of a running rollout by now; `next`
  // is when to call again.
  struct Advanced {
    SiteChanges changed;
    std::optional<WallTime> next;
    bool more = false;  // there are more new devices than were looked at: call again at once
    std::vector<std::string> not_passed = {};  // rollouts for which it failed, and why; the others went on
  };
  virtual Result<Advanced> pass_time(const TypePlanner& planner, WallTime now) = 0;

  virtual Result<core::Plan> load_plan(const std::string& site) = 0;
  // Computed times that can't be read hold their assignment until they are computed anew, which this asks for: at
  // one site, or at all ("") as at the start. True: planning has something to do.
  virtual Result<bool> ask_unreadable_times(const std::string& site) = 0;
  struct IngestedAll {
    std::vector<Ingested> answers;  // one a batch
    SiteChanges changed;
    bool timetable = false;  // pass_time() may have something to do earlier than it said
    bool planning = false;   // times may have to be computed again
  };
  virtual Result<IngestedAll> ingest(const std::vector<const ReportBatch*>& batches) = 0;
  // What a site's links are expected to carry at `at`; what was never measured has its prior.
  virtual Result<core::SiteRates> rates(const std::string& site, WallTime at, WallTime now) = 0;

  // The egress budget as one text: where it has changed since the last start, all times are asked for anew.
  // limited: nothing is transmitted before the planner has given the site its share.
  virtual Result<> note_egress(const std::string& text, bool limited) = 0;
  // Into the plans of the sites, and into the timetable where the rollout's times are computed.
  virtual Result<SiteChanges> save_times(RolloutId rollout, const std::vector<SiteResult>& results,
                                         WallTime now) = 0;
};

// Lists and single things, read-only; called on the `lists` worker. A cursor is opaque; kInvalid where it is
// none. Jobs of a page, also those of its devices, are said and filtered as of `now`.
struct PageQuery {
  std::string cursor;
  std::size_t limit = 100;
  core::Filter filter;
  WallTime now{};
};
inline constexpr std::size_t kMostPerPage = 1'000;

struct Lists {
  virtual ~Lists() = default;
  virtual Result<wire::Page<wire::ArtifactView>> artifacts(const PageQuery& query) = 0;
  virtual Result<wire::ArtifactView> artifact(const Sha256& sha256) = 0;
  // Whose open jobs need it.
  struct Needing {
    std::vector<std::string> sites;
    std::vector<RolloutId> rollouts;
  };
  virtual Result<Needing> needing(const Sha256& sha256) = 0;
  // Artifacts of other bytes with its component and version, for a device type of its own; at most a few of them.
  virtual Result<std::vector<Sha256>> same_version(const wire::NewArtifact& artifact) = 0;
  virtual Result<wire::Page<wire::NewDeviceType>> device_types(const PageQuery& query) = 0;
  virtual Result<wire::NewDeviceType> device_type(const std::string& name) = 0;
  virtual Result<wire::Page<wire::SiteView>> sites(const PageQuery& query) = 0;
  virtual Result<wire::SiteView> site(const std::string& name) = 0;
  virtual Result<wire::Page<wire::DeviceView>> devices(const PageQuery& query) = 0;
  virtual Result<wire::DeviceView> device(const std::string& name) = 0;
  virtual Result<wire::Page<wire::RegisteredView>> registered(const PageQuery& query) = 0;
  virtual Result<wire::Page<wire::ReleaseView>> releases(const PageQuery& query) = 0;
  virtual Result<wire::ReleaseView> release(const std::string& name, const std::string& version) = 0;
  virtual Result<wire::Page<wire::RolloutView>> rollouts(const PageQuery& query) = 0;
  virtual Result<wire::RolloutView> rollout(RolloutId id) = 0;
  virtual Result<wire::Page<wire::JobView>> jobs(RolloutId rollout, const PageQuery& query) = 0;
  virtual Result<wire::JobView> job(const JobId& id) = 0;
  virtual Result<wire::Page<wire::DeferralView>> deferrals(const PageQuery& query) = 0;
  virtual Result<wire::DeferralView> deferral(const std::string& id) = 0;
  virtual Result<std::vector<wire::LogLine>> log(const JobId& id) = 0;
  // Of one rollout, site by site.
  virtual Result<wire::Page<wire::SiteTimesView>> site_times(RolloutId rollout, const PageQuery& query) = 0;

  // For planning. Rollouts whose times are to be looked at now, oldest first; `next`: when to ask again at
  // the latest, for time alone.
  struct PlanningDue {
    std::vector<RolloutId> rollouts;
    std::optional<WallTime> next;
  };
  virtual Result<PlanningDue> planning_due(WallTime now) = 0;
  // The sites of a rollout that are to be looked at.
  virtual Result<std::vector<SiteWork>> site_works(RolloutId rollout, const WhenAsked& when, WallTime now) = 0;
  // What a rollout that is not made would mean; all its phases together. kInvalid as add_rollout().
  struct WhatIf {
    std::vector<SiteWork> sites;
    std::vector<std::pair<std::string, std::string>> unreadable;  // sites whose row can't be read, and why
    std::int64_t incompatible = 0;
    wire::ForecastRollout facts;  // site by site as above, still without times
  };
  virtual Result<WhatIf> what_if(const wire::NewRollout& rollout, const core::Filter& filter,
                                 const TypePlanner& planner, const WhenAsked& when, WallTime now) = 0;
  virtual Result<std::vector<Share>> shares(WallTime now) = 0;  // that are not over

  // As of now.
  virtual Result<core::LinkRate> wan_rate(const std::string& site, WallTime now) = 0;
  virtual Result<core::LinkRate> device_rate(const std::string& device, WallTime now) = 0;
};

}  // namespace dray::server
