// What an agent remembers: one JSON document, replaced as a whole (write, sync, rename, sync the folder). Old
// or new after a power cut, never a mix. A document that can't be read is set aside: the device then starts
// from what its installer says, and the server asks again.
#pragma once

#include "agent/documents/state.h"
#include "ports/disk.h"

namespace dray::agent {

inline constexpr std::string_view kStateFile = "state.json";

// kNotFound: there is none yet. Synchronous: on a worker.
Result<core::attempt::Attempt> load_state(Disk& disk);
Result<> save_state(Disk& disk, const core::attempt::Attempt& attempt);

}  // namespace dray::agent
