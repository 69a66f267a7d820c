// Virtual time: one queue of everything that will happen, ordered by time and then by sequence. Time passes
// only when an event fires.
//
// Every suspended coroutine of the simulator is held here and nowhere else, under the life of the node it
// belongs to; so dropping a life's events unwinds its coroutines. An event touches the simulator only; what
// runs program code is posted to the node's context.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/time.h"
#include "ports/task.h"

namespace dray::sim {

// One life of one node, from boot to crash; never reused. 0 = the world itself.
using Life = std::uint64_t;

class Events {
 public:
  struct Id {
    SteadyTime when{};
    std::uint64_t sequence = 0;
    friend auto operator<=>(const Id&, const Id&) = default;
  };

  SteadyTime now() const { return now_; }
  // kSteadyMax: never, unless moved.
  Id at(SteadyTime when, Life life, std::function<void()> run);
  void move(Id& id, SteadyTime when);
  // Events of this life are gone. What they held may be destroyed in the course of it.
  void drop(Life life);

  std::optional<SteadyTime> next() const;  // nothing: no event will ever come
  Life fire();                             // runs the earliest; time is then its time

 private:
  struct Event {
    Life life = 0;
    std::function<void()> run;
  };
  SteadyTime now_{};
  std::uint64_t sequence_ = 0;
  std::map<Id, Event> queue_;
};

// One wait of one coroutine; lives in its frame, is used once.
class Wait {
 public:
  Wait(Events& events, Life life) : events_{events}, life_{life} {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  Task<bool> until(SteadyTime when);  // true: the time has come; false: end() was called
  void end();

 private:
  Events& events_;
  Life life_;
  bool ended_ = false;
  std::optional<Events::Id> id_;
};

}  // namespace dray::sim
