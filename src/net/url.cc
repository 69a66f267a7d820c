#include "net/url.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace dray::net {

namespace {

Error bad(std::string_view url, std::string_view why) {
  return Error{ErrorCode::kInvalid, "URL \"" + clean_text(url, 200) + "\": " + std::string{why}};
}

bool is_graphic(char c) { return c > ' ' && c < 0x7f; }

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), is_graphic))
    return bad(text, "blanks and control characters must be escaped");
  auto mark = text.find("://");
  if (mark == text.npos) return bad(text, "not absolute, it should begin with http://");
  auto scheme = lower_ascii(text.substr(0, mark));
  if (scheme == "https") return bad(text, "https is not supported by this build");
  if (scheme != "http") return bad(text, "only http is known");

  auto rest = text.substr(mark + 3);
  rest = rest.substr(0, rest.find('#'));
  auto authority = rest.substr(0, rest.find_first_of("/?"));
  auto target = rest.substr(authority.size());
  if (authority.find('@') != authority.npos) return bad(text, "user information does not belong into a URL");

  Url url;
  auto host = authority, port = std::string_view{};
  if (authority.starts_with('[')) {
    auto end = authority.find(']');
    if (end == authority.npos) return bad(text, "an IPv6 address ends with ]");
    host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && port.front() != ':') return bad(text, "a port follows after a colon");
  } else if (auto colon = authority.find(':'); colon != authority.npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (host.empty()) return bad(text, "the host is missing");
  if (port.size() > 1) {
    auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
    if (error != std::errc{} || end != port.data() + port.size() || url.port == 0)
      return bad(text, "no such port");
  }
  url.host = lower_ascii(host);
  url.authority = lower_ascii(authority);
  url.target =
      target.starts_with('?') ? "/" + std::string{target} : std::string{target.empty() ? "/" : target};
  return url;
}

}  // namespace dray::net
