// Times as people type them: RFC 3339, "now", "+90s", "+15m", "+2h", "+3d".
#pragma once

#include <string_view>

#include "base/time.h"

namespace dray::ctl {

Result<WallTime> parse_when(std::string_view text, WallTime now);

}  // namespace dray::ctl
