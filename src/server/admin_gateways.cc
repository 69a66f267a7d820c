// Which gateway answers for a site, in the admin API.
#include <utility>

#include "server/admin_api.h"

namespace dray::server {

Task<HttpResponse> AdminApi::replace_gateway(Call& call) {
  auto wish = wire::decode_replace(call.body);
  if (!wish) co_return problem_response(wish.error());
  std::string site = call.args[0];
  wire::NewReplace asked = std::move(*wish);
  const auto done = co_await instances_.replace(std::move(site), std::move(asked));
  if (!done) co_return problem_response(done.error());
  co_return co_await show_site(call);
}

}  // namespace dray::server
