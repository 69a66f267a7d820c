#include <set>

#include "core/rollout/rollout.h"
#include "sim/fleet/checks/checks.h"
#include "wire/json.h"

namespace dray::sim::fleet {
namespace {

// What was acknowledged to people is there in the end: a rollout that the server made, a cancel that it or a
// gateway took. A cancel ends its job as cancelled, unless the job had ended or the device says "too late".
class Remembered final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "remembered"; }

  void answered(const Call& call, const HttpResponse& response) override {
    constexpr std::string_view kJobs = "/api/v1/jobs/", kCancel = "/cancel";
    if (call.kind != Kind::kAdmin && call.kind != Kind::kLocal) return;
    if (call.x.method != Method::kPost) return;
    const std::string& path = call.x.path;
    if (response.status == 200 && path.starts_with(kJobs) && path.ends_with(kCancel))
      cancels_[path.substr(kJobs.size(), path.size() - kJobs.size() - kCancel.size())] = call.gateway;
    if (path == "/api/v1/rollouts" && (response.status == 200 || response.status == 201)) {
      const auto made = wire::parse_json(std::get<std::string>(response.body));
      rollouts_.insert(std::string{made->at("id").as_string()});
    }
  }

  void restored(Node& node) override {
    std::erase_if(cancels_, [&](const auto& entry) { return entry.second == node.name(); });
  }

  void ended() override {
    server::Lists* lists = scene_.lists();
    if (lists == nullptr) return complain("server", "is not there in the end");
    for (const std::string& id : rollouts_) {
      judged();
      if (!lists->rollout(RolloutId{id})) complain("server", "made rollout " + id + " and knows nothing of it");
    }
    for (const auto& [job, gateway] : cancels_) {
      judged();
      const auto view = lists->job(JobId{job});
      if (!view) return complain(job, "was cancelled, and the server does not know it");
      const core::JobResult& result = view->result;
      const bool stopped = result.state == core::JobState::kCancelled || result.state == core::JobState::kExpired;
      if (!stopped && result.cancel_answer != "too_late")
        complain(job, "was to be cancelled" + (gateway.empty() ? "" : " at " + gateway) + ", is " + std::string{to_string(result.state)} +
                          " and says nothing of a cancel");
    }
  }

 private:
  std::map<std::string, std::string> cancels_;  // job -> the gateway that took it, or "": the server
  std::set<std::string> rollouts_;
};

}  // namespace

std::unique_ptr<Check> make_remembered(Scene& scene) { return std::make_unique<Remembered>(scene); }

}  // namespace dray::sim::fleet
