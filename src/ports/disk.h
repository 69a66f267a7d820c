// Files below one root. Synchronous: called on a worker, never on the loop.
//
// Durability is explicit, as on a real disk: written bytes are safe after File::sync(); a created, renamed or
// removed name is safe after sync_dir() of its folder. Paths are relative to the root, with '/'; a path that
// is absolute or holds ".." is kInvalid.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace dray {

using Path = std::string;

struct File {
  virtual ~File() = default;
  // Bytes read, fewer than asked only at the end of the file.
  virtual Result<std::size_t> read(std::uint64_t at, std::span<std::byte> out) const = 0;
  // All or an error (kExhausted: disk full; a part may have been written). Writing past the end extends.
  virtual Result<> write(std::uint64_t at, ByteView bytes) = 0;
  virtual Result<> sync() = 0;
  virtual std::uint64_t size() const = 0;
  virtual int fd() const { return -1; }  // for sendfile; -1 in the simulator
};

enum class Mode {
  kRead,      // must exist
  kWrite,     // read and write, created where missing
  kTruncate,  // read and write, emptied
};

struct Disk {
  virtual ~Disk() = default;
  virtual Result<std::shared_ptr<File>> open(Path path, Mode mode) = 0;
  virtual Result<> rename(Path from, Path to) = 0;       // replaces `to`; atomic
  virtual Result<> unlink(Path path) = 0;                // file, symlink or empty folder; kNotFound
  virtual Result<> make_dir(Path path) = 0;              // with parents; fine where it exists
  virtual Result<> symlink(Path to, Path at) = 0;        // kConflict where `at` exists
  virtual Result<Path> read_link(Path path) = 0;
  virtual Result<> sync_dir(Path path) = 0;              // "" or "." = the root
  virtual Result<std::vector<std::string>> list(Path path) = 0;  // names, sorted; kNotFound
  virtual std::uint64_t free_bytes() const = 0;
};

// Whole-file helpers over the interface above, for small documents.
Result<std::string> read_file(Disk& disk, const Path& path, std::size_t limit);
// Write to a temporary name, sync, rename, sync the folder: old or new after a power cut, never a mix.
Result<> replace_file(Disk& disk, const Path& path, std::string_view text);

}  // namespace dray
