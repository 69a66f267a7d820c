#include <set>

#include "core/rollout/rollout.h"
#include "sim/fleet/checks/checks.h"
#include "wire/gateway_api.h"

namespace dray::sim::fleet {
namespace {

// What the server says of a job is what its gateway reported last, the first final state being the last word. Told
// by the bodies that the server acknowledged, against its database.
class Fold final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "fold"; }
  bool heeds(Who who) const override { return who == Who::kOurs || who == Who::kTwinGateway; }

  void asked(const Call& call, const HttpRequest&) override {
    if (call.kind == Kind::kReports) ++sites_[call.gateway].on_their_way;
  }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kReports) return;
    Site& site = sites_[call.gateway];
    --site.on_their_way;
    news_ = true;
    if (response.status != 200) {
      site.unsure = true;  // it may be in the database all the same
      return;
    }
    const auto reports = wire::decode_reports(call.x.uploaded);
    if (!reports) return complain(call.gateway, "the server acknowledged what can't be read");
    for (const wire::Report& report : *reports) take(site, report);
    site.unsure = false;
    site.changed = true;
  }

  void crashed(Node& node) override {
    if (node.name() != "server") return;
    news_ = true;
    for (auto& [name, site] : sites_) {
      site.unsure = site.unsure || site.on_their_way > 0;
      site.on_their_way = 0;
      site.changed = true;
    }
  }

  void step() override {
    if (!std::exchange(news_, false)) return;  // asked after every handler
    for (auto& [name, site] : sites_) {
      if (!site.changed || site.on_their_way > 0 || site.unsure) continue;
      server::Lists* lists = scene_.lists();
      if (lists == nullptr) {
        news_ = true;
        return;
      }
      site.changed = false;
      for (const std::string& job : std::exchange(site.dirty, {})) compare(site, job, *lists);
    }
  }

  void ended() override {
    for (auto& [name, site] : sites_)
      for (const auto& [job, told] : site.jobs) site.dirty.insert(job);
    for (auto& [name, site] : sites_) site.changed = true;
    news_ = true;
    step();
  }

 private:
  struct Told {
    core::ReportsSeen place;
    core::JobState state{};
  };
  struct Site {
    int on_their_way = 0;
    bool unsure = false, changed = false;
    core::ReportsSeen seen;
    std::map<std::string, Told> jobs;
    std::set<std::string> dirty;
  };

  void take(Site& site, const wire::Report& report) {
    const core::ReportsSeen place{report.epoch, report.seq};
    if (place <= site.seen) return;  // doubled or late: it says nothing
    site.seen = place;
    const auto* job = std::get_if<wire::JobReport>(&report.body);
    if (job == nullptr) return;
    Told& told = site.jobs[job->job.value()];
    site.dirty.insert(job->job.value());
    if (core::is_final(told.state)) return;
    told = {place, job->state};
  }

  void compare(Site& site, const std::string& job, server::Lists& lists) {
    judged();
    const auto view = lists.job(JobId{job});
    if (!view) return complain(job, "the server does not know it: " + view.error().message());
    const core::JobState has = view->result.state, told = site.jobs.at(job).state;
    if (has != told) complain(job, "the server says " + std::string{to_string(has)} + ", its gateway reported " + std::string{to_string(told)});
  }

  std::map<std::string, Site> sites_;
  bool news_ = false;  // since the last step
};

}  // namespace

std::unique_ptr<Check> make_fold(Scene& scene) { return std::make_unique<Fold>(scene); }

}  // namespace dray::sim::fleet
