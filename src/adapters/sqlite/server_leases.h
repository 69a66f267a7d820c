// Epochs and action ids of a site in the tables; core/model/epoch.h decides. Internal to the adapter, within
// a transaction of the store.
#pragma once

#include <string>
#include <vector>

#include "adapters/sqlite/server_store.h"
#include "core/model/epoch.h"

namespace dray::adapters::leases {

// The part of a site's row that is about them.
struct Site {
  std::int64_t id = 0;
  std::int64_t epoch = 0;     // that the newest ids belong to; 0: none was ever seen
  std::int64_t attempts = 0;  // reported in this epoch: about how many ids are used
  core::Paced epochs = {}, leases = {};
  bool wide = false;   // an operator allowed ids beyond 32 bits
  bool ended = false;  // more were needed than are left
};
Result<Site> load(StatementCache& sql, std::int64_t site_id);
Result<> save(StatementCache& sql, const Site& site);

// False: there are none left, and `ended` says so. Fewer than wanted where no more are left.
Result<bool> lease(StatementCache& sql, Site& site, std::int64_t wanted, WallTime now);
// Whether `epoch`, a later one, may begin now; else when.
WallTime may_begin_at(const Site& site, WallTime now);
// It begins. The first epoch ever takes the block that was made with the site, every other one ids that none
// before it can have used: blocks whose plan nobody has got, or new ones. True: the plan has changed.
Result<bool> begin_epoch(StatementCache& sql, Site& site, std::int64_t epoch, WallTime now);
// More ids long before the last ones end; waits: the gateway says that it has none, so it knows of blocks
// that we do not, and we were restored. True: the plan has changed.
Result<bool> extend(StatementCache& sql, Site& site, bool waits, WallTime now);

// The blocks of an epoch, for a plan: from now on they may be known to somebody.
Result<std::vector<core::ActionIdRange>> deliver(StatementCache& sql, std::int64_t site_id,
                                                 std::int64_t epoch);

}  // namespace dray::adapters::leases
