#include "core/model/said_type.h"

#include <algorithm>

#include "base/mutant.h"

namespace dray::core {
namespace {

// Null: it has said none.
const std::string* type_in(const Attributes& said) {
  const auto found = said.find(std::string{kSaidType});
  return found == said.end() ? nullptr : &found->second;
}

}  // namespace

std::optional<OtherType> other_type(const Attributes& said, const DeviceType& type) {
  const std::string* name = type_in(said);
  if (name == nullptr || name->empty() || *name == type.name) return {};
  if (std::find(type.also_called.begin(), type.also_called.end(), *name) != type.also_called.end()) return {};
  if (DRAY_MUTANT("any_type_goes")) return {};
  return OtherType{*name, type.name};
}

void keep_said_type(const Attributes& before, Attributes& now) {
  if (const std::string* name = type_in(before)) now.emplace(kSaidType, *name);
}

std::string differing_type(const Attributes& said, const std::string& entered) {
  const std::string* name = type_in(said);
  return name == nullptr || *name == entered ? std::string{} : *name;
}

std::string sentence_of(const OtherType& other) {
  return "the device says that it is of type '" + other.said + "', and is entered as '" + other.entered +
         "': nothing is sent to it before it is moved to its type, or '" + other.said + "' is another name of '" + other.entered + "'";
}

}  // namespace dray::core
