// Files that only their owner may read: the tokens that programs read and write. And small files for others, that nobody
// can lead elsewhere. Any thread; each call blocks for a write or a read of a few bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "adapters/posix/fd.h"
#include "base/result.h"

namespace dray::adapters {

// The first line of `file`, without a byte order mark before it and blanks and a carriage return around it: what editors
// leave there is no part of a token. kDenied where others than its owner may read or write it; kInvalid where that line is
// empty, longer than 4,096 bytes or has a blank or a control character inside; kNotFound, ...
Result<std::string> read_secret(const std::filesystem::path& file);

// A file that was not there before, with mode 0600: made first, so that a secret which can be shown only once is asked for
// only where there is a place for it. What is never written is removed again.
class NewSecret {
 public:
  NewSecret() = default;  // no file: nothing to write to
  // kConflict where something of that name is there, a link included.
  static Result<NewSecret> make(std::filesystem::path file);
  NewSecret(NewSecret&& other) noexcept;
  NewSecret& operator=(NewSecret&& other) noexcept;
  ~NewSecret();

  explicit operator bool() const { return static_cast<bool>(fd_); }
  const std::filesystem::path& file() const { return file_; }
  // The line, synced. Once.
  Result<> write(std::string_view secret);

 private:
  NewSecret(std::filesystem::path file, Fd fd) : file_{std::move(file)}, fd_{std::move(fd)} {}

  std::filesystem::path file_;
  Fd fd_;
  bool written_ = false;
};

// `text` at `file`, readable by everybody: whole or as before, by a new file beside it whose name nobody can foresee. A link
// at `file` is replaced, not followed.
Result<> replace_public_file(const std::filesystem::path& file, std::string_view text);

}  // namespace dray::adapters
