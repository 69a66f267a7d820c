// Documents damaged at rest: what a gateway stored about one subject can't be read any more, while the database around
// it is whole. Cut, overwritten, or of a shape that no program of ours ever wrote; never a document that can still be
// read and says something else: nothing could tell.
#pragma once

#include <optional>
#include <string>

#include "sim/world.h"

namespace dray::sim::fleet {

struct Damaged {
  std::string kind, id;
};
// Damages one document of the gateway on this machine, which has no power; of a kind that is drawn first, so that those of
// which there are few come as often. Nothing: there is none, or no database yet.
std::optional<Damaged> damage_document(Node& gateway, SimRandom& random);

}  // namespace dray::sim::fleet
