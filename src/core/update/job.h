// A job: one device's share of a rollout, as the gateway sees it. Pure: state, event and what is given come in;
// the next state and what to do come out. The driver saves the next state, then does it.
//
//   planned -> asked -> (deferred ->) ready -> transmitting -> installing -> restarting -> succeeded | failed | ...
//
// Steps go in order, each with attempts of its own; each attempt is one DDI action. Most of what a gateway does is
// not an action of this machine but follows from its state, level-triggered: what a poll shows (offer()), what must be
// fetched (wants_bytes()), when to look again (wake_at()), what is reported (describe()). So nothing is lost with a
// restart: the same state gives the same again.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/model/job_state.h"
#include "core/model/plan.h"
#include "core/model/said_type.h"

namespace dray::core {

// --- what the plan says ---

struct StepArtifact {
  std::string component, version;
  Sha256 sha256;
  std::uint64_t size = 0;
  friend bool operator==(const StepArtifact&, const StepArtifact&) = default;
};

struct JobTerms {
  JobId id;
  DeviceId device;
  AssignmentId assignment;
  RolloutId rollout;
  int priority = 0;
  std::size_t place = 0;  // of its assignment in the plan, oldest first: the later one is the newer
  Delivery delivery = Delivery::kPull;
  Fetch fetch = Fetch::kAtUpdateTime;
  WallTime planned_at, expires_at = kWallMax;
  Intervals update;
  RetryPolicy retry;
  std::chrono::seconds status_deferral{900};
  std::vector<std::vector<StepArtifact>> steps;
  std::string incompatible;  // why nothing fits; empty = it fits
  Ask ask = Ask::kPoll;
  EndsOn ends_on = EndsOn::kClosed;
  std::chrono::seconds power_on_within{600};
  BytesFrom bytes_from = BytesFrom::kGateway;
  bool closes_early = false;
  std::optional<Held> held = {};  // nothing that has not begun begins
  friend bool operator==(const JobTerms&, const JobTerms&) = default;
};

// --- the state: data lives in the phase that needs it ---

enum class FailureKind {
  kDeviceReported,  // closed/failure
  kRefused,         // the device refused this attempt
  kRolledBack,      // restarted into the old version
  kNoPowerOn,       // no power-on report within power_on_within
  kWithoutBytes,    // closed/success, though it never had a byte of the step
  kWentBack,        // a step that had ended well runs no more: a mix
};
struct Failure {
  FailureKind kind = FailureKind::kDeviceReported;
  std::string why;
  friend bool operator==(const Failure&, const Failure&) = default;
};

enum class DeferCause { kDeviceBusy, kDeviceAsked };

// Nothing is shown to the device. An action may be open all the same: hidden again by a deferral.
struct Planned {
  friend bool operator==(const Planned&, const Planned&) = default;
};
// The communication request is out, silence so far.
struct Asked {
  WallTime since;
  friend bool operator==(const Asked&, const Asked&) = default;
};
// It said "not now"; update_at moved. It may take that back: what it then says counts at once.
struct Deferred {
  DeferCause cause{};
  WallTime until;
  std::string by, why;
  bool asking = false;  // it said no more than "no": the question stays shown
  friend bool operator==(const Deferred&, const Deferred&) = default;
};
// It may fetch.
struct Ready {
  WallTime since;
  friend bool operator==(const Ready&, const Ready&) = default;
};
// It fetched a byte or sent feedback: started.
struct Transmitting {
  WallTime since;
  friend bool operator==(const Transmitting&, const Transmitting&) = default;
};
// It has all bytes. What it does with them, as far as that is known; a stage is never left for an earlier one.
enum class Stage {
  kReceived,   // all bytes were sent, or it said that it has them
  kWorking,    // it said that it goes on
  kSwitching,  // past the point of no return
  kVerifying,  // it has restarted and looks whether the new version is well
};
struct Installing {
  WallTime since;
  Stage stage = Stage::kReceived;
  std::string ran_instead = {};  // it has restarted since it had all bytes, and said this; empty: it has not
  bool started_old = false;      // so it was once, whatever it has said since
  bool switching() const { return stage >= Stage::kSwitching; }
  friend bool operator==(const Installing&, const Installing&) = default;
};
// closed/success is here, the power-on report is not. The action is closed for the device.
struct Restarting {
  WallTime since;
  std::string ran_instead = {};  // as of Installing
  friend bool operator==(const Restarting&, const Restarting&) = default;
};
// The last attempt failed; the next one comes.
struct Backoff {
  WallTime until;
  Failure failure;
  friend bool operator==(const Backoff&, const Backoff&) = default;
};
// cancelAction is shown. installing: it had all bytes, so a rejected cancel goes back to Installing.
struct Cancelling {
  std::string id, by, why;
  bool superseded = false;
  WallTime since;
  bool installing = false;
  friend bool operator==(const Cancelling&, const Cancelling&) = default;
};
struct Succeeded {
  bool late = false;  // ended after the expiry
  friend bool operator==(const Succeeded&, const Succeeded&) = default;
};
struct Failed {
  Failure failure;
  bool late = false;
  friend bool operator==(const Failed&, const Failed&) = default;
};
struct Cancelled {
  std::string id, by, why;
  bool superseded = false;
  friend bool operator==(const Cancelled&, const Cancelled&) = default;
};
// stopping: cancelAction is shown until the device closes the action, or cancel_within passes.
struct Expired {
  bool stopping = false;
  WallTime since;
  Cause cause = {};  // its sentence is a clause: "while the gateway had no room for app 1.3"; empty: not known
  friend bool operator==(const Expired&, const Expired&) = default;
};
struct Incompatible {
  std::string why;
  friend bool operator==(const Incompatible&, const Incompatible&) = default;
};

using JobPhase = std::variant<Planned, Asked, Deferred, Ready, Transmitting, Installing, Restarting, Backoff, Cancelling,
                              Succeeded, Failed, Cancelled, Expired, Incompatible>;

// How an action ended, for the device door: later feedback gets 410, installedBase shows finished ones.
enum class ActionEnd { kFinished, kError, kCanceled };
struct PastAction {
  ActionId id;
  std::size_t step = 0;
  ActionEnd end{};
  bool acknowledged = false;  // ended by the power-on report: its closed/success still comes and is answered 200
  friend bool operator==(const PastAction&, const PastAction&) = default;
};
inline constexpr std::size_t kMostPastActions = 16;
// From so many equal results on the next attempt waits for long: nobody is interrupted again and again for the same end.
inline constexpr int kSameResults = 3;

// The steps of a newer plan that wait until the started attempt has ended.
struct NextSteps {
  std::vector<std::vector<StepArtifact>> steps;
  std::string incompatible;
  friend bool operator==(const NextSteps&, const NextSteps&) = default;
};

struct Job {
  JobTerms terms;
  std::optional<NextSteps> next_steps;
  WallTime update_at;                       // the only time that is acted on; a deferral moves it
  std::optional<WallTime> deferred_until;   // standing operator deferrals, already in update_at
  std::string deferred_by, deferred_why;    // whose the latest of them is
  std::size_t step = 0;
  int attempt = 1;                          // of this step; only a real failure counts it up
  int alike = 0;                            // attempts one after the other that ended as the last one; 0: none failed
  std::optional<Failure> last_failure;      // theirs: of a device that had all bytes, so that people were interrupted
  std::optional<Failure> failed;            // the last attempt of this step that failed, whatever it was
  // When a step ended well by an attempt of this job, where others follow: what it runs is a mix until they have. The
  // planned time is no matter then; windows, deferrals and the expiry are.
  std::optional<WallTime> begun_at;
  ActionId action;                          // open DDI action of this attempt; empty: none yet
  std::string boot_id;                      // the device's when the attempt started
  std::string cancel_refused;               // id of a cancel that came too late
  std::string refused_by, refused_why;      // whose it was
  std::vector<PastAction> past;             // oldest first, at most kMostPastActions
  // A cancel that came too late for this attempt (also: the job is gone from the plan): the attempt ends by its
  // own result, but no other attempt and no other step begins.
  std::optional<Cancelled> stop_after;
  bool unproven = false;                    // of a step that has ended well nothing but the device's word is known
  std::set<std::string> shown;              // components of steps that have ended, which the device has reported as ordered
  std::string went_back;                    // it reported another version of one of them since: what it runs; empty: none
  std::string said_after;                   // the failure that it reported behind its own success; no result changes by it
  JobPhase phase;
  friend bool operator==(const Job&, const Job&) = default;  // unchanged: nothing to save
};

// --- events ---

struct Tick {};  // time passed, or something of Given changed
enum class AnswerKind { kReady, kBusy, kDefer, kRefuse, kCancelled, kDenied };  // kDenied: "no", and no more
struct Answered { AnswerKind kind{}; std::optional<WallTime> until; std::string by, why; };
struct FirstByte {};                       // the device fetched a byte of this step
struct AllSent {};                         // it has every byte of this step
enum class FeedbackKind { kProceeding, kDownloaded, kSwitching, kVerifying, kClosedSuccess, kClosedFailure };
struct Feedback {
  FeedbackKind kind{};
  std::string why;
  bool cut_by_us = false;                  // its transfer was cut by a window, a slot or a restart of ours: no attempt
  std::optional<Answered> answer;          // the "dray" member: a local cancel
};
struct PowerOn { std::string boot_id; RunningByComponent running; };
struct CancelFeedback { bool accepted = false; };      // the device's answer to cancelAction
struct CancelAsked { std::string id, by, why; };       // by site, server or operator
struct DeferralsChanged { std::optional<WallTime> until; std::string by = {}, why = {}; };  // the latest that stands; none = withdrawn
struct NewTerms { JobTerms terms; };       // a new plan revision holds this job
struct GoneFromPlan {};
struct Superseded { std::string by; };     // a rollout of higher rank: what has started ends first, the rest is cancelled
struct ArtifactLost {};                    // the stored artifact failed its re-hash: link withdrawn, fetched again
struct Echo { ActionId action; std::string why; };  // the failure that a device reports of an attempt whose end is known

using JobEvent = std::variant<Tick, Answered, FirstByte, AllSent, Feedback, PowerOn, CancelFeedback, CancelAsked, DeferralsChanged,
                              NewTerms, GoneFromPlan, Superseded, ArtifactLost, Echo>;

// --- what the gateway knows beside the job; time and chance are given ---

struct RetryTimes {
  std::chrono::seconds base{5}, cap{3600};
  friend bool operator==(const RetryTimes&, const RetryTimes&) = default;
};
// What is before a device that waits for its turn to receive.
struct Line {
  std::size_t running = 0, most = 1;  // transmissions of the site, of so many at a time
  std::size_t unfetched = 0;          // devices that may fetch and have not begun
  std::size_t waiting = 0;            // devices that wait, and go first
  friend bool operator==(const Line&, const Line&) = default;
};
// Whether bytes of the current step ever went to the device. Unknown: another gateway may have sent them.
enum class BytesSent { kSome, kNone, kUnknown };
// Why an artifact that is to be here is not.
struct Lack {
  enum class Kind { kNotYet, kNoRoom, kDamaged };
  Kind kind = Kind::kNotYet;
  std::string what, why;  // "app 1.3"; empty where it is not yet here, and no more
  friend bool operator==(const Lack&, const Lack&) = default;
};
// Whether it is clear who calls: while it is not, nothing new begins and nothing new is shown.
enum class Doubt {
  kNone,
  kTwoGateways,  // the server lets another gateway answer for this site
  kTwoAgents,    // two agents seem to call under this device's name
};
struct Given {
  WallTime now;
  Doubt doubt = Doubt::kNone;
  bool clock_known = true;
  bool stored = false;        // every artifact of the current step is here and verified
  Lack lack = {};             // of what is not stored
  bool turn = true;           // no other job of this device goes first
  bool link = true;           // foreign clients: a poll has taken the link of this job
  std::optional<Line> line;   // it waits for its turn to receive, behind these; nothing: its turn, or none is needed
  // The device's status is known and good, or there is no check of it. Else why it is not known; empty: it is being asked.
  bool checked = true;
  std::string unchecked;
  std::string unreadable;     // what of this device's stored state can't be read, so that nothing new may start on it; empty: nothing
  bool unheard = false;       // what the device said of itself is lost, its type too: it gets no byte before it says it again
  std::optional<OtherType> other_type;  // the device says that it is of another type: it gets no byte, and is asked nothing
  double jitter = 0;          // uniform in [0, 1)
  ActionId next_action;       // the next leased id; empty: none left, no attempt may start
  BytesSent sent = BytesSent::kSome;
  RunningByComponent running; // the device's last power-on report
  std::string boot_id;
  RetryTimes retry{};
  WallTime up_since;          // when this gateway started: a device's silence before that may be our own
  std::chrono::seconds calls_within{360};  // a device that is well has called again by then
  std::optional<WallTime> seen_at;  // the device's last call; nothing: it never called; only for what describe() says:
  std::chrono::seconds absent_after{900};  // absent where it has not called for so long, though it should
  std::chrono::seconds answer_valid{900};
  std::chrono::seconds cancel_within{600};
};

// --- the machine ---

struct CutTransfers { ActionId action; };  // running downloads of this action end now; may come again
struct WakeDevice {};                      // what its poll shows has changed
struct Forget {};                          // drop the job without a report
using JobAction = std::variant<CutTransfers, WakeDevice, Forget>;

struct Transition {
  std::string_view from, event, to;
  friend auto operator<=>(const Transition&, const Transition&) = default;
};

struct JobStep {
  Job next;
  std::vector<JobAction> actions;
  std::vector<Transition> rows;  // of job_transitions(): the changes of phase on the way, in their order
};

// A new job, as the plan brings it.
Job make_job(JobTerms terms, std::optional<WallTime> deferred_until);

// "os 26.11, fw 3": of all steps.
std::string all_versions(const JobTerms& terms);
// Total: an event that means nothing in this phase leaves the job as it is. Uses given.next_action where
// next.action differs from job.action and equals it: the driver then counts the lease on in the same save. What time
// brings about follows in the same call, so that a Tick with the same Given changes nothing more.
JobStep advance(const Job& job, const JobEvent& event, const Given& given);
// After a restart: everything that the saved state asks for again.
std::vector<JobAction> resume(const Job& job);

// --- what follows from the state ---

bool is_final(const Job& job);
JobTerms wanted_terms(const Job& job);     // as the newest plan has them, next_steps included
bool is_late(const Job& job);              // ended after its expiry
bool has_started(const Job& job);          // an artifact byte or feedback of this attempt, which has not ended
// job.action takes feedback: it is active in DDI's sense, though its link may be hidden for now. Not in Restarting:
// the device has closed it then.
bool action_is_open(const Job& job);
const PastAction* past_action(const Job& job, ActionId action);  // null where there is none
enum class Offer { kNothing, kConfirmation, kDeployment, kCancel };
Offer offer(const Job& job, const Given& given);
// Only the device's status still keeps its link, or our question, from being shown: it is to be asked for now.
bool wants_status(const Job& job, const Given& given);
bool may_download(const Job& job, const Given& given);  // GETs of artifacts are answered
// It may fetch, or could if its device's status were good: a poll of a foreign client asks for its link, or its place.
bool wants_link(const Job& job, const Given& given);
bool wants_bytes(const Job& job, WallTime now);         // its artifacts are to be fetched now (or kept)
bool step_runs(const Job& job, const RunningByComponent& running);  // the current step's versions run already
// They do, and that ends the step. Of a device of another type the same names say nothing before it has begun.
bool is_done(const Job& job, const Given& given);
// The next instant at which a Tick may change the job, or at which offer() or describe() change by time alone (a
// window's edge): then tick, look at both again, and wake the device. Nothing where only an event, or something else
// of Given, can. Equal to given.now where a Tick is due.
std::optional<WallTime> wake_at(const Job& job, const Given& given);

struct PublicState {
  JobState state{};
  std::string reason, sentence;
  std::optional<WallTime> until;
  std::optional<Cause> cause = {};  // beside a state that does not say it itself
  friend bool operator==(const PublicState&, const PublicState&) = default;
};
PublicState describe(const Job& job, const Given& given);

// --- the table: every change of phase that can happen. advance() asserts that it stays inside. ---

std::string_view phase_name(const JobPhase& phase);
std::string_view event_name(const JobEvent& event);
std::span<const Transition> job_transitions();

}  // namespace dray::core
