// Stored columns that can't be read, as answers of the admin API say them. Internal to wire.
#pragma once

#include "wire/admin_api.h"

namespace dray::wire {

// Adds what can't be read and how it is replaced; the members that come of it are null, never what they would
// mean.
void say_unreadable(json::object& out, const std::vector<Unreadable>& what);

}  // namespace dray::wire
