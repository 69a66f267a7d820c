// The server's store on SQLite: real tables, schema/server/*.sql.
//
// SqliteServerStore belongs to the `store` worker. SqliteServerLists reads only: in the product on a
// connection and a worker of its own (then the writer must not be EXCLUSIVE), in the simulator on the
// writer's.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "adapters/sqlite/db.h"
#include "server/store.h"

namespace dray::adapters {

// Statements prepared once. It keeps a copy of each text, so that one that was put together for the call is as good as a
// literal; what differs from call to call is bound, never part of the text, or this grows without end.
class StatementCache {
 public:
  explicit StatementCache(Db& db) : db_{db} {}
  Statement& operator()(std::string_view sql);
  Db& db() { return db_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  Db& db_;
  std::unordered_map<std::string, Statement, Hash, std::equal_to<>> statements_;
};

// What one subject's rows, or what was asked of them, did wrong; everything else concerns the whole database.
inline bool concerns_rows(const Error& error) {
  return error.code() == ErrorCode::kInvalid || error.code() == ErrorCode::kConflict ||
         error.code() == ErrorCode::kInternal || error.code() == ErrorCode::kNotFound ||
         error.code() == ErrorCode::kCorrupt;
}

class SqliteServerStore : public server::Store {
 public:
  // Brings the database to the newest schema. kConflict: it is from a newer program.
  static Result<std::unique_ptr<SqliteServerStore>> open(const Db::Options& options);

  Db& db() { return db_; }
  // Called with each row of rollout_transitions() that is taken: what a simulated run covered.
  using Watch = std::function<void(const core::RolloutTransition&)>;
  void watch(Watch watch) { watch_ = std::move(watch); }

  Result<std::optional<std::string>> admin_token_sha256() override;
  Result<> set_admin_token(const std::string& sha256) override;
  Result<std::vector<server::SiteEntry>> sites() override;
  Result<server::Made> add_site(const wire::NewSite& site, const std::string& token_sha256, WallTime now,
                                const std::optional<server::Once>& once) override;
  Result<> set_site_token(const std::string& site, const std::string& token_sha256) override;
  Result<server::SiteChanges> change_site(const std::string& site, const wire::SitePatch& change,
                                          std::optional<std::int64_t> if_revision) override;
  Result<std::vector<wire::Unreadable>> dangling() override;
  server::Saves saves() const override;
  Result<server::SiteChanges> replace_unreadable(const wire::Replacement& what) override;
  Result<> ask_resync(const std::string& site) override;
  Result<server::SiteChanges> renew_action_ids(const std::string& site, bool wide, WallTime now) override;
  Result<> note_contacts(const std::vector<std::pair<std::string, WallTime>>& contacts,
                         const TimeMark& now) override;
  Result<std::optional<TimeMark>> newest_time() override;
  Result<std::optional<Duration>> note_start(const TimeMark& now, WallTime by_machine) override;
  Result<server::SiteChanges> note_newer_plan(const std::string& site, std::int64_t revision) override;
  Result<server::Made> add_device_type(const wire::NewDeviceType& type,
                                       const std::optional<server::Once>& once, WallTime now) override;
  Result<server::Made> add_devices(const std::vector<wire::NewDevice>& devices,
                                   const std::vector<std::string>& token_sha256s, WallTime now,
                                   const std::optional<server::Once>& once) override;
  Result<server::SiteChanges> set_other_names(const std::string& type, const std::vector<std::string>& also_called) override;
  Result<server::SiteChanges> move_device(const std::string& device, const std::string& type, const server::TypePlanner& planner,
                                          WallTime now) override;
  Result<server::SiteChanges> set_device_token(const std::string& device,
                                               const std::string& token_sha256) override;
  Result<> save_upload(const server::UploadEntry& upload) override;
  Result<> drop_upload(const Sha256& sha256) override;
  Result<server::Kept<server::UploadEntry>> uploads() override;
  Result<> add_blob(const server::Blob& blob, WallTime now) override;
  Result<server::Kept<server::Blob>> blobs() override;
  Result<server::Made> add_artifact(const wire::NewArtifact& artifact, WallTime now,
                                    const std::optional<server::Once>& once) override;
  Result<server::Made> add_release(const wire::NewRelease& release, WallTime now,
                                   const std::optional<server::Once>& once) override;
  Result<server::Made> add_rollout(const wire::NewRollout& rollout, const core::Filter& filter,
                                   const server::TypePlanner& planner, WallTime now,
                                   const std::optional<server::Once>& once) override;
  Result<server::Made> change_rollout(RolloutId rollout, const core::RolloutEvent& event,
                                      const server::TypePlanner& planner, WallTime now,
                                      const std::optional<server::Once>& once) override;
  Result<server::SiteChanges> cancel_job(const JobId& job, const wire::Why& why, WallTime now) override;
  Result<Deferred> add_deferral(const wire::NewDeferral& deferral, WallTime now,
                                const std::optional<server::Once>& once) override;
  Result<server::SiteChanges> withdraw_deferral(const std::string& id, WallTime now) override;
  Result<Advanced> pass_time(const server::TypePlanner& planner, WallTime now) override;
  Result<core::Plan> load_plan(const std::string& site) override;
  Result<bool> ask_unreadable_times(const std::string& site) override;
  Result<IngestedAll> ingest(const std::vector<const server::ReportBatch*>& batches) override;
  Result<core::SiteRates> rates(const std::string& site, WallTime at, WallTime now) override;
  Result<> note_egress(const std::string& text, bool limited) override;
  Result<> save_holdings(const std::vector<std::pair<std::string, core::Holding>>& holdings) override;
  Result<server::SiteChanges> save_times(RolloutId rollout, const std::vector<server::SiteResult>& results,
                                         WallTime now) override;

