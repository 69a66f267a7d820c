// The site: everything the gateway knows and decides, in memory, and its way to the disk.
//
// Every event goes through core::advance; what it changed (job, newest report, lease, device) is added to the group
// commit in the same turn of the loop and so lands in one transaction. Nobody outside sees a change before it is
// durable: actions run after the commit, handlers co_await settled() before they answer.
//
// The parts around it (plan client, fetcher, reporter, device door, local API) call in and wait on its signals. Loop
// thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "core/update/job.h"
#include "core/update/reconcile.h"
#include "drive/driver.h"
#include "drive/group_commit.h"
#include "drive/line_limit.h"
#include "gateway/byte_ranges.h"
#include "gateway/device_state.h"
#include "gateway/documents/kept.h"
#include "gateway/documents/records.h"
#include "gateway/documents/unreadable.h"
#include "gateway/history.h"
#include "gateway/leases.h"
#include "gateway/outbox.h"
#include "gateway/plan_index.h"
#include "gateway/settings.h"
#include "gateway/site_time.h"
#include "gateway/slots.h"
#include "ports/probe.h"
#include "ports/random.h"
#include "ports/worker.h"

namespace dray::gateway {

struct JobMachine {
  using Key = JobId;
  using State = core::Job;
  using Event = core::JobEvent;
  using Given = core::Given;
  using Action = core::JobAction;
  static constexpr std::string_view kName = "job";
  static core::JobStep advance(const State& s, const Event& e, const Given& g) { return core::advance(s, e, g); }
  static std::vector<Action> resume(const State& s) { return core::resume(s); }
  static std::string_view phase(const State& s) { return core::phase_name(s.phase); }
  static std::string_view event(const Event& e) { return core::event_name(e); }
  static std::string describe(const Key& k) { return k.value(); }
};

// An action as its device may speak of it.
struct ActionView {
  enum class State { kWaiting, kActive, kCanceling, kCanceled, kFinished, kError };
  State state{};
  const core::Job* job = nullptr;
  std::size_t step = 0;
  bool acknowledged = false;  // ended by the power-on report; its closed/success is still to come
};

// What a poll shows.
struct Shown {
  core::Offer offer = core::Offer::kNothing;
  const core::Job* job = nullptr;
};

class Site {
 public:
  struct Parts {
    const Settings& settings;
    Clock& clock;
    Random& random;
    TaskGroup& tasks;
    Worker& store_worker;
    Store& store;
    Log log;
    Watch watch;
    // Asked by the site, answered by blobs and fetcher.
    std::function<bool(const Sha256&)> stored;
    std::function<std::string(const Sha256&)> why_full;  // disk or quota, and how much is missing; empty: there is room
    std::function<std::string(const Sha256&)> why_damaged;
    std::function<void(ActionId)> cut_transfers;
    std::function<bool(const std::string& check)> knows_check;
    std::function<bool()> refused;  // another gateway answers for the site: identity.h
  };
  explicit Site(Parts parts);

  // Reads the store. Documents for other parts (artifacts, partials) are given to `other`; then `prepare` runs, and
  // only then do jobs look at what is there. A document that can't be read ends nothing: see damage().
  using Other = std::function<Result<>(const Document&)>;
  Task<Result<>> load(Other other, std::function<Task<Result<>>()> prepare);
  bool loaded() const { return loaded_; }
  // What could not be read, and holds something up or was set aside.
  const documents::Damage& damage() const { return damage_; }
  // Ticks jobs at their times until stopped.
  Task<> run(Stop& stop);

  const Settings& settings() const { return parts_.settings; }
  SiteTime& time() { return time_; }
  WallTime now() const { return time_.now(); }
  const Log& log() const { return parts_.log; }
  LineLimit& lines() { return lines_; }  // for lines that a device or the server can cause

