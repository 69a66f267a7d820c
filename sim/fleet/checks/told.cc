#include <map>
#include <set>

#include "core/rollout/result.h"
#include "sim/fleet/checks/checks.h"
#include "wire/gateway_api.h"

namespace dray::sim::fleet {
namespace {

// Why an update is not done is told and stays told: beside an attempt that follows a failed one, and at an expiry. And a
// device that runs one step of an update and not yet the next is never held by a pause.
class IsTold final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "told"; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kReports || response.status != 200) return;
    const auto reports = wire::decode_reports(call.x.uploaded);
    if (!reports) return;
    for (const wire::Report& report : *reports)
      if (const auto* job = std::get_if<wire::JobReport>(&report.body)) look(*job);
  }

 private:
  void look(const wire::JobReport& job) {
    const std::string& id = job.job.value();
    const bool tried_again = core::is_tried_again(job.state, job.attempt);
    if (tried_again || job.state == core::JobState::kExpired) judged();
    if (tried_again && !job.cause) complain(id, "is tried again (attempt " + std::to_string(job.attempt) + "), and nobody is told why");
    if (job.state == core::JobState::kExpired && !job.cause) complain(id, "has expired, and nobody is told what it waited for");
    const bool is_moving = !core::is_waiting(job.state) && !core::is_final(job.state);
    if (is_moving) began_[id].insert(job.step);
    const auto began = began_.find(id);
    const bool runs_a_mix = began != began_.end() && *began->second.begin() < job.step;
    if (runs_a_mix && (job.reason == "paused" || job.reason == "failure_threshold"))
      complain(id, "is held by a pause between its steps, at step " + std::to_string(job.step));
  }

  std::map<std::string, std::set<std::int64_t>> began_;  // job -> steps in which its device was at work
};

}  // namespace

std::unique_ptr<Check> make_told(Scene& scene) { return std::make_unique<IsTold>(scene); }

}  // namespace dray::sim::fleet
