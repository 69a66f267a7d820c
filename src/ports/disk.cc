#include "ports/disk.h"

namespace dray {

Result<std::string> read_file(Disk& disk, const Path& path, std::size_t limit) {
  DRAY_TRY(const auto file, disk.open(path, Mode::kRead));
  if (file->size() > limit)
    return Error{ErrorCode::kInvalid, path + " is larger than " + std::to_string(limit) + " bytes"};
  std::string text(static_cast<std::size_t>(file->size()), '\0');
  DRAY_TRY(const std::size_t n, file->read(0, std::as_writable_bytes(std::span{text.data(), text.size()})));
  text.resize(n);
  return text;
}

Result<> replace_file(Disk& disk, const Path& path, std::string_view text) {
  const Path temporary = path + ".tmp";
  {
    DRAY_TRY(const auto file, disk.open(temporary, Mode::kTruncate));
    DRAY_CHECK(file->write(0, as_bytes(text)));
    DRAY_CHECK(file->sync());
  }
  DRAY_CHECK(disk.rename(temporary, path));
  const auto slash = path.rfind('/');
  return disk.sync_dir(slash == Path::npos ? Path{} : path.substr(0, slash));
}

}  // namespace dray
