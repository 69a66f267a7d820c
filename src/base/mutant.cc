#include "base/mutant.h"

#ifdef DRAY_MUTANTS
#include <string>

namespace dray::mutant {
namespace {

std::string& chosen() {
  static std::string name;
  return name;
}

}  // namespace

void choose(std::string_view name) { chosen() = "mutant:" + std::string{name}; }
bool active(std::string_view name) { return name == chosen(); }

}  // namespace dray::mutant
#endif
