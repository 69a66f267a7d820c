#include "gateway/local_guard.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "base/text.h"

namespace dray::gateway {
namespace {

constexpr std::size_t kLongestShown = 100;

std::string lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return c < 0x80 ? std::tolower(c) : c; });
  return out;
}

// "gw.example:8091" without its port and the dot at its end; an IPv6 address without its brackets.
std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) return std::string{authority.substr(1, authority.find(']') - 1)};
  std::string_view host = authority.substr(0, authority.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return lower(host);
}

bool is_our_name(std::string_view authority, const std::vector<std::string>& names) {
  const std::string host = host_of(authority);
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  if (!error) return true;
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return host_of(name) == host; });
}

bool follows_a_link(const HttpRequest& request) {
  return (request.method == Method::kGet || request.method == Method::kHead) && lower(request.headers.get("Sec-Fetch-Mode")) == "navigate";
}

}  // namespace

std::optional<std::string> foreign_page(const HttpRequest& request, const std::vector<std::string>& names) {
  const std::string host{request.headers.get("Host")};
  if (!host.empty() && !is_our_name(host, names))
    return "Host: '" + clean_text(host, kLongestShown) + "' is no name of this gateway; local_names in its configuration lists those that it has";
  if (lower(request.headers.get("Sec-Fetch-Site")) == "cross-site" && !follows_a_link(request))
    return "only pages of this gateway may ask here";
  if (request.method == Method::kGet || request.method == Method::kHead) return {};
  const auto origin = request.headers.find("Origin");
  if (!origin) return {};
  const auto scheme = origin->find("://");
  if (scheme == std::string_view::npos || lower(origin->substr(scheme + 3)) != lower(host)) return "only pages of this gateway may act here";
  return {};
}

}  // namespace dray::gateway
