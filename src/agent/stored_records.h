// The installers' own records on the disk: small documents (documents/stored.h), replaced as a whole.
#pragma once

#include <algorithm>

#include "agent/disk_installer.h"

namespace dray::agent {

inline constexpr std::size_t kLargestRecord = 1 << 20;
// True where a later program may have written it, or somebody else, or a disk: nothing of it is known. Not where it is
// not there, nor where the disk can't answer now.
inline bool is_unreadable(const Error& error) {
  return error.code() == ErrorCode::kInvalid || error.code() == ErrorCode::kDenied;
}

// read: a function of its text, to a Result. kNotFound: there is none.
template <class F>
auto read_record(Disk& disk, const Path& file, F read) -> decltype(read(std::string{})) {
  const auto text = read_file(disk, file, kLargestRecord);
  if (!text) return text.error();
  return read(*text);
}

// The first `limit` bytes of a file, or all of a smaller one.
inline Result<std::string> beginning_of(Disk& disk, const Path& path, std::size_t limit) {
  DRAY_TRY(const auto file, disk.open(path, Mode::kRead));
  std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(file->size(), limit)), '\0');
  DRAY_TRY(const std::size_t n, file->read(0, std::as_writable_bytes(std::span{text.data(), text.size()})));
  text.resize(n);
  return text;
}

// Beside `file` as "<file>.bad", before something else takes its place: a record that is there and that `read` can't read;
// of one that is too large its beginning. A copy, so that a power cut never leaves none; what can't even be opened (a
// folder in its place) is moved. What can be read, or is not there, is left alone.
template <class F>
Result<> keep_unreadable(Disk& disk, const Path& file, F read) {
  const auto record = read_record(disk, file, read);
  if (record || !is_unreadable(record.error())) return {};
  const auto text = beginning_of(disk, file, kLargestRecord);
  return text ? replace_file(disk, file + ".bad", *text) : disk.rename(file, file + ".bad");
}

}  // namespace dray::agent
