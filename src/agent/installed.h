// What an installer says of one component that runs (docs/installers.md, verb "installed"). Pure.
#pragma once

#include <string_view>

#include "core/model/artifact.h"

namespace dray::agent {

// "VERSION", "VERSION<TAB>SHA256", or "VERSION SHA256" where the last word is 64 hex digits: versions may hold blanks. A
// carriage return and blanks around each are dropped; what stands behind the tab and is no hash says nothing.
core::Running installed_from(std::string_view line);

}  // namespace dray::agent
