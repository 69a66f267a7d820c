// The gateways that call with a site's token.
#include "session.h"

namespace dray::ctl {

Task<Result<>> list_gateways(Session& session, std::string site) {
  const std::string path = "/sites/" + encoded(site);
  const auto answer = co_await session.api.get(path);
  if (!answer) co_return answer.error();
  session.print_list({{"INSTANCE", "instance"},
                      {"ROLE", "role"},
                      {"SINCE", "since"},
                      {"HEARD", "heard_at"},
                      {"REFUSED SINCE", "refused_since"}},
                     answer->at("gateways").as_array());
  co_return Result<>{};
}

}  // namespace dray::ctl
