// One run of an agent, private to agent/: what its two coroutines share. `talk` speaks with the server and
// turns what it shows into events; `work` does what the machine asks for and turns the outcome into events.
// Neither decides.
#pragma once

#include <optional>

#include "agent/agent.h"
#include "agent/ddi.h"
#include "agent/download.h"
#include "core/model/said_type.h"
#include "core/schedule/growing_pause.h"
#include "drive/line_limit.h"
#include "drive/loop_brake.h"
#include "drive/trouble.h"

namespace dray::agent {

struct AttemptMachine {
  using Key = int;  // there is one
  using State = core::attempt::Attempt;
  using Event = core::attempt::Event;
  using Given = core::attempt::Given;
  using Action = core::attempt::Work;
  static constexpr std::string_view kName = "attempt";
  static auto advance(const State& s, const Event& e, const Given& g) {
    return core::attempt::advance(s, e, g);
  }
  static std::vector<Action> resume(const State& s) { return core::attempt::resume(s); }
  static std::string_view phase(const State& s) { return core::attempt::phase_name(s.phase); }
  static std::string_view event(const Event& e) { return core::attempt::event_name(e); }
  static std::string describe(const Key&) { return "device"; }
};

class Agent::Session {
 public:
  Session(const AgentSettings& settings, AgentParts& parts, Executor executor);

  Task<Exit> run(Stop& stop);
  const core::attempt::Attempt& attempt() const { return *driver_.find(kKey); }
  bool loaded() const { return driver_.find(kKey) != nullptr; }
  void apply(const core::attempt::Event& event);
  void say(core::attempt::Word word);
  Task<Result<>> settled() { return saves_.settled(); }
  bool asks_operator() const;
  std::vector<std::string> why_slow() const;  // for people; empty where all is well
  std::string cannot_tell() const;            // for people: before it is loaded

 private:
  static constexpr int kKey = 0;

  // --- session.cc: start, state ---
  Task<Result<>> save(std::string text);
  Task<core::attempt::Attempt> load();
  Task<bool> ask_what_runs(Stop& stop);  // false: stopped
  void perform(const core::attempt::Work& work);
  core::attempt::Given given() const { return {parts_.boot_id, running_}; }
  Task<Result<>> on_disk(std::function<Result<>()> f);
  Task<> pause(Duration time, Stop& stop);
  double chance() const { return random_unit(parts_.random); }

  // --- session_blind.cc: while the installer can't say what runs here ---
  Task<bool> learn_what_runs(const core::attempt::Attempt& remembered, Stop& stop);  // false: stopped
  Task<> talk_blindly(const core::attempt::Attempt& remembered, Stop& stop);
  Task<Result<>> answer_blindly(const core::attempt::Attempt& remembered, wire::client::PollAnswer shown, Stop& stop);
  Task<Result<>> cancel_blindly(const core::attempt::Attempt& remembered, std::string href, Stop& stop);

  // --- session_talk.cc: with the server ---
  Task<> talk(Stop& stop);
  Task<bool> tell(Stop& stop);  // true: the server knows all that is due
  Task<bool> tell_power_on(Stop& stop);
  Task<bool> tell_end(core::attempt::Due due, Stop& stop);
  Task<bool> tell_progress(Stop& stop);
  void put_off_power_on();
  void note_power_on(bool polled);
  void ask_to_tell_power_on();
  bool due() const;
  bool power_on_due() const;
  bool power_on_waits() const;  // it was not taken, and is told again later
  std::chrono::seconds longest_hold() const;
  Task<Result<>> look(wire::client::PollAnswer answer, Stop& stop);
  Task<Result<>> look_at_deployment(std::string href, Stop& stop);
  Task<Result<>> refuse_order(ActionId action, std::string why, Stop& stop);
  Task<Result<>> look_at_cancel(std::string href, Stop& stop);
  Duration rest(bool healthy, bool held);
  std::map<std::string, std::string> power_on_report();

  // --- session_probe.cc: the link's rate, where the gateway would like to know it ---
  Task<> measure_link(Stop& stop);
  Task<bool> may_be_disturbed(Stop& stop);

