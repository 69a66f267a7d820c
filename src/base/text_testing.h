// What tests and fuzz targets of base/text.h share.
#pragma once

#include <string>
#include <string_view>

namespace dray::testing_text {

// The name that was outside before clean_name(), read off the clean one: clean_name() loses nothing, so two names never
// become one.
inline std::string name_outside(std::string_view clean) {
  const std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const auto high = i + 2 < clean.size() && clean[i] == '%' ? digits.find(clean[i + 1]) : std::string_view::npos;
    const auto low = high == std::string_view::npos ? high : digits.find(clean[i + 2]);
    if (low == std::string_view::npos) {
      out += clean[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace dray::testing_text
