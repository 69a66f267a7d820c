// Of artifacts (docs/formats.md, "artifact", "partial") and of what was measured ("rate"), as documents. Private to the
// gateway. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/schedule/rate.h"

namespace dray::gateway::documents {

// Stored in blobs/, whole.
struct ArtifactRecord {
  std::uint64_t size = 0;
  std::string sha1, md5;        // computed while it was written
  std::string name, file_name;  // as devices see it, for when the plan has forgotten it
  std::int64_t module_id = 0;
  WallTime stored_at;
};
std::string write_artifact(const ArtifactRecord& artifact);
Result<ArtifactRecord> read_artifact(std::string_view text);

// On its way: how many bytes a sync has made safe.
std::string write_partial(std::uint64_t safe);
Result<std::uint64_t> read_partial(std::string_view text);

// Of a link in one hour of the week; `own`: what it showed itself, `capped`: what a cap let through.
struct RateRecord {
  int hour = 0;
  std::optional<core::RateHistory::Cell> own, capped;
};
std::string write_rate(const RateRecord& rate);
Result<RateRecord> read_rate(std::string_view text);

}  // namespace dray::gateway::documents
