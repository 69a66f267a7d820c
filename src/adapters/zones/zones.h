// The tz database of the machine (Debian: tzdata in /usr/share/zoneinfo). Loads the rules of a zone by its
// IANA name; keeps them for ever (a zone is some kilobytes), so a new tz database counts from the next start.
// One thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>

#include "base/result.h"
#include "core/schedule/window.h"

namespace dray::adapters {

class Zones {
 public:
  // Rules are known up to the year of `until`.
  Zones(std::filesystem::path folder, WallTime until) : folder_{std::move(folder)}, until_{until} {}

  // kInvalid: no such zone, or a name that is none ("../etc/passwd"). kCorrupt: the file is damaged.
  Result<std::shared_ptr<const core::ZoneRules>> find(const std::string& name);

 private:
  std::filesystem::path folder_;
  WallTime until_;
  std::map<std::string, std::shared_ptr<const core::ZoneRules>> known_;
};

}  // namespace dray::adapters
