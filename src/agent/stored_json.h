// The installers' own records: small JSON documents, replaced as a whole.
#pragma once

#include "agent/disk_installer.h"
#include "wire/json.h"

namespace dray::agent {

inline constexpr std::size_t kLargestRecord = 1 << 20;
inline constexpr std::int64_t kRecordVersion = 1;  // of those that carry none, too

inline void check_version(const wire::Node& record) {
  if (const auto version = record.maybe("version")) version->integer(1, kRecordVersion);
}
// True where a later program may have written it, or a disk: nothing of it is known.
inline bool is_unreadable(const Error& error) { return error.code() == ErrorCode::kInvalid; }

inline wire::json::object encode_stored(const Stored& s) {
  return {{"version", s.version}, {"sha256", s.sha256.hex()}, {"size", s.size}, {"good", s.good}};
}
inline Stored decode_stored(const wire::Node& node) {
  return {node.at("version").text(), node.at("sha256").sha256(), node.at("size").size(),
          node.at("good").boolean()};
}

}  // namespace dray::agent
