// What the server says where it does not do what was asked, for the log and the site's people.
#pragma once

#include <string>

#include "base/text.h"
#include "ports/http.h"
#include "wire/json.h"

namespace dray::gateway {

// "status 503", and the detail of its problem document where there is one, cleaned and cut.
inline std::string status_and_detail(const TextResponse& answer) {
  constexpr std::size_t kLongest = 500;
  std::string out = "status " + std::to_string(answer.status);
  const auto parsed = wire::parse_sloppy_json(answer.body);
  const auto* problem = parsed ? parsed->if_object() : nullptr;
  const auto* detail = problem == nullptr ? nullptr : problem->if_contains("detail");
  if (detail != nullptr && detail->is_string()) out += ": " + clean_text(detail->get_string(), kLongest);
  return out;
}

}  // namespace dray::gateway
