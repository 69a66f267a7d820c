#include "core/model/said_type.h"

#include <algorithm>

#include "base/mutant.h"

namespace dray::core {

std::optional<OtherType> other_type(const Attributes& said, const DeviceType& type) {
  const auto found = said.find(std::string{kSaidType});
  if (found == said.end() || found->second.empty() || found->second == type.name) return {};
  if (std::find(type.also_called.begin(), type.also_called.end(), found->second) != type.also_called.end()) return {};
  if (DRAY_MUTANT("any_type_goes")) return {};
  return OtherType{found->second, type.name};
}

void keep_said_type(const Attributes& before, Attributes& now) {
  if (const auto found = before.find(std::string{kSaidType}); found != before.end()) now.insert(*found);
}

std::string differing_type(const Attributes& said, const std::string& entered) {
  const auto found = said.find(std::string{kSaidType});
  return found == said.end() || found->second == entered ? std::string{} : found->second;
}

std::string sentence_of(const OtherType& other) {
  return "the device says that it is of type '" + other.said + "', and is entered as '" + other.entered +
         "': nothing is sent to it before it is moved to its type, or '" + other.said + "' is another name of '" + other.entered + "'";
}

}  // namespace dray::core
