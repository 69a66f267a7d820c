// What becomes of a device's attributes when it says something about itself (docs/ddi.md, 1 and 3). Pure.
#pragma once

#include "core/model/device.h"
#include "wire/ddi.h"

namespace dray::gateway::ddi {

// It says that it has started, or what runs: what ends an update.
bool is_power_on_report(const wire::DdiConfigData& put);

struct Merged {
  core::Attributes attributes;
  bool rest_refused = false;  // of a power-on report that would be too much: only what it says as one was taken
};

// The quota counts the attributes of the device's owner; ours (boot id, what runs, busy) have one of their own, so that no
// others keep a power-on report away. kExhausted: too much, nothing is taken.
Result<Merged> merged(const core::Attributes& before, const wire::DdiConfigData& put);

}  // namespace dray::gateway::ddi
