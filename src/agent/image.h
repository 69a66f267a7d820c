// Bytes of software on a disk: written so that they are there after a power cut, read back before they are
// believed, and asked for their own version where the format has one. Synchronous: on a worker.
#pragma once

#include <atomic>
#include <string>

#include "base/digest.h"
#include "ports/disk.h"

namespace dray::agent {

using Stopping = std::atomic<bool>;  // set on the loop, looked at between pieces

// The folder that it is in; empty where there is none.
Path parent_of(const Path& path);

// make_dir, and every folder on the way is synced.
Result<> make_dir_durable(Disk& disk, const Path& path);
// unlink; fine where there is nothing.
Result<> unlink_if_there(Disk& disk, const Path& path);

struct Digested {
  Sha256 sha256;
  std::uint64_t size = 0;
};
// All of a file; kNotFound, kStopped.
Result<Digested> digest_of(Disk& disk, const Path& path, const Stopping& stopping);

// Copies, syncs, reads back what the medium holds (not the page cache, where the disk has one) and compares
// with what was to be written. kCorrupt: the source or the medium is wrong. The folder of `to` must be there;
// its name is synced.
struct CopyJob {
  Disk& from_disk;
  Path from;
  Disk& to_disk;
  Path to;
  Sha256 sha256;
};
Result<> copy_verified(const CopyJob& job, const Stopping& stopping);

// A Linux kernel image says its version itself: the boot protocol's kernel_version, up to the first blank
// (Documentation/arch/x86/boot.rst: "HdrS" at 0x202, pointer at 0x20E, relative to 0x200). Empty: another
// format.
std::string version_in(const File& file);

}  // namespace dray::agent
