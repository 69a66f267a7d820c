#include "sim/fleet/swarm.h"

namespace dray::sim::fleet {
namespace {

constexpr std::uint64_t kMostShares = 8;

}  // namespace

int Swarm::share(std::string_view kind, int usual) const {
  if (!on_) return usual;
  SimRandom draw = random_.fork(kind);
  if (draw.one_in(2)) return 0;
  return static_cast<int>(1 + draw.uniform(kMostShares));
}

}  // namespace dray::sim::fleet
