#include "agent/installed.h"

#include <algorithm>

#include "base/text.h"
#include "wire/limits.h"

namespace dray::agent {
namespace {

// In lower case, as digests are written here; empty where it is none.
std::string hash_in(std::string_view text) {
  std::string out = clean_version(text, text.size());
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  return Sha256::parse(out) ? out : std::string{};
}

}  // namespace

core::Running installed_from(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  const auto version = [](std::string_view text) { return clean_version(text, wire::kLongestVersion); };
  if (const auto tab = line.find('\t'); tab != line.npos) return {version(line.substr(0, tab)), hash_in(line.substr(tab + 1))};
  const auto blank = line.rfind(' ');
  if (blank == line.npos) return {version(line), {}};
  std::string hash = hash_in(line.substr(blank + 1));
  if (hash.empty()) return {version(line), {}};
  return {version(line.substr(0, blank)), std::move(hash)};
}

}  // namespace dray::agent
