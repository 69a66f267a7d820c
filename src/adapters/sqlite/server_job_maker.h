// Makes jobs of one rollout, and says what its release has for a type. Internal to the adapter.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "adapters/sqlite/server_store.h"

namespace dray::adapters {

// One assignment a site, one job a device; the devices of a type share their steps. A device that nothing
// fits gets a job that has ended as incompatible and is in nobody's plan.
class SqliteServerStore::JobMaker {
 public:
  struct OfType {
    std::int64_t id = 0;
    bool fits = false;
    std::string why_not;
    std::string steps;  // as they are stored
  };

  // kCorrupt: its release can't be read. What it is given must live as long as it does.
  static Result<JobMaker> of(SqliteServerStore& store, const RolloutRow& row, const server::TypePlanner& planner);

  // kCorrupt: the type can't be read. What a device takes is not known then: it gets no job.
  Result<const OfType*> type(const std::string& name);
  Result<> add(std::int64_t device, std::int64_t site, const OfType& type, std::size_t phase);

 private:
  JobMaker(StatementCache& sql, const server::TypePlanner& planner, std::int64_t rollout_id,
           std::vector<core::ReleaseArtifact> release, std::string fetch, bool paused)
      : sql_{sql},
        planner_{planner},
        rollout_id_{rollout_id},
        release_{std::move(release)},
        fetch_{std::move(fetch)},
        paused_{paused} {}

  Result<std::int64_t> assignment_of(std::int64_t site);

  StatementCache& sql_;
  const server::TypePlanner& planner_;
  std::int64_t rollout_id_;
  std::vector<core::ReleaseArtifact> release_;
  std::string fetch_;
  bool paused_;
  std::map<std::string, OfType> types_;
  std::map<std::int64_t, std::int64_t> assignments_;
};

}  // namespace dray::adapters
