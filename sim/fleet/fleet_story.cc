// What people are told of a world: its sums, and the story of what broke in it.
#include <algorithm>

#include "sim/fleet/fleet_world.h"

namespace dray::sim::fleet {
namespace {

constexpr std::size_t kTail = 60, kStory = 160;

// What is said every few minutes and hides the rest of a story: calls that bring nothing or do not arrive.
bool is_routine(const std::string& line) {
  for (const std::string_view end : {" -> 304\n", "nobody listens at", "no progress for", "reports -> 200\n"})
    if (line.find(end) != std::string::npos) return true;
  return line.find(": GET http://gw") != std::string::npos && line.find("/controller/v1/") != std::string::npos &&
         line.ends_with(" -> 200\n") && std::count(line.begin(), line.end(), '/') == 6;
}

}  // namespace

FleetWorld::Totals FleetWorld::totals() {
  Totals out;
  out.requests = requests_;
  out.power_cuts = power_cuts_;
  server::Lists* lists = fleet_.lists();
  for (const auto& rollout : catalog_.rollouts()) {
    if (rollout->id.empty() || rollout->id == "none") continue;
    ++out.rollouts;
    if (lists == nullptr) continue;
    for (const auto& [name, device] : catalog_.devices()) {
      const auto job = lists->job(JobId{rollout->id + "-" + name});
      if (job) ++out.jobs[std::string{to_string(job->result.state)}];
    }
  }
  return out;
}

std::string FleetWorld::story() const {
  std::string out;
  const auto add_last = [&](std::size_t most, const auto& wanted) {
    std::vector<const std::string*> some;
    for (auto it = lines_kept_.rbegin(); it != lines_kept_.rend() && some.size() < most; ++it)
      if (wanted(*it)) some.push_back(&it->second);
    for (auto it = some.rbegin(); it != some.rend(); ++it) out += **it;
  };
  const std::string subject = scene_.violation ? scene_.violation->subject : std::string{};
  const std::string device =
      catalog_.devices().contains(subject) || subject.find('-') == std::string::npos ? subject : device_of_job(subject);
  out += "--- what was rolled out\n" + catalog_.describe_sites();
  for (const auto& rollout : catalog_.rollouts()) out += describe(*rollout) + "\n";
  out += troubles_.describe();
  if (!subject.empty()) {
    out += "--- the story of " + device + "\n";
    add_last(kStory, [&](const auto& line) {
      return (line.first == device || line.second.find(device) != std::string::npos) && !is_routine(line.second);
    });
  }
  out += "--- the last that happened\n";
  add_last(kTail, [](const auto&) { return true; });
  return out;
}

}  // namespace dray::sim::fleet