  // --- saving ---
  Task<Result<>> settled() { return saves_.settled(); }
  bool can_save() const { return !saves_.failing(); }
  void save(Writes writes) { saves_.add(std::move(writes)); }
  // What its poll shows has changed.
  void bump(DeviceState& device);
  static Write document_of(const DeviceState& device);
  // A write that changes what a device may be told: its fast path waits for it.
  void save_device(DeviceState& device, Writes writes = {});

  // --- plan ---
  const PlanIndex& plan() const { return plan_; }
  std::string plan_etag() const;  // "" before the first
  // acknowledged: when the plan was asked for. heard: when the head of the answer came; what follows takes its time.
  void take_plan(const wire::PlanMessage& message, std::string text, core::ReportsSeen acknowledged, SteadyTime heard);
  void note_contact(WallTime server_time, SteadyTime heard);
  WallTime last_contact() const { return last_contact_; }
  // This is a copy of another gateway's data, which may have gone on: a new epoch begins with the next plan.
  void want_fresh_epoch() { wants_fresh_epoch_ = true; }
  bool wants_fresh_epoch() const { return wants_fresh_epoch_; }

  // --- jobs ---
  const std::map<JobId, core::Job>& jobs() const { return jobs_.states(); }
  const core::Job* find_job(const JobId& id) const { return jobs_.find(id); }
  core::Given given_for(const core::Job& job) const;
  core::PublicState describe(const core::Job& job) const;
  // One event for one job; what follows for its device is settled too.
  void apply(const JobId& id, const core::JobEvent& event);
  // Something of Given changed: tick the open jobs of a device, look again at what it is shown.
  void refresh(DeviceState& device);
  void refresh_all();
  void storage_changed();  // the server plans with what is here
  // An artifact was stored, or was found broken.
  void artifact_stored(const Sha256& sha);
  void artifact_lost(const Sha256& sha);
  bool is_referenced(const Sha256& sha) const;
  std::uint64_t store_quota() const;  // bytes: the lower of its own and the plan's
  std::string quota_lack(std::uint64_t needed) const;  // why so many bytes, more than it, have no room

  // --- devices ---
  DeviceState* find_device(std::string_view name);
  DeviceState* register_unknown(std::string_view name);  // null: too many
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  using Devices = std::unordered_map<std::string, std::unique_ptr<DeviceState>, NameHash, std::equal_to<>>;
  const Devices& devices() const { return devices_; }
  Shown shown(const DeviceState& device) const;
  std::optional<ActionView> find_action(const DeviceState& device, ActionId action) const;
  ActionHistory& history(ActionId action) { return histories_[action]; }
  void save_history(DeviceState& device, ActionId action);
  // Attributes changed, or were said again.
  struct Said {
    bool power_on = false;  // they held a power-on report
    bool busy = false;      // they named dray.busy, or took it away
    bool itself = true;     // they said something of the device itself, not only that it is in use
  };
  void device_reported(DeviceState& device, Said said);
  // Of its newest report, because they were too many: said in the log and with the device.
  void attributes_refused(DeviceState& device, bool refused);
  void device_seen(DeviceState& device);
  // It says by PUT installedBase what it runs (site_bytes.cc). False: nothing of that name and version is for it.
  bool installed_reported(DeviceState& device, const std::string& name, const std::string& version);
  // site_doubts.cc: somebody at the site says that one agent calls as this device again.
  void confirm_alone(DeviceState& device, const std::string& by, const std::string& why);
  // It says that it is of another type than the plan has it: its jobs are held. Kept with its attributes, over restarts.
  std::optional<core::OtherType> other_type_of(const DeviceState& device) const;
  // Its document can't be read, so nobody knows what it is; empty: that is not so.
  std::string why_lost(const DeviceState& device) const;
  void set_auto_confirm(DeviceState& device, wire::DdiAutoConfirm how);

