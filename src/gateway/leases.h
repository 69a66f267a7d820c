// DDI action ids: leased by the server in blocks, used upwards, never twice. Ids of one digit followed by zeros only are
// skipped (docs/ddi.md 1.1: a client bug makes cancels of them impossible).
#pragma once

#include <algorithm>
#include <vector>

#include "core/model/plan.h"

namespace dray::gateway {

constexpr bool is_awkward_action_id(std::int64_t id) {
  while (id >= 10 && id % 10 == 0) id /= 10;
  return id < 10;
}

class Leases {
 public:
  void restore(std::int64_t last, std::int64_t floor) {
    last_ = last;
    floor_ = floor;
  }
  void set_blocks(std::vector<core::ActionIdRange> blocks) { blocks_ = std::move(blocks); }

  // The smallest free id; empty: none is left, no attempt may start.
  ActionId next() const {
    std::int64_t best = 0;
    for (const auto& block : blocks_) {
      if (block.from <= floor_ && floor_ > 0) continue;
      std::int64_t id = std::max(block.from, last_ + 1);
      while (id <= block.to && is_awkward_action_id(id)) ++id;
      if (id <= block.to && (best == 0 || id < best)) best = id;
    }
    return ActionId{best};
  }
  void take(ActionId id) { last_ = std::max(last_, id.value()); }

  // A new epoch: only blocks that it did not hold before (docs/gateway-api.md).
  void forget_blocks() {
    for (const auto& block : blocks_) floor_ = std::max(floor_, block.to);
  }
  std::int64_t last() const { return last_; }
  std::int64_t floor() const { return floor_; }

 private:
  std::vector<core::ActionIdRange> blocks_;
  std::int64_t last_ = 0;
  std::int64_t floor_ = 0;  // blocks that begin at or below it are another epoch's
};

}  // namespace dray::gateway
