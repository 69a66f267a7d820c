// What the server says where it does not do what was asked, for the log and the site's people.
#pragma once

#include <string>

#include "base/text.h"
#include "ports/http.h"
#include "wire/json.h"
#include "wire/page.h"

namespace dray::gateway {

inline bool is_page(const TextResponse& answer) { return wire::is_page(answer.headers.get("Content-Type"), answer.body); }
inline constexpr std::string_view kPageInstead =
    "a page for people came where the server's answer was due: somebody on the way answers (a portal that wants a sign-in, a proxy)";

// "status 503", and the detail of its problem document where there is one, cleaned and cut.
inline std::string status_and_detail(const TextResponse& answer) {
  constexpr std::size_t kLongest = 500;
  std::string out = "status " + std::to_string(answer.status);
  if (is_page(answer)) return out + ": " + std::string{kPageInstead};
  const auto parsed = wire::parse_sloppy_json(answer.body);
  const auto* problem = parsed ? parsed->if_object() : nullptr;
  const auto* detail = problem == nullptr ? nullptr : problem->if_contains("detail");
  if (detail != nullptr && detail->is_string()) out += ": " + clean_text(detail->get_string(), kLongest);
  return out;
}

}  // namespace dray::gateway
