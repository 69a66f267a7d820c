#include "core/rollout/drift.h"

#include <set>

#include "core/rollout/result.h"

namespace dray::core {

std::vector<Drift> drift_of(std::span<const DeviceJob> jobs, const RunningByComponent& running) {
  std::vector<Drift> out;
  std::set<std::string> settled;  // components of jobs before it
  for (const DeviceJob& job : jobs) {
    const bool well = job.state == JobState::kSucceeded;
    if (!well && (is_final(job.state) || is_waiting(job.state))) continue;
    Drift drift{job.id, {}};
    std::set<std::string> own;
    for (const OrderedPart& part : job.parts) {
      own.insert(part.component);
      if (!well || settled.contains(part.component)) continue;
      const auto known = running.find(part.component);
      if (known == running.end()) {
        const auto before = job.drifted.find(part.component);
        if (before != job.drifted.end()) drift.running.insert(*before);
        continue;
      }
      const auto sha256 = Sha256::parse(part.sha256);
      if (known->second.version != part.version || (sha256 && !is_version(known->second, part.version, *sha256)))
        drift.running[part.component] = known->second.version;
    }
    settled.merge(own);
    if (!drift.running.empty()) out.push_back(std::move(drift));
  }
  return out;
}

}  // namespace dray::core
