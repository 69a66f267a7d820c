// boot.json as text (docs/formats.md, "The agent"): the trial of a new version. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"

namespace dray::agent {

struct BootRecord {
  ActionId trial;     // of the order whose version is on trial; empty: none
  int starts = 0;     // of this trial, none of them committed
  ActionId fallback;  // whose version was left
  std::string why;
  friend bool operator==(const BootRecord&, const BootRecord&) = default;
};

std::string encode_boot(const BootRecord& record);
Result<BootRecord> decode_boot(std::string_view text);

}  // namespace dray::agent