 private:
  explicit SqliteServerStore(Db db);

  // Where the same POST was done before: what it made. kConflict: the key was used for something else.
  Result<std::optional<server::Made>> done_before(const std::optional<server::Once>& once);
  Result<> remember(const std::optional<server::Once>& once, const std::string& made, WallTime now);
  Result<std::optional<std::int64_t>> id_of(std::string_view query, std::string_view name);
  Result<core::SiteLimits> new_limits(const std::string& site, const wire::SitePatch& given);
  Result<server::SiteChange> bump(std::int64_t site_id);
  Result<> load_holdings(std::vector<server::SiteEntry>& sites);
  Result<std::int64_t> number_in_meta(std::string_view key);  // 0 where it is missing
  Result<> set_number_in_meta(std::string_view key, std::int64_t number);
  Result<> note_in_use(const TimeMark& now);
  Result<> skip_ahead(Duration lost);

  using SiteIds = std::set<std::int64_t>;
  Result<> sites_of(std::string_view query_of_site_ids, std::int64_t parameter, SiteIds& sites);
  Result<server::SiteChanges> bump_each(const SiteIds& sites);

  // Does it in a savepoint. Where it fails because of the rows that it is about, it is undone and what the error says
  // comes back: one subject stops no other. Any other error is the database's, and the caller's.
  template <class Work>
  Result<std::optional<std::string>> alone(Work work) {
    DRAY_CHECK(sql_("SAVEPOINT alone").run());
    Result<> done = work();
    if (!done && !concerns_rows(done.error())) return done.error();
    if (!done) DRAY_CHECK(sql_("ROLLBACK TO alone").run());
    DRAY_CHECK(sql_("RELEASE alone").run());
    return done ? std::optional<std::string>{} : std::optional{done.error().message()};
  }

  // server_rollout_row.cc
  struct RolloutRow {
    std::int64_t id = 0;
    core::Rollout rollout;
    std::vector<core::PhaseCounts> counts;     // one a phase
    std::vector<wire::Unreadable> unreadable;  // of what says how far it is: then nothing but an abort is done with it
  };
  // Sites whose plan changes, because something of it was made anew, are added.
  Result<RolloutRow> rollout_row(std::int64_t id, SiteIds& sites);
  Result<> mend_phases(std::int64_t id, SiteIds& sites);
  Result<> load_phases(RolloutRow& row, bool known);
  Result<> load_counts(RolloutRow& row);
  Result<> add_phases(std::int64_t id, const std::vector<core::PhaseTerms>& phases);
  Result<> save_phase(std::int64_t id, std::size_t number, const core::RolloutPhase& phase);
  Result<> mend_wake(const RolloutRow& row);
  Result<> save_rollout(const RolloutRow& row, bool new_state, WallTime now);
  Result<> recount(std::int64_t rollout_id);
  Result<> add_to_count(std::int64_t rollout_id, std::int64_t phase, std::string_view state, bool again,
                        std::int64_t n);

