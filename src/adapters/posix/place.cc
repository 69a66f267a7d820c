#include "adapters/posix/place.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>

#include "adapters/posix/fd.h"
#include "base/text.h"

namespace dray::adapters {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestText = 256, kMostCards = 16;

std::string first_word(const fs::path& file) {
  std::ifstream in{file};
  std::string word;
  in >> word;
  std::string out;
  for (const char c : word.substr(0, kLongestText))
    if (c > 0x20 && c < 0x7f) out += c;
  return out;
}

// Addresses that a card was made with: those that software gave (bridges, containers, bonds) are no part of a machine.
void add_cards(const fs::path& root, std::set<std::string>& out) {
  std::error_code ignored;
  for (const auto& card : fs::directory_iterator{root / "sys/class/net", ignored}) {
    if (out.size() >= kMostCards) return;
    if (!fs::exists(card.path() / "device", ignored) || first_word(card.path() / "addr_assign_type") != "0") continue;
    const std::string address = first_word(card.path() / "address");
    if (!address.empty() && address != "00:00:00:00:00:00") out.insert("mac " + address);
  }
}

}  // namespace

Result<core::Place> find_place(const fs::path& folder, const fs::path& root) {
  core::Place out;
  std::error_code error;
  out.path = clean_name(fs::canonical(folder, error).string());  // it is kept as text: any bytes must come back from there
  struct stat seen {};
  if (error || ::stat(folder.c_str(), &seen) != 0) return errno_error(error ? error.value() : errno, folder.string());
  out.device = seen.st_dev;
  out.inode = seen.st_ino;
  out.machine = first_word(root / "etc/machine-id");
  for (const char* file : {"sys/class/dmi/id/product_uuid", "sys/class/dmi/id/board_serial", "proc/device-tree/serial-number"}) {
    const std::string number = first_word(root / file);
    if (!number.empty()) out.hardware.insert(fs::path{file}.filename().string() + " " + number);
  }
  add_cards(root, out.hardware);
  return out;
}

}  // namespace dray::adapters
