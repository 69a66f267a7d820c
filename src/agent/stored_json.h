// The installers' own records: small JSON documents, replaced as a whole.
#pragma once

#include "agent/disk_installer.h"
#include "wire/json.h"

namespace dray::agent {

inline constexpr std::size_t kLargestRecord = 1 << 20;

inline wire::json::object encode_stored(const Stored& s) {
  return {{"version", s.version}, {"sha256", s.sha256.hex()}, {"size", s.size}, {"good", s.good}};
}
inline Stored decode_stored(const wire::Node& node) {
  return {node.at("version").text(), node.at("sha256").sha256(), node.at("size").size(),
          node.at("good").boolean()};
}

}  // namespace dray::agent
