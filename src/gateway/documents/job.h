// core::Job as a document of the store (docs/formats.md, "job"). Private to the gateway. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/update/job.h"

namespace dray::gateway::documents {

std::string write_job(const core::Job& job);
// `id`: under which it is kept; a document that speaks of another job can't be read.
Result<core::Job> read_job(const JobId& id, std::string_view text);

}  // namespace dray::gateway::documents