  // --- links and transmissions (site_slots.cc) ---
  const Slots& slots() const { return slots_; }
  bool is_foreign(const core::Job& job) const { return job.terms.ask == core::Ask::kPoll; }
  // Bytes of an artifact went to the device of the job; drives FirstByte and AllSent.
  void bytes_sent(const JobId& job, ActionId action, const Sha256& sha, std::uint64_t from, std::uint64_t to);
  // A device polls, and is there until then: what it is shown now may be its link, which it takes by that.
  void polled(DeviceState& device, SteadyTime until);
  // It waits for a link and is among the next: it should ask again soon.
  bool is_next(const DeviceState& device) const;
  // Its bytes are asked for. False: the device is told to come again, and keeps its place.
  bool may_transmit(const core::Job& job);
  void transfer_began(const JobId& job);
  void transfer_ended(const JobId& job);
  void transfer_cut(const JobId& job) { sides_[job].cut = true; }
  bool was_cut(const JobId& job) const;
  // Its device asks for an artifact from this byte on. In an action from before our start that says what it has already.
  void goes_on_at(const JobId& job, ActionId action, const Sha256& sha, std::uint64_t from);
  // site_bytes.cc: the device asks for bytes of an artifact. True where that is news: it is to be durable before they go.
  bool note_asked_for(DeviceState& device, const Sha256& sha);

  // --- status checks (site_status.cc) ---
  // A device whose type has a status check, and that waits for nothing else; asked at the earliest then.
  struct WantedCheck {
    std::string device, check;
    SteadyTime at;
  };
  std::vector<WantedCheck> wanted_checks() const;
  void check_began(DeviceState& device);
  void check_ended(DeviceState& device, const Result<ProbeAnswer>& answer);
  ProbeSubject subject_of(const DeviceState& device) const;
  std::string reported_status(const DeviceState& device) const;

  // --- deferrals of the local API ---
  const std::map<std::string, core::Deferral>& local_deferrals() const { return local_deferrals_; }
  void add_deferral(core::Deferral deferral);
  bool withdraw_deferral(const std::string& id);
  // In the place of one that can't be read; false: there is no such.
  bool replace_deferral(core::Deferral deferral);

  // --- reports ---
  Outbox& outbox() { return outbox_; }
  void report(wire::ReportBody body);
  void acknowledge(const wire::ReportsAnswer& answer);
  void report_everything();  // resync
  void set_report_aside(std::int64_t seq, std::string why);
  // How the last try to tell the server ended; nothing: none was made since the start. Kept by the reporter.
  std::optional<Result<>> telling;
  std::function<wire::StorageReport()> storage_report;  // set by the composer, as the next
  std::function<std::vector<wire::ReportBody>()> rate_reports;

  LinkBytes link;
  void save_link();

  Signal work_changed;     // fetcher: what is wanted may have changed
  Signal reports_waiting;  // reporter
  Signal checks_wanted;    // prober

 private:
  struct JobSide {
    std::optional<wire::JobReport> reported;
    WallTime reported_at;
    std::map<Sha256, ByteRanges> delivered;
    ActionId delivered_for;
    ActionId before_start;   // what of this one was delivered before our start is not known
    bool cut = false;  // its last transfer was ended by us
    std::optional<WallTime> wake;
  };

  // --- site_load.cc ---
  Result<> restore(const Document& document, const Other& other);
  Result<> restore_meta(const Document& document, const Other& other);
  void note_unreadable(const Document& document, const Error& why, Writes& moved);
  void keep_aside(documents::Kept& kept, Writes moved);
  void finish_load();
  void restore_ended();
  std::set<JobId> mend_by_plan();
  // --- site_deferrals.cc ---
  void take_site_deferrals();
  void note_withdrawn(const std::string& id, WallTime until);
  void restore_withdrawn();
  // --- site_bytes.cc ---
  core::BytesSent bytes_of(const core::Job& job, const DeviceState& device) const;
  void restore_sent_before();
  void doubt_memory();
  void prune_sent_before();
  bool waits_for_version(const core::Job& job) const;
  bool waits_for_version(const DeviceState& device) const;
  // --- site.cc ---
  void index_jobs();
  void give_tokens();
  // `again`: jobs whose documents could not be read, which the newest plan brings again.
  void reconcile(const std::set<JobId>& again = {});
  bool waits_for_server(const core::JobChange& change) const;
  void time_moved();
  void adopt_epoch(core::ReportsSeen seen);
  void tell_again(core::ReportsSeen seen);
  std::vector<core::Deferral> local_deferral_list() const;
  bool withdraw_unreadable(const std::string& id);

