#include "adapters/zones/zones.h"

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
  return name.find("//") == std::string_view::npos && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '+' || c == '-' || c == '/';
         });
}

}  // namespace

Result<std::shared_ptr<const core::ZoneRules>> Zones::find(const std::string& name) {
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  const Error unknown{ErrorCode::kInvalid,
                      "time zone '" + clean_text(name, kLongestName) +
                          "' is not in the tz database: use a name such as Europe/Berlin"};
  std::error_code ignored;
  if (!is_zone_name(name) || !std::filesystem::is_regular_file(folder_ / name, ignored)) return unknown;
  std::ifstream file{folder_ / name, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  if (!bytes.starts_with("TZif") || bytes.size() > kLargestFile) return unknown;  // a list, not a zone
  DRAY_TRY(core::ZoneRules rules, read_tzif(name, as_bytes(bytes), until_));
  return known_.emplace(name, std::make_shared<const core::ZoneRules>(std::move(rules))).first->second;
}

}  // namespace dray::adapters
