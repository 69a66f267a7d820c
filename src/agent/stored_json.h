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

// Beside `file` as "<file>.bad", before something else takes its place: a record that is there and that `read` (a function
// of its text, to a Result) can't read. What can be read, or is not there, is left alone.
template <class F>
Result<> keep_unreadable(Disk& disk, const Path& file, F read) {
  const auto text = read_file(disk, file, kLargestRecord);
  if (!text) return {};
  const auto record = read(*text);
  if (record || !is_unreadable(record.error())) return {};
  return replace_file(disk, file + ".bad", *text);
}

inline wire::json::object encode_stored(const Stored& s) {
  return {{"version", s.version}, {"sha256", s.sha256.hex()}, {"size", s.size}, {"good", s.good}};
}
inline Stored decode_stored(const wire::Node& node) {
  return {node.at("version").text(), node.at("sha256").sha256(), node.at("size").size(),
          node.at("good").boolean()};
}

}  // namespace dray::agent
