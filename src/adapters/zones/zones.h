// The tz database of the machine (Debian: tzdata in /usr/share/zoneinfo). Loads the rules of a zone by its
// IANA name, and keeps them for as long as their file is as it was: a zone that is gone is unknown from then
// on, and changed rules count at once, because packages of the tz database come while the program runs. One
// thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "core/schedule/window.h"

namespace dray::adapters {

class Zones {
 public:
  // Rules are known up to the year of `until`.
  Zones(std::filesystem::path folder, WallTime until) : folder_{std::move(folder)}, until_{until} {}

  // kInvalid: no such zone, or a name that is none: "../etc/passwd", and what means another zone on each
  // machine ("localtime", "posixrules") or none at all ("Factory"). kCorrupt: the file is damaged.
  Result<std::shared_ptr<const core::ZoneRules>> find(const std::string& name);

 private:
  // What tells one file from another without reading it.
  struct Mark {
    std::uint64_t device = 0, file = 0, size = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
  };
  struct Known {
    Mark mark;
    std::shared_ptr<const core::ZoneRules> rules;
  };
  static std::optional<Mark> mark_of(const std::filesystem::path& file);  // nothing: no regular file

  std::filesystem::path folder_;
  WallTime until_;
  std::map<std::string, Known> known_;
};

}  // namespace dray::adapters
