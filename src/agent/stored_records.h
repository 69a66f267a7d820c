// The installers' own records on the disk: small documents (documents/stored.h), replaced as a whole.
#pragma once

#include "agent/disk_installer.h"

namespace dray::agent {

inline constexpr std::size_t kLargestRecord = 1 << 20;
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

}  // namespace dray::agent
