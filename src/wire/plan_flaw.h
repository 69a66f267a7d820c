// Reading what was written before anybody else has to.
#pragma once

#include <optional>
#include <string>

#include "wire/gateway_api.h"

namespace dray::wire {

// What encode_plan() writes, before it is text.
json::object plan_object(const PlanMessage& message);

// Why a gateway could not take this message: the member, what is wrong with it, and whose it is ("artifacts[0].sha1:
// is longer than 40 bytes (artifact 5feceb66..)"). Nothing where it can. Decided by the gateway's own decoder, so it takes
// as long as writing the message once more and reading it once.
std::optional<std::string> plan_flaw(const PlanMessage& message);

}  // namespace dray::wire
