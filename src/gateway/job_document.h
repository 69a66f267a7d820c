// core::Job as a document of the store. Written by this program for itself: times are milliseconds since 1970 (the
// end of time must fit), members that a later program adds are ignored by this one.
#pragma once

#include <string>
#include <string_view>

#include "core/update/job.h"

namespace dray::gateway {

std::string encode_job_document(const core::Job& job);
Result<core::Job> decode_job_document(std::string_view text);

}  // namespace dray::gateway
