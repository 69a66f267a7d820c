// The names of weekdays as hours and windows write them: Monday is 0.
#pragma once

#include <array>
#include <string_view>

namespace dray::core {

inline constexpr std::array<std::string_view, 7> kWeekdays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

}  // namespace dray::core