  bool apply_one(const JobId& id, const core::JobEvent& event);
  void after_change(const core::Job& before, const core::Job& after);
  bool note_closed(DeviceState& device, const core::Job& before, const core::Job& after);
  void perform(const JobId& id, const core::JobAction& action);
  void forget_dropped();
  void settle_jobs(DeviceState& device);
  void answer_for_device(DeviceState& device, const core::Job& job);
  core::Lack lack_of(const core::StepArtifact& artifact) const;
  core::Lack lack_of_room(const core::Job& job) const;
  bool has_turn(const core::Job& job) const;
  void report_job(const core::Job& job);
  wire::JobReport job_report(const core::Job& job) const;
  bool stands(const Checked& checked) const;
  void give_status(const DeviceState& device, core::Given& given) const;
  void note_wanted_check(DeviceState& device);
  std::string check_of(const DeviceState& device) const;
  // --- site_doubts.cc ---
  void note_boot(DeviceState& device);
  void note_lost();
  void note_unanswered(DeviceState& device);
  static void heard_again(DeviceState& device);
  void say_other_type(const DeviceState& device);
  bool is_asked_again(const DeviceState& device) const;  // what it is, or what runs, though it has said so before
  void ask_who();
  wire::DeviceReport device_report(const DeviceState& device) const;
  std::string view_of(const DeviceState& device) const;
  void set_wake(const JobId& id, JobSide& side, std::optional<WallTime> wake);
  void tick_due();
  Slots::Rules slot_rules() const;
  Receiver receiver_of(const core::Job& job) const;
  void note_all_sent(const JobId& id, JobSide& side);
  void give_turn(const core::Job& job, core::Given& given) const;
  const core::Job* link_wanted(const DeviceState& device) const;
  void note_link(DeviceState& device);
  void line_moved();
  void pass_on();
  Writes counters() const;

  Parts parts_;
  LineLimit lines_;
  SiteTime time_;
  GroupCommit<Writes> saves_;
  Driver<JobMachine, Writes> jobs_;
  PlanIndex plan_;
  bool has_plan_ = false, loaded_ = false;
  documents::Damage damage_;
  std::map<JobId, std::string> ended_;  // while loading: the second documents of jobs that have ended
  std::optional<std::set<Sha256>> sent_before_;  // of the plan: a gateway before this one may have sent bytes of them
  std::set<std::string> lost_;          // devices whose documents could not be read, and that are in no plan yet
  bool memory_damaged_ = false;         // while loading: what devices were sent is not known
  bool counters_lost_ = false;          // a new epoch begins when the server was heard
  bool wants_fresh_epoch_ = false;      // the same, because these data are a copy
  WallTime last_contact_, floor_saved_;
  SteadyTime up_since_{};
  Leases leases_;
  Outbox outbox_;
  Slots slots_;
  bool line_moved_ = false;  // somebody may have his turn
  Devices devices_;
  std::size_t unknown_devices_ = 0;
  std::unordered_map<JobId, JobSide> sides_;
  std::unordered_map<ActionId, ActionHistory> histories_;
  std::map<std::string, core::Deferral> local_deferrals_;
  std::optional<documents::Withdrawn> withdrawn_;
  bool takes_site_deferrals_ = false;  // what was withdrawn here is known
  std::set<std::pair<WallTime, JobId>> wakes_;
  std::set<std::string> wants_check_;  // names of devices
  std::map<std::string, SteadyTime> asked_who_next_;  // devices of which two seem to call: when they are asked again
  std::vector<JobId> forgotten_;
  Signal wake_changed_;
};

}  // namespace dray::gateway
