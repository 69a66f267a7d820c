// A file descriptor that closes itself, and errno as an Error.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace dray::adapters {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_{fd} {}
  Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// "blobs/c1: No space left on device", sorted by what the caller can do about it.
Error errno_error(int number, const std::string& what);

}  // namespace dray::adapters
