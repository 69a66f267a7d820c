// The gateway's documents in SQLite: one table, one transaction a commit.
#pragma once

#include <memory>
#include <string>

#include "adapters/sqlite/db.h"
#include "gateway/store.h"

namespace dray::adapters {

class GatewayStore : public gateway::Store {
 public:
  // Opens or creates. kConflict: the database is from a newer program.
  static Result<std::unique_ptr<GatewayStore>> open(const Db::Options& options);

  Result<std::vector<gateway::Document>> load() override;
  Result<> commit(const std::vector<gateway::Writes>& batch) override;

 private:
  explicit GatewayStore(Db db);
  Db db_;
  Statement select_, put_, erase_;
};

}  // namespace dray::adapters
