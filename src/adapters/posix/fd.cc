#include "adapters/posix/fd.h"

#include <errno.h>
#include <unistd.h>

#include <system_error>

#include "base/text.h"

namespace dray::adapters {

namespace {

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
      return ErrorCode::kConflict;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::kExhausted;
    case EIO:
      return ErrorCode::kCorrupt;
    case EXDEV:  // RESOLVE_BENEATH: leads out of the root
    case ELOOP:
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG:
      return ErrorCode::kInvalid;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Error errno_error(int number, const std::string& what) {
  constexpr std::size_t kLongest = 4096;  // a path has any bytes but NUL
  return Error{code_of(number), clean_text(what + ": " + std::generic_category().message(number), kLongest)};
}

}  // namespace dray::adapters
