// What would have to happen for something to go on, by its reason: the last line of "why". Every reason that
// a job, a rollout or a site may carry is here, and a test holds that against docs/job.md.
#pragma once

#include <string_view>

namespace dray::core {

// Empty: nothing is waited for, or the word is not known here.
std::string_view what_helps(std::string_view reason);

}  // namespace dray::core
