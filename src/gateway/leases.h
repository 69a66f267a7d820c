// DDI action ids: leased by the server in blocks, used upwards, never twice. Ids of one digit followed by zeros only are
// skipped (docs/ddi.md 1.1: a client bug makes cancels of them impossible).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
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

  // Until the server was heard from, this may be an older state of the gateway that does not know which ids it has
  // used since; but devices go on being updated. Ids are then taken by chance from the second half of the newest
  // block, which counting does not reach: a new block comes at half use.
  void doubt(std::uint64_t chance) { chance_ = chance; }
  void trust() { chance_.reset(); }
  bool doubted() const { return chance_.has_value(); }

  // The smallest free id, or one by chance; empty: none is left, no attempt may start.
  ActionId next() const {
    if (chance_) return drawn();
    std::int64_t best = 0;
    for (const auto& block : blocks_) {
      if (block.from <= floor_ && floor_ > 0) continue;
      std::int64_t id = std::max(block.from, last_ + 1);
      while (id <= block.to && is_awkward_action_id(id)) ++id;
      if (id <= block.to && (best == 0 || id < best)) best = id;
    }
    return ActionId{best};
  }
  void take(ActionId id) {
    if (!chance_) last_ = std::max(last_, id.value());
  }

  // A new epoch: only blocks that it did not hold before (docs/gateway-api.md).
  void forget_blocks() {
    for (const auto& block : blocks_) floor_ = std::max(floor_, block.to);
  }
  std::int64_t last() const { return last_; }
  std::int64_t floor() const { return floor_; }

 private:
  ActionId drawn() const {
    const core::ActionIdRange* newest = nullptr;
    for (const auto& block : blocks_)
      if ((floor_ == 0 || block.from > floor_) && (newest == nullptr || block.from > newest->from)) newest = &block;
    if (newest == nullptr) return {};
    const std::int64_t half = newest->from + (newest->to - newest->from) / 2;
    std::int64_t id = half + static_cast<std::int64_t>(*chance_ % static_cast<std::uint64_t>(newest->to - half + 1));
    while (id <= newest->to && is_awkward_action_id(id)) ++id;
    return id <= newest->to ? ActionId{id} : ActionId{};
  }

  std::vector<core::ActionIdRange> blocks_;
  std::optional<std::uint64_t> chance_;
  std::int64_t last_ = 0;
  std::int64_t floor_ = 0;  // blocks that begin at or below it are another epoch's
};

}  // namespace dray::gateway
