// The pieces of JSON that several messages write the same way. Pure.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "core/model/plan.h"
#include "wire/json.h"

namespace dray::wire {

inline json::array encode_strings(const std::vector<std::string>& items) {
  json::array out;
  for (const auto& item : items) out.emplace_back(item);
  return out;
}

// What devices say about themselves, or a foreign plan about them: cleaned and cut, as every reader takes it.
inline json::object encode_attributes(const std::map<std::string, std::string>& items) {
  json::object out;
  for (const auto& [key, value] : items)
    out[clean_characters(key, kLongestAttribute)] = clean_characters(value, kLongestAttribute);
  return out;
}
inline std::map<std::string, std::string> decode_attributes(const Node& node) {
  std::map<std::string, std::string> out;
  node.members([&](std::string_view key, const Node& n) {
    out[clean_characters(key, kLongestAttribute)] = n.cleaned_characters(kLongestAttribute);
  });
  return out;
}

// Never above what readers take.
inline std::uint64_t at_most(std::uint64_t number, std::int64_t most) {
  return std::min(number, static_cast<std::uint64_t>(most));
}

inline json::object encode_map(const std::map<std::string, std::string>& items) {
  json::object out;
  for (const auto& [key, value] : items) out[key] = value;
  return out;
}

inline json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value{} : json::value(text);
}

inline json::value time_or_null(const std::optional<WallTime>& time) {
  return time ? json::value(to_rfc3339(*time)) : json::value{};
}

inline std::optional<WallTime> maybe_time(const Node& n, std::string_view key) {
  const auto node = n.maybe(key);
  return node ? std::optional{node->time()} : std::nullopt;
}

inline json::array encode_rates(const std::vector<core::RateLimit>& limits) {
  json::array out;
  for (const core::RateLimit& l : limits)
    out.push_back({{"from", to_rfc3339(l.from)}, {"to", to_rfc3339(l.to)}, {"rate", at_most(l.rate, kMostRate)}});
  return out;
}

}  // namespace dray::wire
