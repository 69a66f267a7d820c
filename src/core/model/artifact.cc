#include "core/model/artifact.h"

namespace dray::core {

bool is_version(const Running& running, std::string_view version, const Sha256& sha256) {
  const auto known = Sha256::parse(running.sha256);
  return running.version == version && (!known || *known == sha256);
}

}  // namespace dray::core
