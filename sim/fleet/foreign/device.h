// A DDI client that is not ours, on a simulated device: it polls, fetches what it is shown and says that it is done, like
// Debian's swupdate does; or it has habits. It goes by links alone and knows nothing of our additions.
#pragma once

#include <map>
#include <string>

#include "sim/fleet/foreign/habits.h"
#include "sim/world.h"
#include "wire/ddi_client.h"

namespace dray::sim::fleet {

struct ForeignSettings {
  std::string base;           // "http://gw1/DEFAULT/controller/v1/f1.1", as it stands in the request
  std::string authorization;  // "TargetToken ..."
  Habits habits;
  Duration polls{300'000};
  SteadyTime off_from = kSteadyMax, off_until = kSteadyMax;  // of the world
};

class ForeignDevice {
 public:
  ForeignDevice(World& world, Node& node, ForeignSettings settings);

 private:
  static Task<> run(ForeignDevice& self);
  Task<> come();  // one visit: a poll, and what follows from it
  Task<> work(std::string link);
  Task<bool> fetch(const core::attempt::Part& part);
  Task<> say(const std::string& link, std::string_view execution, std::string_view finished);
  Task<> say_wrong_things();
  Task<> describe_itself(std::string link);
  std::string feedback(ActionId action, std::string_view execution, std::string_view finished);
  std::string attributes();
  Task<TextResponse> call(Method method, std::string url, std::string body, std::string range);
  Task<> sleep(Duration time);
  bool is_alone() const;  // where another one with its identity comes and goes
  bool has(Habit habit) const { return settings_.habits.has(habit); }

  World& world_;
  Node& node_;
  ForeignSettings settings_;
  SimRandom random_;
  SimHttpClient http_;
  Stop never_;
  std::string done_;  // the link of the last deployment that was finished here
  int visits_ = 0;
};

}  // namespace dray::sim::fleet
