// An attempt: one try to update this device, as its agent sees it. Pure: state, event and what is given come
// in; the next state and what to do come out. The driver saves the next state, then does it.
//
//   idle -> (offered -> (waiting | deferring ->)) downloading -> verifying -> holding -> announcing
//     | the switch-over: here the intent is on disk, a cancel comes too late
//   installing -> installed -> restarting -> verifying_boot -> committed | rolled_back
//                                                 (reverting ->)
//
// The verdict after a restart is the intent against what the installer says, plus a changed boot id; never a
// wish. Reporting is no phase: a final phase that is not `reported` is the report that still waits, so losing
// the gateway holds up nothing. Expiry is the gateway's business.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "core/model/device.h"

namespace dray::core::attempt {

// --- what was ordered ---

struct Part {
  std::string component, version;
  Sha256 sha256;     // may be empty on a plain hawkBit server; known once the bytes are here
  std::string sha1;  // checked where sha256 is empty
  std::uint64_t size = 0;
  std::string url;
  friend bool operator==(const Part&, const Part&) = default;
};

struct Order {
  ActionId action;
  std::vector<Part> parts;  // updated together: one switch-over
  bool hold = false;        // hawkBit "update": "skip": fetch, but do not install yet
  friend bool operator==(const Order&, const Order&) = default;
};

// The file name of a part's bytes while they are fetched: its digest.
std::string spool_name(const Part& part);
// All parts of the order run. By digest where the installer knows it, else by version.
bool runs(const Order& order, const RunningByComponent& running);
// Why the order is not for this device: a component that it does not have. Empty: it has all of them, or it is not known
// which it has. listed: those that its owner configured; what runs it has as well.
std::string foreign_to(const Order& order, const std::vector<std::string>& listed, const RunningByComponent& running);

// --- the state: data lives in the phase that needs it ---

enum class AnswerKind { kReady, kBusy, kDefer, kRefuse };

struct Idle {
  friend bool operator==(const Idle&, const Idle&) = default;
};
// The gateway asks whether it may send (communication request). again: it was answered, and somebody here has said
// something else since; that is told though the gateway asks no more.
struct Offered {
  ActionId action;
  bool again = false;
  friend bool operator==(const Offered&, const Offered&) = default;
};
// The device's own deferment: it is silent until updating is possible, then it answers. left: how long it
// does not even look again. Counted down and saved on the way, because a device may have no clock that
// survives a restart.
struct Waiting {
  ActionId action;
  std::string why;
  Duration left{0};
  friend bool operator==(const Waiting&, const Waiting&) = default;
};
// The answer was "not now".
struct Deferring {
  ActionId action;
  AnswerKind answer = AnswerKind::kBusy;
  std::string why;
  friend bool operator==(const Deferring&, const Deferring&) = default;
};
struct Downloading {
  Order order;
  std::size_t part = 0;
  friend bool operator==(const Downloading&, const Downloading&) = default;
};
// The installer writes each part to the inactive place and reads it back from there.
struct Verifying {
  Order order;
  std::size_t part = 0;
  friend bool operator==(const Verifying&, const Verifying&) = default;
};
// Everything is in place; the device asks itself whether it may switch now. `why`: why not.
struct Holding {
  Order order;
  std::string why;
  friend bool operator==(const Holding&, const Holding&) = default;
};
// Tells the gateway that the switch-over begins, looks whether the order still stands, asks itself once more.
struct Announcing {
  Order order;
  friend bool operator==(const Announcing&, const Announcing&) = default;
};
// The intent. boot_id: of the start in which the switch is made.
struct Installing {
  Order order;
  std::string boot_id;
  friend bool operator==(const Installing&, const Installing&) = default;
};
struct Installed {
  Order order;
  std::string boot_id;
  friend bool operator==(const Installed&, const Installed&) = default;
};
struct Restarting {
  Order order;
  std::string boot_id;
  friend bool operator==(const Restarting&, const Restarting&) = default;
};
struct VerifyingBoot {
  Order order;
  friend bool operator==(const VerifyingBoot&, const VerifyingBoot&) = default;
};
// The new version is not to stay. undone: the installer has switched back, a restart is to come.
struct Reverting {
  Order order;
  std::string why, boot_id;
  bool undone = false;
  friend bool operator==(const Reverting&, const Reverting&) = default;
};
// Final: `reported` the server knows, `tidied` what the order left is gone.
struct Ended {
  bool reported = false, tidied = false;
  friend bool operator==(const Ended&, const Ended&) = default;
};
struct Committed {
  Order order;
  Ended ended{};
  friend bool operator==(const Committed&, const Committed&) = default;
};
struct RolledBack {
  Order order;
  std::string why;
  Ended ended{};
  friend bool operator==(const RolledBack&, const RolledBack&) = default;
};
struct Failed {
  Order order;
  std::string why;
  Ended ended{};
  friend bool operator==(const Failed&, const Failed&) = default;
};
// by: empty = the server asked (answered over its cancelAction link), else who asked on the device.
struct Cancelled {
  ActionId action;
  std::string by, why;
  Ended ended{};
  friend bool operator==(const Cancelled&, const Cancelled&) = default;
};

using Phase =
    std::variant<Idle, Offered, Waiting, Deferring, Downloading, Verifying, Holding, Announcing, Installing,
                 Installed, Restarting, VerifyingBoot, Reverting, Committed, RolledBack, Failed, Cancelled>;

// What the operator of this device said beforehand, or to its question. Ready: good for that action, up to
// its end. Busy and defer: for every one, until the time is over or another word comes; never over without a
// time.
struct Word {
  AnswerKind kind = AnswerKind::kReady;
  ActionId action;
  std::string by, why;
  std::optional<Duration> left;
  friend bool operator==(const Word&, const Word&) = default;
};

struct Attempt {
  Phase phase;
  // Bytes of each part that are safe in the spool (spool name -> offset). Outlives the phase: an order that
  // is withdrawn and shown again goes on where it stopped.
  std::map<std::string, std::uint64_t> spool;
  int starts = 0;  // starts of the agent since it last got further
  std::optional<Word> word{};
  // The question that was answered last, and that the gateway may show no more (put off, or no turn yet). What is said
  // here later is an answer to it.
  ActionId answered{};
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

// More starts than this without getting further end the attempt: endless restarts and endless resumes.
inline constexpr int kMostStarts = 8;

// --- events ---

// The agent has started. fallback: the supervisor switched back from this action's version, and why.
struct Started {
  ActionId fallback;
  std::string why;
};
struct Asked {
  ActionId action;
};
struct Ordered {
  Order order;
};
// The server shows nothing for us any more; gone: it has told so of the question that we answered.
struct Withdrawn {
  bool gone = false;
};
struct CancelAsked {
  ActionId action;
};  // by the server
struct CancelledHere {
  std::string by, why;
};  // from outside the device, on the device
struct Answered {
  AnswerKind kind = AnswerKind::kReady;
  std::string why;
};  // of the device to itself
struct MustWait {
  Duration left{0};
  std::string why;
};  // it can't be updated now, and keeps silent until it can
struct Passed {
  Duration time{0};
};  // so much time, of what is counted down
struct Said {
  Word word;
};  // by the operator
struct Checkpointed {
  std::string name;
  std::uint64_t offset = 0;
};  // so many bytes are durable
struct Fetched {
  std::string name;  // spool name, as ordered
  Sha256 sha256;
};  // all bytes are durable, the hash is right
struct Written {
  std::size_t part = 0;
};
struct Announced {};  // told or queued, still ordered, still ready
struct Switched {};
struct RestartNeeded {
  bool needed = true;
};
struct Healthy {};  // verified and committed
struct Undone {
  bool restart = true;
};
struct WorkFailed {
  std::string why;
};  // the work of the phase failed for good
struct Reported {
  ActionId action;
};
struct Tidied {};

using Event = std::variant<Started, Asked, Ordered, Withdrawn, CancelAsked, CancelledHere, Answered, MustWait,
                           Passed, Said, Checkpointed, Fetched, Written, Announced, Switched, RestartNeeded,
                           Healthy, Undone, WorkFailed, Reported, Tidied>;

struct Given {
  std::string boot_id;
  RunningByComponent running;  // as the installer says
};

// --- what a phase asks for. One kind of action: "this is the work now"; it ends work of an earlier phase.
// ---

enum class WorkKind {
  kNone,
  kAnswerOffer,
  kFetch,
  kWrite,
  kAskReady,
  kAnnounce,
  kInstall,
  kAskRestart,
  kRestart,
  kVerify,
  kUndo,
  kTidy
};
struct Work {
  WorkKind kind = WorkKind::kNone;
  std::size_t part = 0;
  friend bool operator==(const Work&, const Work&) = default;
};
Work work(const Attempt& attempt);

struct Step {
  Attempt next;
  std::vector<Work> actions;
};
// Total: an event that means nothing in this phase leaves the attempt as it is.
Step advance(const Attempt& attempt, const Event& event, const Given& given);
// After a restart, behind Started.
std::vector<Work> resume(const Attempt& attempt);

// --- what follows from the state ---

const Order* order_of(const Attempt& attempt);  // null: idle, offered, waiting, deferring, cancelled
ActionId action_of(const Attempt& attempt);     // empty: idle
bool is_final(const Attempt& attempt);
// The operator's "ready" for what is in work; a busy or defer of his that stands.
bool operator_is_ready(const Attempt& attempt);
const Word* operator_objects(const Attempt& attempt);
// The time after which what is counted down next is over; nothing: nothing is.
std::optional<Duration> counts_down(const Attempt& attempt);
bool may_cancel(const Attempt& attempt);  // in work and before the switch-over
// Past the switch-over and without a verdict: the starts of this version are counted.
bool is_trial(const Attempt& attempt);
// The answer to a cancel of the server. kNothingHere: it may be closed, we hold nothing of that action.
enum class CancelAnswer { kAccepted, kTooLate, kNothingHere };
CancelAnswer answer_to_cancel(const Attempt& attempt, ActionId action);
// The result that the server is still to be told.
struct Due {
  ActionId action;
  bool success = false;
  std::string sentence;
  std::string cancelled_by, cancelled_why;  // a cancel on the device
};
std::optional<Due> due_report(const Attempt& attempt);
std::string describe(const Attempt& attempt);  // for people

// --- the table: every change of phase that can happen. advance() asserts that it stays inside. ---

std::string_view phase_name(const Phase& phase);
std::string_view event_name(const Event& event);
struct Transition {
  std::string_view from, event, to;
  friend auto operator<=>(const Transition&, const Transition&) = default;
};
std::span<const Transition> transitions();

}  // namespace dray::core::attempt
