// What went wrong with the outside world, sorted by what the caller can do about it.
//
// Values, never thrown: functions that can fail return Result<T> (result.h). Expected outcomes of the
// domain (a device says "busy") are not errors. Exceptions are left for bugs and for start-up.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace dray {

enum class ErrorCode {
  kInvalid,      // the input is wrong; the same call will fail again
  kNotFound,     // no such thing
  kConflict,     // exists already, or changed meanwhile
  kDenied,       // not allowed
  kUnavailable,  // the other side can't now; retry later
  kTimeout,      // no answer in time; retry later
  kExhausted,    // disk or quota is full
  kCorrupt,      // bytes are not what they should be: discard and fetch anew
  kStopped,      // we were asked to stop; no fault of anybody
  kInternal,     // our own mistake
};

std::string_view to_string(ErrorCode code);

class Error {
 public:
  Error() = default;
  Error(ErrorCode code, std::string message) : code_{code}, message_{std::move(message)} {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // Error{kCorrupt, "sha256 differs"}.with_context("artifact c1..") says "artifact c1..: sha256 differs".
  Error with_context(std::string_view what) const {
    return Error{code_, std::string{what} + ": " + message_};
  }

 private:
  ErrorCode code_ = ErrorCode::kInternal;
  std::string message_;
};

// True where the same call may succeed later without anybody changing anything.
constexpr bool is_transient(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout;
}

}  // namespace dray
