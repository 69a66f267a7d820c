// Whose pages may use the local API: a browser at the site runs pages of anybody, and the API asks for no password.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ports/http.h"

namespace dray::gateway {

// Why a request is not to be answered, as a sentence; nothing: it is. Three things are refused. A `Host` that is neither an
// IP address, nor localhost, nor one of `names`: a name that somebody else's DNS points here ("DNS rebinding") makes a
// foreign page the gateway's own in the eyes of a browser. A request that the browser says comes from another site
// (`Sec-Fetch-Site: cross-site`, W3C Fetch Metadata), but for a link that is followed to a page. And a change that
// is asked for by a page of another origin (`Origin`). Programs that are no browsers send none of these, and are answered.
std::optional<std::string> foreign_page(const HttpRequest& request, const std::vector<std::string>& names);

}  // namespace dray::gateway
