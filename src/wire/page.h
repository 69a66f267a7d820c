// Pages for people: somebody on the way (a portal, a proxy) says something where a server of ours or an update was due. Pure.
#pragma once

#include <string_view>

namespace dray::wire {

// The Content-Type of one. Alone it says little: "text/html" is the default of many a server, also for an empty answer.
bool has_page_type(std::string_view content_type);

enum class Beginning { kPage, kOther, kOpen };  // kOpen: more bytes would tell
// Of a body: whether it begins as pages do, after blanks and a byte order mark.
Beginning beginning_of(std::string_view bytes);

inline constexpr std::size_t kPageShows = 512;  // so many bytes tell in any case

// A whole body, with its type.
bool is_page(std::string_view content_type, std::string_view body);

}  // namespace dray::wire
