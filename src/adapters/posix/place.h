// Where a data folder lies, as core::Place compares it: the machine's id, what of its hardware has a number of its own,
// and the folder itself.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "core/identity/place.h"

namespace dray::adapters {

// root: where /etc and /sys are; another one for tests. kNotFound, ...: the folder can't be looked at. What can't be
// read of the machine is left out.
Result<core::Place> find_place(const std::filesystem::path& folder, const std::filesystem::path& root = "/");

}  // namespace dray::adapters
