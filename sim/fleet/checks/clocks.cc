#include <algorithm>
#include <set>

#include "sim/fleet/checks/checks.h"
#include "wire/gateway_api.h"

namespace dray::sim::fleet {
namespace {

// What is planned for an instant comes at that instant, however often the gateway's clock was corrected before: what
// it tells a minute later does not say that a job still waits for an update time, or has not begun, which is over.
//
// Judged by what a gateway tells of its subjects, each with the time at which it was so, in order: where something of
// a later minute comes, what became of a job at its instant has come before.
class Punctual final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "punctual"; }

  void asked(const Call& call, const HttpRequest&) override {
    Gateway& gateway = gateways_[call.gateway];
    if (call.kind != Kind::kPlan || gateway.asked) return;
    gateway.asked = true;
    gateway.ahead = call.x.client.node->wall_error() > Duration{0};  // what it tells of that time comes later than it says
  }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind == Kind::kPlan && response.status == 200) planned(call, response);
    if (call.kind != Kind::kReports) return;
    Gateway& gateway = gateways_[call.gateway];
    if (response.status != 200) {
      const bool for_its_words = response.status == 400 || response.status == 413 || response.status == 422;
      gateway.in_parts = gateway.in_parts || for_its_words;  // from now on some may be told behind what is newer
      return;
    }
    const auto entries = wire::decode_entries(call.x.uploaded);
    if (!entries) return;
    gateway.in_parts = gateway.in_parts || !entries->bad.empty();
    const auto newest = take(gateway, entries->good);
    if (newest && !gateway.in_parts && !gateway.ahead && !scene_.goes_by_own_clock(call.gateway))
      judge(call.gateway, gateway, *newest);
  }

  void crashed(Node& node) override {
    const auto found = gateways_.find(node.name());
    if (found == gateways_.end()) return;
    found->second.asked = false;
  }
  // It says of jobs that have ended that they wait, and drops them without a word when it hears that they are over.
  void restored(Node& node) override { gateways_[node.name()].in_parts = true; }

 private:
  static constexpr Duration kMinute{60'000};
  struct Waits {
    bool for_time = false;
    std::optional<WallTime> until;
  };
  struct Gateway {
    core::ReportsSeen seen;
    std::map<std::string, Waits> waiting;  // jobs of which nothing has begun
    bool asked = false, ahead = false, in_parts = false;
  };

  // What is in no plan any more and has not begun is dropped without a word.
  void planned(const Call& call, const HttpResponse& response) {
    const auto message = wire::decode_plan(std::get<std::string>(response.body));
    if (!message) return;
    std::set<std::string> jobs;
    for (const core::Assignment& assignment : message->plan.assignments)
      for (const core::JobOrder& job : assignment.jobs) jobs.insert(job.id.value());
    std::erase_if(gateways_[call.gateway].waiting, [&](const auto& one) { return !jobs.contains(one.first); });
  }

  static bool waits(core::JobState state) { return core::is_waiting(state) && state != core::JobState::kIdle; }

  // When the newest of these was so; nothing where they are not news.
  std::optional<WallTime> take(Gateway& gateway, const std::vector<wire::Report>& reports) {
    std::optional<WallTime> newest;
    for (const wire::Report& report : reports) {
      const core::ReportsSeen place{report.epoch, report.seq};
      if (place <= gateway.seen) continue;  // told again
      gateway.seen = place;
      if (report.at <= scene_.now() + kTolerance) newest = std::max(newest.value_or(report.at), report.at);
      const auto* job = std::get_if<wire::JobReport>(&report.body);
      if (job == nullptr) continue;
      gateway.waiting.erase(job->job.value());
      if (waits(job->state)) gateway.waiting[job->job.value()] = {job->reason == "waiting_update_time", job->until};
    }
    return newest;
  }

  void judge(const std::string& site, const Gateway& gateway, WallTime newest) {
    // Since it was told the time it knows when what is.
    const WallTime told = kWallStart + scene_.told_time.at(site).time_since_epoch();
    const auto is_over = [&](WallTime at) { return newest > std::max(at, told) + kMinute; };
    judged();
    for (const auto& [job, how] : gateway.waiting) {
      const RolloutTruth* rollout = scene_.catalog.rollout_of_job(job);
      if (rollout == nullptr) continue;
      if (is_over(rollout->expires_at))
        return complain(site, "says at " + to_rfc3339(newest) + " that " + job + " waits, which expired at " +
                                  to_rfc3339(rollout->expires_at));
      if (how.for_time && how.until && is_over(*how.until))
        return complain(site, "says at " + to_rfc3339(newest) + " that " + job + " waits until " + to_rfc3339(*how.until));
    }
  }

  std::map<std::string, Gateway> gateways_;
};

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
std::unique_ptr<Check> make_punctual(Scene& scene) { return std::make_unique<Punctual>(scene); }

}  // namespace dray::sim::fleet
