// One run of the real programs with kill -9 in it: which program is killed, at which change of state in whose
// log, how the run comes there, and how it has to end.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "support/process.h"

namespace dray::e2e {

enum class Who { kServer, kGateway, kAgent };

enum class Way {
  kStraight,       // nothing stands in the way
  kBusyAtFirst,    // the device says "not now" until the kill
  kWaits,          // the device is silent, in a deferment of its own, until the kill
  kDeferred,       // the site defers the update before the device is there
  kDownloadFails,  // the installer can't write until the kill
  kOneTryFails,    // the same, and the rollout allows one attempt: it fails
  kUnhealthy,      // the new version does not verify until the kill
  kCancelled,      // an operator cancels while the device holds before its switch-over
  kExpires,        // the device holds until the expiry
  kForeign,        // a scripted device behind the gateway alone; it ends by the power-on report
  kMisfit,         // the same; a newer plan orders what the device has no component for
};

struct Case {
  Who victim, speaker;  // who is killed; whose log gives the cue
  std::string machine;
  std::vector<std::string> phases;  // a kill at each, in this order
  Way way = Way::kStraight;
};
void PrintTo(const Case& c, std::ostream* out);
std::string name_of(const Case& c);

// Kills a program on the line "machine=.. to=phase" of the log that it watches. Called on the reader's
// thread.
class Trap {
 public:
  explicit Trap(const Case& c) : case_{c} {}
  // The handler of `who`'s log. What it kills is the speaker itself, or victim.
  testing_support::Process::OnLine watch(Who who);
  void arm() { armed_ = true; }
  void aim(pid_t victim) { victim_ = victim; }
  std::size_t kills() const { return kills_; }

 private:
  const Case& case_;
  std::atomic<bool> armed_{false};
  std::atomic<std::size_t> kills_{0};
  std::atomic<pid_t> victim_{0}, dead_{0};
};

// Each plays one case to its end; what is wrong fails the current test.
void play_with_everything(const Case& c);  // dray-server, dray-gateway, dray-agent
void play_gateway_alone(const Case& c);    // kForeign, kMisfit

}  // namespace dray::e2e
