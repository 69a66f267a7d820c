// The gateways that call with a site's token.
#include "base/time.h"
#include "session.h"

namespace dray::ctl {

Task<Result<>> list_gateways(Session& session, std::string site) {
  const std::string path = "/sites/" + encoded(site);
  const auto answer = co_await session.api.get(path);
  if (!answer) co_return answer.error();
  json::array gateways = answer->at("gateways").as_array();
  if (!session.as_json)
    for (json::value& one : gateways)
      one.as_object()["heard"] = say_span(std::chrono::seconds{one.at("age").to_number<std::int64_t>()}) + " ago";
  session.print_list({{"INSTANCE", "instance"},
                      {"STATE", "state"},
                      {"HEARD", "heard"},
                      {"ROLE", "role"},
                      {"SINCE", "since"},
                      {"REFUSED SINCE", "refused_since"}},
                     gateways);
  co_return Result<>{};
}

}  // namespace dray::ctl
