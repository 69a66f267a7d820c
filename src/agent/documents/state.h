// state.json as text (docs/formats.md, "The agent"): what an agent remembers. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "core/update/attempt.h"

namespace dray::agent {

std::string encode_state(const core::attempt::Attempt& attempt);
Result<core::attempt::Attempt> decode_state(std::string_view text);

}  // namespace dray::agent
