#include "wire/page.h"

#include <algorithm>
#include <array>

namespace dray::wire {
namespace {

// Not "<" alone: an update may be XML.
constexpr std::array<std::string_view, 10> kBegins{"<!doctype", "<html", "<!--", "<head", "<body", "<title", "<meta", "<script", "<h1", "<center"};

bool begins_with(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
}

}  // namespace

bool has_page_type(std::string_view content_type) { return begins_with(content_type, "text/html"); }

Beginning beginning_of(std::string_view bytes) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (bytes.size() < kMark.size() && kMark.starts_with(bytes)) return Beginning::kOpen;
  if (bytes.starts_with(kMark)) bytes.remove_prefix(kMark.size());
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == bytes.npos) return Beginning::kOpen;
  bytes.remove_prefix(first);
  bool open = false;
  for (const std::string_view begin : kBegins) {
    if (begins_with(bytes, begin)) return Beginning::kPage;
    open = open || (bytes.size() < begin.size() && begins_with(bytes, begin.substr(0, bytes.size())));
  }
  return open ? Beginning::kOpen : Beginning::kOther;
}

bool is_page(std::string_view content_type, std::string_view body) {
  return has_page_type(content_type) && beginning_of(body.substr(0, kPageShows)) == Beginning::kPage;
}

}  // namespace dray::wire
