// Where an artifact's bytes are in the data folder.
#pragma once

#include "base/digest.h"
#include "ports/disk.h"

namespace dray::server {

inline Path part_path(const Sha256& sha) { return "uploads/" + sha.hex(); }
inline Path blob_path(const Sha256& sha) { return "blobs/" + sha.hex(); }
// Bytes that are not what they were: kept until the artifact was uploaded again.
inline Path damaged_path(const Sha256& sha) { return "damaged/" + sha.hex(); }

inline constexpr std::uint64_t kRehashPiece = 8 << 20;  // others use the same worker

}  // namespace dray::server
