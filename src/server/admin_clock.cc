// The server's clock, in the admin API.
#include <utility>

#include "server/admin_api.h"

namespace dray::server {

Task<HttpResponse> AdminApi::show_clock(Call& /*call*/) {
  co_return json_response(200, wire::encode(parts_.clock.shown()));
}

Task<HttpResponse> AdminApi::confirm_clock(Call& call) {
  const auto asked = wire::decode_why(call.body);
  if (!asked) co_return problem_response(asked.error());
  const wire::ClockView before = parts_.clock.shown();
  parts_.clock.confirm();
  parts_.log.warn("clock_confirmed", {{"by", asked->by},
                                      {"why", asked->why},
                                      {"before", to_rfc3339(before.now)},
                                      {"now", to_rfc3339(parts_.clock.wall())}});
  timetable_.notify();
  co_return co_await show_clock(call);
}

}  // namespace dray::server
