#include "adapters/zones/zones.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "adapters/zones/tzif.h"
#include "base/text.h"

namespace dray::adapters {
namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLargestFile = 1 << 20;

// Letters, digits, '_', '+', '-' between single slashes: no way out of the folder.
bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name.front() == '/' || name.back() == '/') return false;
  const std::string_view last = name.substr(name.rfind('/') + 1);
  if (last == "localtime" || last == "posixrules" || last == "Factory") return false;
  return name.find("//") == std::string_view::npos && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '+' || c == '-' || c == '/';
         });
}

}  // namespace

std::optional<Zones::Mark> Zones::mark_of(const std::filesystem::path& file) {
  struct stat is{};
  if (::stat(file.c_str(), &is) != 0 || !S_ISREG(is.st_mode)) return {};
  return Mark{is.st_dev, is.st_ino, static_cast<std::uint64_t>(is.st_size),
              is.st_ctim.tv_sec * 1'000'000'000 + is.st_ctim.tv_nsec};
}

Result<std::shared_ptr<const core::ZoneRules>> Zones::find(const std::string& name) {
  const Error unknown{ErrorCode::kInvalid,
                      "time zone '" + clean_text(name, kLongestName) +
                          "' is not in the tz database: use a name such as Europe/Berlin"};
  if (!is_zone_name(name)) return unknown;
  const auto mark = mark_of(folder_ / name);
  const auto known = known_.find(name);
  if (mark && known != known_.end() && known->second.mark == *mark) return known->second.rules;
  if (known != known_.end()) known_.erase(known);
  if (!mark) return unknown;
  std::ifstream file{folder_ / name, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  if (!bytes.starts_with("TZif") || bytes.size() > kLargestFile) return unknown;  // a list, not a zone
  DRAY_TRY(core::ZoneRules rules, read_tzif(name, as_bytes(bytes), until_));
  return known_.emplace(name, Known{*mark, std::make_shared<const core::ZoneRules>(std::move(rules))})
      .first->second.rules;
}

}  // namespace dray::adapters
