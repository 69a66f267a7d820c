#include "ports/installer.h"

#include <array>

namespace dray {

std::string_view to_string(InstallerVerb verb) {
  static constexpr std::array<std::string_view, 11> kNames{"info",   "ready",  "installed", "download", "install", "needs-reboot",
                                                           "verify", "commit", "rollback",  "cleanup",  "cancel"};
  return kNames[static_cast<std::size_t>(verb)];
}

}  // namespace dray