  // server_phases.cc
  // Gives the event to the machine, saves what comes out and does its actions; sites whose plan changes are
  // added.
  Result<> take(RolloutRow& row, const core::RolloutEvent& event, WallTime now, SiteIds& sites);
  Result<> save_and_act(RolloutRow& row, core::RolloutStep step, WallTime now, SiteIds& sites);
  Result<> act(const RolloutRow& row, const core::RolloutAction& action, WallTime now, SiteIds& sites);
  // Those in the plans that a newer rollout has overtaken; whether there were any.
  Result<bool> end_overtaken(std::int64_t rollout_id);
  Result<> release_phase(const RolloutRow& row, std::size_t phase, SiteIds& sites);
  Result<> cancel_jobs(const RolloutRow& row, const core::CancelJobs& cancel, WallTime now, SiteIds& sites);
  Result<> end_waiting(const RolloutRow& row, core::JobState ended_as, std::string_view sentence);
  // True: time has something to do earlier than before.
  Result<bool> jobs_changed(std::int64_t rollout_id, bool started, WallTime now, SiteIds& sites);

  // server_times.cc
  Result<> take_earliest(std::int64_t rollout_id, WallTime now, SiteIds& sites);
  // Computed push rollouts: each site at its own time.
  Result<> transmit_due(WallTime now, SiteIds& sites);
  Result<std::optional<WallTime>> next_transmission();

  // server_anew.cc
  struct OpenJob;
  Result<> retry_jobs(const RolloutRow& row, SiteIds& sites);
  Result<> match_retried(RolloutRow& row, const server::TypePlanner& planner, WallTime now, SiteIds& sites);
  Result<> end_unfit(std::int64_t job, const std::string& why_not);  // counts are the caller's
  Result<std::vector<OpenJob>> open_jobs_of(std::int64_t device_id);
  Result<> match_anew(const OpenJob& job, const std::string& type, const server::TypePlanner& planner, WallTime now,
                      SiteIds& sites);

  Result<> note_moved(std::int64_t job, const std::string& type);
  Result<> begin_anew(std::int64_t job);
  // True: a cancel is asked of the try that followed.
  Result<bool> apply_past(std::int64_t site_id, const wire::Report& report, const wire::JobReport& job);

  // server_jobs.cc
  class JobMaker;
  Result<> make_jobs(const RolloutRow& row, const wire::NewRollout& rollout, const core::Filter& filter,
                     const server::TypePlanner& planner);
  // Late joiners, a bounded number of devices a call; true: there are more.
  Result<bool> pick_up(const server::TypePlanner& planner, WallTime now, SiteIds& sites,
                       std::vector<std::string>& failed);
  Result<> pick_up_for(std::int64_t rollout_id, const server::TypePlanner& planner, WallTime now,
                       SiteIds& sites);

  struct Deferrable {
    std::int64_t jobs = 0;
    std::optional<WallTime> latest;  // at which they may still begin
  };
  Result<Deferrable> deferrable(std::int64_t site_id, const std::string& device,
                                std::optional<std::int64_t> rollout);
  Result<> load_deferrals(std::int64_t site_id, core::Plan& plan);
  Result<> load_site_deferrals(std::int64_t site_id, core::Plan& plan);

