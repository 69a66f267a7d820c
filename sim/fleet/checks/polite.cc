#include <algorithm>
#include <array>
#include <unordered_map>

#include "sim/fleet/checks/checks.h"

namespace dray::sim::fleet {
namespace {

// Nobody asks in a tight loop, and what has not changed is not sent again.
class Polite final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "polite"; }
  bool heeds(Who who) const override { return who != Who::kStranger; }

  void asked(const Call& call, const HttpRequest&) override { count(call); }
  void kept_from_server(const Call& call) override { count(call); }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kPlan && call.kind != Kind::kPoll) return;
    const auto known = call.x.headers.find("If-None-Match");
    if (!known) return;
    judged();
    if (response.status == 200 && response.headers.get("ETag") == *known)
      complain(call.x.client.node->name(), "was sent again what it has: " + call.x.path);
  }

 private:
  void count(const Call& call) {
    if (call.x.echo) return;
    if (call.kind == Kind::kAdmin || call.kind == Kind::kLocal) return;
    Count& count = counts_[call.x.client.node][static_cast<std::size_t>(call.kind)];
    const SteadyTime now = scene_.world.now();
    if (now - count.since > kSpan) count = {now, 0};
    const int most = call.kind == Kind::kReports ? kMostReports * devices_at(call.gateway) : kMost;
    if (++count.calls <= most) return;
    complain(call.x.client.node->name(), "asked " + std::to_string(most) + " times for " + call.x.path +
                                             " within a minute");
  }
  static constexpr Duration kSpan{60'000};
  static constexpr int kMost = 60;
  static constexpr int kMostReports = 15;  // for each device: one that is updated has much to tell
  int devices_at(const std::string& gateway) {
    int& known = devices_[gateway];
    const auto& devices = scene_.catalog.devices();
    if (known == 0)
      known = static_cast<int>(std::count_if(devices.begin(), devices.end(),
                                             [&](const auto& entry) { return entry.second.site == gateway; }));
    return known;
  }
  struct Count {
    SteadyTime since;
    int calls = 0;
  };
  std::unordered_map<const Node*, std::array<Count, kKinds>> counts_;  // looked up, never walked
  std::map<std::string, int> devices_;                                 // of each site
};

}  // namespace

std::unique_ptr<Check> make_polite(Scene& scene) { return std::make_unique<Polite>(scene); }

}  // namespace dray::sim::fleet
