#include "base/error.h"

namespace dray {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return "invalid";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kConflict: return "conflict";
    case ErrorCode::kDenied: return "denied";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kExhausted: return "exhausted";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kStopped: return "stopped";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

}  // namespace dray
