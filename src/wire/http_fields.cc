#include "wire/http_fields.h"

#include <algorithm>
#include <array>
#include <boost/url/ipv6_address.hpp>
#include <cstdint>
#include <cstdio>

#include "base/text.h"

namespace dray::wire {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

// "http://gw:80": empty where the text is no such URL, names a user, or has a port that is no number.
std::string origin_of(std::string_view url) {
  const std::size_t mark = url.find("://");
  if (mark == std::string_view::npos) return {};
  const std::string scheme = lower_ascii(url.substr(0, mark));
  if (scheme != "http" && scheme != "https") return {};
  const std::string_view rest = url.substr(mark + 3);
  std::string host = lower_ascii(rest.substr(0, rest.find_first_of("/?#\\")));
  if (host.empty() || std::any_of(host.begin(), host.end(), [](char c) { return c <= ' ' || c >= 0x7f || c == '@' || c == '%'; })) return {};
  const std::size_t end = host.starts_with('[') ? host.find(']') : 0;
  if (end == std::string::npos) return {};
  const std::size_t colon = host.find(':', end);
  std::string port = colon == std::string::npos ? std::string{} : host.substr(colon + 1);
  if (colon != std::string::npos) host.resize(colon);
  if (!std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) return {};
  port.erase(0, std::min(port.find_first_not_of('0'), port.size()));
  if (port.empty()) port = scheme == "http" ? "80" : "443";
  if (host.ends_with('.')) host.pop_back();
  return host.empty() ? std::string{} : scheme + "://" + host + ":" + port;
}

std::string_view opaque(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  return tag;
}

// Without the name of an interface behind it ("%25eth0", or "%eth0").
bool is_ipv6(std::string_view text) {
  return boost::urls::parse_ipv6_address(text.substr(0, text.find('%'))).has_value();
}

}  // namespace

bool is_host(std::string_view host) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_plain = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
  };
  const bool literal = host.starts_with('[');
  const std::size_t end = literal ? host.find(']') : std::min(host.find(':'), host.size());
  if (end == std::string_view::npos) return false;
  const std::string_view name = host.substr(literal ? 1 : 0, literal ? end - 1 : end), rest = host.substr(literal ? end + 1 : end);
  const auto fits = [&](char c) {
    return is_plain(c) || (literal ? c == ':' || c == '%' : static_cast<unsigned char>(c) >= 0x80);
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), fits)) return false;
  if (literal && !is_ipv6(name)) return false;
  if (rest.empty()) return true;
  if (rest.front() != ':' || rest.size() > 6 || !std::all_of(rest.begin() + 1, rest.end(), is_digit)) return false;
  constexpr unsigned kLastPort = 65'535;
  unsigned port = 0;
  for (const char digit : rest.substr(1)) port = port * 10 + static_cast<unsigned>(digit - '0');
  return port <= kLastPort;
}

bool same_origin(std::string_view a, std::string_view b) {
  const std::string mine = origin_of(a);
  return !mine.empty() && mine == origin_of(b);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same_tag(std::string_view a, std::string_view b) { return opaque(trimmed(a)) == opaque(trimmed(b)); }

bool none_match(std::string_view if_none_match, std::string_view etag) {
  for (;;) {
    const auto comma = if_none_match.find(',');
    const std::string_view one = trimmed(if_none_match.substr(0, comma));
    if (one == "*" || same_tag(one, etag)) return true;
    if (comma == std::string_view::npos) return false;
    if_none_match.remove_prefix(comma + 1);
  }
}

Result<WallTime> parse_http_date(std::string_view text) {
  const Error bad{ErrorCode::kInvalid, "'" + std::string{text.substr(0, 40)} + "' is not an HTTP date"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) return bad;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  if (month == kMonths.end()) return bad;
  const auto number = std::to_string(101 + (month - kMonths.begin())).substr(1);
  const std::string rfc3339 = std::string{text.substr(12, 4)} + "-" + number + "-" + std::string{text.substr(5, 2)} + "T" +
                              std::string{text.substr(17, 8)} + "Z";
  return parse_rfc3339(rfc3339);
}

std::string to_http_date(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day ymd{day};
  const std::chrono::hh_mm_ss hms{std::chrono::floor<std::chrono::seconds>(time - day)};
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                kDays[std::chrono::weekday{day}.c_encoding()].data(), static_cast<unsigned>(ymd.day()),
                kMonths[static_cast<unsigned>(ymd.month()) - 1].data(), static_cast<int>(ymd.year()),
                static_cast<int>(hms.hours().count()), static_cast<int>(hms.minutes().count()),
                static_cast<int>(hms.seconds().count()));
  return text;
}

std::optional<Duration> parse_retry_after(std::string_view text, WallTime now) {
  text = trimmed(text);
  if (text.empty()) return {};
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t seconds = 0;
    const std::int64_t most = kLongestRetryAfter.count() / 1'000;
    for (const char digit : text) seconds = std::min(most, seconds * 10 + (digit - '0'));
    return Duration{seconds * 1'000};
  }
  const auto date = parse_http_date(text);
  if (!date) return {};
  return std::clamp<Duration>(*date - now, Duration{0}, kLongestRetryAfter);
}

}  // namespace dray::wire