  struct Ingestion;  // one batch on its way in
  Result<server::Ingested> ingest_one(const server::ReportBatch& batch, SiteIds& sites, IngestedAll& all);
  Result<> take_entries(Ingestion& in);
  // What is wrong with the entry comes back as text, and nothing of it is stored.
  Result<std::optional<std::string>> take_entry(Ingestion& in, const wire::Report& report);
  Result<> save_ingestion(Ingestion& in);
  Result<> follow(Ingestion& in, SiteIds& sites, IngestedAll& all);
  Result<> apply(Ingestion& in, const wire::Report& report);
  Result<> check_is_own(const Ingestion& in, const wire::Report& report);
  Result<> apply_deferral(Ingestion& in, const wire::DeferralReport& deferral);
  Result<> apply_registered(Ingestion& in, const wire::Report& report, const wire::RegisteredReport& seen);
  Result<> apply_job(Ingestion& in, const wire::Report& report, const wire::JobReport& job);
  Result<> apply_device(Ingestion& in, const wire::Report& report, const wire::DeviceReport& device);
  enum class Drifts {  // why it is looked at: its device has reported; another update of it has begun, or ended well; has failed
    kReported,
    kReplaced,
    kFailed,
  };
  Result<> note_drift(std::int64_t device, const core::RunningByComponent& running, WallTime at, Drifts why);
  Result<> follow_drift(std::int64_t job, std::int64_t device, core::JobState before, core::JobState after, WallTime at);
  Result<> note_turn(std::int64_t job, std::int64_t device);
  Result<> note_running(std::int64_t device, WallTime at, Drifts why);
  Result<> apply_log(Ingestion& in, const wire::Report& report, const wire::LogReport& log);

  Db db_;
  StatementCache sql_{db_};
  Watch watch_;
  bool plan_first_ = false;  // note_egress()
};

class SqliteServerLists : public server::Lists {
 public:
  explicit SqliteServerLists(Db& db) : sql_{db} {}

  Result<wire::Page<wire::ArtifactView>> artifacts(const server::PageQuery& query) override;
  Result<wire::ArtifactView> artifact(const Sha256& sha256) override;
  Result<Needing> needing(const Sha256& sha256) override;
  Result<std::vector<Sha256>> same_version(const wire::NewArtifact& artifact) override;
  Result<wire::Page<wire::NewDeviceType>> device_types(const server::PageQuery& query) override;
  Result<wire::NewDeviceType> device_type(const std::string& name) override;
  Result<wire::Page<wire::SiteView>> sites(const server::PageQuery& query) override;
  Result<wire::SiteView> site(const std::string& name) override;
  Result<wire::Page<wire::DeviceView>> devices(const server::PageQuery& query) override;
  Result<wire::DeviceView> device(const std::string& name) override;
  Result<wire::Page<wire::RegisteredView>> registered(const server::PageQuery& query) override;
  Result<wire::Page<wire::ReleaseView>> releases(const server::PageQuery& query) override;
  Result<wire::ReleaseView> release(const std::string& name, const std::string& version) override;
  Result<wire::Page<wire::RolloutView>> rollouts(const server::PageQuery& query) override;
  Result<wire::RolloutView> rollout(RolloutId id) override;
  Result<wire::Page<wire::JobView>> jobs(RolloutId rollout, const server::PageQuery& query) override;
  Result<wire::JobView> job(const JobId& id) override;
  Result<wire::Page<wire::DeferralView>> deferrals(const server::PageQuery& query) override;
  Result<wire::DeferralView> deferral(const std::string& id) override;
  Result<std::vector<wire::LogLine>> log(const JobId& id) override;
  Result<wire::Page<wire::SiteTimesView>> site_times(RolloutId rollout,
                                                     const server::PageQuery& query) override;
  Result<PlanningDue> planning_due(WallTime now) override;
  Result<std::vector<server::SiteWork>> site_works(RolloutId rollout, const server::WhenAsked& when,
                                                   WallTime now) override;
  Result<WhatIf> what_if(const wire::NewRollout& rollout, const core::Filter& filter,
                         const server::TypePlanner& planner, const server::WhenAsked& when,
                         WallTime now) override;
  Result<std::vector<server::Share>> shares(WallTime now) override;
  Result<core::LinkRate> wan_rate(const std::string& site, WallTime now) override;
  Result<core::LinkRate> device_rate(const std::string& device, WallTime now) override;

 private:
  Result<std::vector<wire::ArtifactView>> artifacts_of(std::int64_t release_id);
  Result<> add_identity(wire::SiteView& site);  // server_instances.cc
  Result<> add_phases(wire::RolloutView& view);
  Result<> add_planning(wire::RolloutView& view);

  StatementCache sql_;
};

}  // namespace dray::adapters
