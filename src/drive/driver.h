// Driver: runs pure state machines. Decide, save, then act; later events apply to the newest state in memory; the
// actions of a save run only after its commit. After a restart put() the saved states and perform(resume(..)).
//
// A Machine names its types and forwards to the core:
//
//   struct JobMachine {
//     using Key = JobId;  using State = core::Job;  using Event = core::JobEvent;
//     using Given = core::Given;  using Action = core::JobAction;
//     static constexpr std::string_view kName = "job";
//     static auto advance(const State& s, const Event& e, const Given& g) { return core::advance(s, e, g); }  // .next .actions
//     static std::vector<Action> resume(const State& s) { return core::resume(s); }
//     static std::string_view phase(const State& s);  static std::string_view event(const Event& e);
//     static std::string describe(const Key& k) { return k.value(); }
//   };
//
// Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "drive/group_commit.h"
#include "drive/line_limit.h"

namespace dray {

// One change of phase and where in "decide, save, act" it stands. Faults are placed by this in the simulator. Where a
// machine's step has `rows`, one event may bring several changes: each is told, in order, at the same point.
struct Crossing {
  enum class Point { kBeforeSave, kAfterSave, kAfterActions };
  std::string_view machine, from, event, to;
  Point point{};
};
using Watch = std::function<void(const Crossing&)>;

template <class Machine, class Write>
class Driver {
 public:
  using Key = typename Machine::Key;
  using State = typename Machine::State;
  using Event = typename Machine::Event;
  using Given = typename Machine::Given;
  using Action = typename Machine::Action;

  // What to write for a change; `before` is null for a new state.
  using Encode = std::function<Write(const Key&, const State* before, const State& after)>;
  using Perform = std::function<void(const Key&, const Action&)>;

  Driver(GroupCommit<Write>& saves, const Clock& clock, Log log, Encode encode, Perform perform, Watch watch = {})
      : saves_{saves}, log_{log}, lines_{clock, std::move(log), kLines}, encode_{std::move(encode)}, perform_{std::move(perform)}, watch_{std::move(watch)} {}

  // A state that is durable already (loaded at the start).
  void put(const Key& key, State state) { states_.insert_or_assign(key, std::move(state)); }
  // A state that is not: saved with the next commit.
  void create(const Key& key, State state) {
    const auto [it, fresh] = states_.insert_or_assign(key, std::move(state));
    saves_.add(encode_(key, nullptr, it->second));
  }
  // Forgets it in memory; the caller saves that.
  void drop(const Key& key) { states_.erase(key); }

  const State* find(const Key& key) const {
    const auto it = states_.find(key);
    return it == states_.end() ? nullptr : &it->second;
  }
  const std::map<Key, State>& states() const { return states_; }

  // Applies one event. False: no such state, or nothing changed and nothing is to be done.
  bool apply(const Key& key, const Event& event, const Given& given) {
    const auto it = states_.find(key);
    if (it == states_.end()) return false;
    auto step = Machine::advance(it->second, event, given);
    const bool changed = !(step.next == it->second);
    if (!changed && step.actions.empty()) return false;
    const Crossing crossing{Machine::kName, Machine::phase(it->second), Machine::event(event), Machine::phase(step.next)};
    if (crossing.from != crossing.to && lines_.may_say("state_changed", Machine::describe(key)))
      log_.info("state_changed", {{"machine", Machine::kName},
                                  {"key", Machine::describe(key)},
                                  {"from", crossing.from},
                                  {"to", crossing.to},
                                  {"event", crossing.event}});
    std::vector<Crossing> crossings;
    if (watch_) crossings = crossings_of(step, crossing);
    at(crossings, Crossing::Point::kBeforeSave);
    if (!changed) {
      act(key, step.actions);
      return true;
    }
    Write write = encode_(key, &it->second, step.next);
    it->second = std::move(step.next);
    saves_.add(std::move(write), [this, key, crossings = std::move(crossings), actions = std::move(step.actions)] {
      at(crossings, Crossing::Point::kAfterSave);
      act(key, actions);
      at(crossings, Crossing::Point::kAfterActions);
    });
    return true;
  }

  // After a restart: everything that the saved states ask for again.
  void resume() {
    for (const auto& [key, state] : states_) act(key, Machine::resume(state));
  }

 private:
  void act(const Key& key, const std::vector<Action>& actions) {
    for (const Action& action : actions) perform_(key, action);
  }
  template <class Step>
  static std::vector<Crossing> crossings_of(const Step& step, const Crossing& whole) {
    std::vector<Crossing> out;
    if constexpr (requires { step.rows; }) {
      for (const auto& row : step.rows) out.push_back({Machine::kName, row.from, row.event, row.to});
    } else if (whole.from != whole.to) {
      out.push_back(whole);
    }
    return out;
  }
  void at(const std::vector<Crossing>& crossings, typename Crossing::Point point) const {
    for (Crossing crossing : crossings) {
      crossing.point = point;
      watch_(crossing);
    }
  }

  // An update is some ten lines of one subject; one that its other side drives in circles is cut short. No total: no
  // party makes more subjects than the plan has jobs, and what all of them do in one night is to be read afterwards.
  static constexpr core::LineBudget::Limits kLines{.of_one = 60, .of_all = core::LineBudget::Limits::kNoTotal};

  GroupCommit<Write>& saves_;
  Log log_;
  LineLimit lines_;
  Encode encode_;
  Perform perform_;
  Watch watch_;
  std::map<Key, State> states_;
};

}  // namespace dray
