// Fields of HTTP that more than one part reads: entity tags, dates, Retry-After (RFC 9110). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace dray::wire {

// Without the spaces and tabs around it.
std::string_view trimmed(std::string_view text);

// Weak comparison of two entity tags (section 8.8.3.2): W/"7" and "7" are the same. For "is it the same revision?".
bool same_tag(std::string_view a, std::string_view b);
// If-None-Match: one of its tags is `etag`, compared weakly, or it is "*".
bool none_match(std::string_view if_none_match, std::string_view etag);

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate).
Result<WallTime> parse_http_date(std::string_view text);
std::string to_http_date(WallTime time);

// Whether a Host header holds a host, with or without a port, and nothing else: what is in it goes into addresses that we
// give. Letters that are not ASCII pass (they are escaped there); a slash, a quote, a user or a blank do not.
bool is_host(std::string_view host);

// Whether two absolute http or https URLs have the same scheme, host and port (RFC 6454), however they are written
// ("HTTP://gw:80/a" and "http://GW/b"). False where one of them is not clear, so that nothing is given away by it.
bool same_origin(std::string_view a, std::string_view b);

inline constexpr Duration kLongestRetryAfter{3'600'000};  // whoever says more is asked after an hour
// Seconds or a date, within [0, kLongestRetryAfter]; nothing where it is neither.
std::optional<Duration> parse_retry_after(std::string_view text, WallTime now);

}  // namespace dray::wire
