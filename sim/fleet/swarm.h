// Swarm testing (Groce and others, "Swarm Testing", 2012): a world that has every kind of incident has none of them
// undisturbed, and what needs one kind often and another never does not happen. So each world of the second range of
// seeds leaves out about half of the kinds and draws how often the rest happens.
//
// What is drawn for a kind depends on the seed and the kind's name only (SimRandom::fork): one more kind changes
// nothing for the others, and the worlds of the first million seeds, which have all that was there before and nothing
// newer, stay what they are.
#pragma once

#include <string_view>

#include "sim/random.h"

namespace dray::sim::fleet {

inline constexpr std::uint64_t kFirstSwarmSeed = 1'000'001;

class Swarm {
 public:
  // on: false in worlds of the first range.
  Swarm(const SimRandom& world, bool on) : random_{world.fork("swarm")}, on_{on} {}

  bool on() const { return on_; }
  // How often a kind happens, in shares of all; 0: never in this world. `usual`: what it is in the first range.
  int share(std::string_view kind, int usual = 0) const;
  bool has(std::string_view kind) const { return share(kind) > 0; }

 private:
  SimRandom random_;
  bool on_;
};

}  // namespace dray::sim::fleet
