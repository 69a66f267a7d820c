// Streams a file to the server: resumed where it was cut, at constant memory, hashed here first so that what arrives is what
// was meant.
#pragma once

#include <functional>

#include "ctl/api.h"
#include "ports/disk.h"

namespace dray::ctl {

// Called now and then with what the server has; for a progress bar.
using Progress = std::function<void(std::string_view doing, std::uint64_t done, std::uint64_t total)>;

// The file's SHA-256, read in pieces.
Result<Sha256> hash_file(const File& file, const Progress& progress);
// Uploads until the server holds all bytes; a broken connection is taken up again where the server says, up to ten times
// without any progress. kConflict, kCorrupt (the bytes changed meanwhile), kExhausted (too large, disk full).
Task<Result<>> upload(Api& api, Clock& clock, std::shared_ptr<const File> file, Sha256 sha256, Progress progress);

}  // namespace dray::ctl
