#include <chrono>

#include "sim/fleet/checks/checks.h"
#include "wire/gateway_api.h"

namespace dray::sim::fleet {
namespace {

// What the server says the time is goes on as time does, whatever the wall clock of its machine does: plans, expiries and
// every gateway's clock go by it.
class OneTime final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "one_time"; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kPlan || response.status != 200) return;
    const auto message = wire::decode_plan(std::get<std::string>(response.body));
    if (!message) return;
    judged();
    if (std::chrono::abs(message->server_time - scene_.now()) > kTolerance)
      complain("server", "tells " + call.gateway + " that it is " + to_rfc3339(message->server_time) + ", and it is " +
                             to_rfc3339(scene_.now()));
  }
};

}  // namespace

std::unique_ptr<Check> make_one_time(Scene& scene) { return std::make_unique<OneTime>(scene); }

}  // namespace dray::sim::fleet
