// Sizes and rates as people write them: "10 GB", "512 KiB", "2 MB/s", "8 Mbit/s".
// k, M, G, T are powers of 1000, Ki, Mi, Gi, Ti of 1024; a space before the unit is optional.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace dray::adapters {

Result<Bytes> parse_bytes(std::string_view text);
Result<BytesPerSecond> parse_rate(std::string_view text);

// True where a person who typed `typed` may have meant `known`: few letters inserted, left out or swapped.
bool is_near(std::string_view typed, std::string_view known);

}  // namespace dray::adapters
