// The times of a rollout at its sites as people read them. Pure.
#pragma once

#include <string>

#include "wire/json.h"

namespace dray::ctl {

namespace json = wire::json;

// A table of the items of GET rollouts/ID/sites or POST rollouts/plan, and below it why some of them do not fit.
std::string render_sites(const json::array& sites);

}  // namespace dray::ctl