  // --- session_work.cc: on the device ---
  Task<> work(Stop& stop);
  Task<> do_work(core::attempt::Work work, Stop& stop);
  Task<> answer_offer(Stop& stop);
  Task<> fetch(std::size_t part, Stop& stop);
  Task<> fetch_failed(const Error& error, Stop& stop);
  Task<> write(std::size_t part, Stop& stop);
  Task<> ask_ready(Stop& stop);
  Task<> announce(Stop& stop);
  Task<> install(Stop& stop);
  Task<> ask_restart(Stop& stop);
  Task<> verify(Stop& stop);
  Task<> undo(Stop& stop);
  Task<> tidy(Stop& stop);
  bool has_nothing_to_do() const;
  InstallerEnv env_of_order() const;
  // Runs a verb until it says yes or no. Nothing: ok; else why not. An Error: stopped.
  Task<Result<std::optional<std::string>>> insist(InstallerVerb verb, InstallerEnv env, Stop& stop);

  // --- session_own.cc: may this device be updated now? ---
  struct Readiness {
    core::attempt::AnswerKind kind = core::attempt::AnswerKind::kReady;
    std::string why;
    std::optional<std::chrono::seconds> retry_after;
    bool silent = false;  // its own deferment: no answer until it is ready
  };
  Task<Result<Readiness>> readiness(Stop& stop);
  std::optional<Readiness> prohibited_hours() const;
  std::optional<Readiness> operators_objection() const;
  Task<Result<std::optional<Readiness>>> busy_file();
  Task<std::optional<Readiness>> busy_check(Stop& stop);
  Task<Readiness> installers_word(Stop& stop);
  Readiness busy(std::string_view why, std::optional<std::chrono::seconds> retry_after) const;
  void wait_silently(const Readiness& why);
  Task<> count_down(Stop& stop);
  void pass_time();

  const AgentSettings& settings_;
  AgentParts& parts_;
  LineLimit lines_;
  Ddi ddi_;
  TaskGroup tasks_;
  GroupCommit<std::string> saves_;
  Driver<AttemptMachine, std::string> driver_;

  Exit exit_ = Exit::kStopped;
  core::RunningByComponent running_, running_at_start_;
  // before it is known what runs
  Signal blind_changed_;
  ActionId blind_told_;
  SteadyTime blind_told_at_{};
  // work
  core::attempt::Work work_;
  Signal work_changed_;
  Stop* doing_ = nullptr;                   // of the work that runs
  int refusals_ = 0;                        // of this fetch: answers that will not get better, wrong bytes
  std::uint64_t asked_ = 0, answered_ = 0;  // communication requests seen, and the last one that was answered
  std::uint64_t answers_ = 0;               // that were sent
  std::string put_off_;                     // why an update was, when it was asked about last; empty: it was not
  SteadyTime put_off_at_{};
  core::GrowingPause work_backoff_;
  LoopBrake work_brake_;
  Trouble transfer_trouble_{"transfer_failed", "Fetching the update", parts_.clock};
  Trouble installer_trouble_{"installer_refused", "The installer", parts_.clock};
  // what is counted down
  Signal countdown_changed_;
  SteadyTime counted_at_{};
  // talk
  Signal talk_changed_;
  Stop* polling_ = nullptr;  // of the poll that the server holds
  bool power_on_told_ = false;
  SteadyTime power_on_next_{};  // it was not taken: not before
  bool power_on_refused_ = false;  // and not only put off
  bool power_on_unheard_ = false;  // nobody answered it, in this turn of the talk
  std::string told_phase_;  // "101 downloading"
  ActionId end_told_;       // since this start
  std::string etag_;
  bool holds_polls_ = true;  // until the server answers at once
  int quick_ = 0;            // answers in a row that came at once
  std::optional<Duration> sleep_;
  std::string order_href_;  // the deployment that we have
  std::string probe_href_;  // shown; empty: not
  SteadyTime probe_at_{};   // not before
  core::GrowingPause talk_backoff_, power_on_backoff_;
  LoopBrake talk_brake_, config_brake_;  // config: that it asks for a power-on report again
  Trouble poll_trouble_{"poll_failed", "Asking the gateway", parts_.clock};
  Trouble power_on_trouble_{"power_on_refused", "Telling the gateway what runs here", parts_.clock};
  Trouble report_trouble_{"report_failed", "Reporting to the gateway", parts_.clock};
  Trouble order_trouble_{"order_unreadable", "Reading what the gateway shows", parts_.clock};
  ActionId refused_;  // the order that was refused last: said once
};

}  // namespace dray::agent
