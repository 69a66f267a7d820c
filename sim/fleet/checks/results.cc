#include <algorithm>
#include <set>

#include "core/rollout/rollout.h"
#include "sim/fleet/checks/checks.h"
#include "wire/ddi_client.h"
#include "wire/gateway_api.h"
#include "wire/json.h"

namespace dray::sim::fleet {
namespace {

// Calls `f` with each job report that a gateway sends, doubled ones included.
template <class F>
void each_job_report(const Call& call, F f) {
  const auto reports = wire::decode_reports(call.x.uploaded);
  if (!reports) return;
  for (const wire::Report& report : *reports)
    if (const auto* job = std::get_if<wire::JobReport>(&report.body)) f(report, *job);
}

bool has(const Active& active, const Image& image) {
  const auto found = active.images.find(image.component);
  return found != active.images.end() && found->second == &image;
}

// After a device accepted a cancel, the bytes of that action do not become active, and are not so already.
class Cancelled final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "cancelled"; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (response.status != 200) return;
    const Key key{call.device, call.action};
    if (call.kind == Kind::kDeployment) {
      const auto order = wire::client::decode_deployment(std::get<std::string>(response.body), {});
      if (!order) return;
      images_[key].clear();
      for (const auto& part : order->order.parts)
        if (const Image* image = scene_.catalog.image(part.sha256.hex())) images_[key].push_back(image);
      newest_[call.device] = call.action;
    }
    if (call.kind == Kind::kCancelFeedback || call.kind == Kind::kFeedback) heard(call, key);
  }

  // It may ask for the cancel of what ended behind its backup, and is told that nothing is there.
  void restored(Node& node) override {
    std::erase_if(images_, [&](const auto& entry) {
      return scene_.catalog.device(entry.first.first).site == node.name();
    });
  }

  void looked(const std::string& device, const Active& before, const Active& now) override {
    for (const auto& [key, images] : images_) {
      if (key.first != device || !accepted_.contains(key)) continue;
      for (const Image* image : images)
        if (has(now, *image) && !has(before, *image) && !ordered_since(key, *image))
          complain(device, "switches to " + image->file + " of action " + std::to_string(key.second.value()) +
                               ", whose cancel it accepted");
    }
  }

 private:
  using Key = std::pair<std::string, ActionId>;

  void heard(const Call& call, const Key& key) {
    const auto said = wire::parse_json(call.x.uploaded);
    if (!said) return;
    const bool closed = said->at("status").at("execution") == "closed";
    const auto* dray = said->as_object().if_contains("dray");
    const bool here = dray != nullptr && dray->as_object().contains("answer") && dray->at("answer") == "cancelled";
    const bool there = call.kind == Kind::kCancelFeedback &&
                       said->at("status").at("result").at("finished") == "success";
    if (!closed || !(here || there) || !accepted_.insert(key).second) return;
    judged();
    const auto images = images_.find(key);
    if (images == images_.end()) return;
    for (const Image* image : images->second)
      if (has(scene_.active.at(call.device), *image) && !ran_before(call.device, *image))
        complain(call.device, "accepts the cancel of an action whose " + image->file + " is active");
  }
  // A later action orders the same image, so it may run.
  bool ordered_since(const Key& key, const Image& image) const {
    return std::any_of(images_.begin(), images_.end(), [&](const auto& entry) {
      return entry.first.first == key.first && entry.first.second > key.second &&
             std::find(entry.second.begin(), entry.second.end(), &image) != entry.second.end();
    });
  }
  // An earlier action or the factory had brought it.
  bool ran_before(const std::string& device, const Image& image) const {
    return std::any_of(images_.begin(), images_.end(), [&](const auto& entry) {
      return entry.first.first == device && !accepted_.contains(entry.first) &&
             std::find(entry.second.begin(), entry.second.end(), &image) != entry.second.end();
    });
  }

  std::map<Key, std::vector<const Image*>> images_;
  std::map<std::string, ActionId> newest_;
  std::set<Key> accepted_;
};

// A job that is reported as succeeded: its device has said so itself while exactly these bytes were active.
class Truth final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "truth"; }

  void asked(const Call& call, const HttpRequest&) override {
    if (call.kind == Kind::kConfigData) note(call.device);
  }
  void answered(const Call& call, const HttpResponse&) override {
    if (call.kind == Kind::kReports)
      each_job_report(call, [&](const wire::Report&, const wire::JobReport& job) { look(job); });
  }

 private:
  void note(const std::string& device) {
    for (const auto& [component, image] : scene_.active.at(device).images) ran_[device].insert(image);
  }
  void look(const wire::JobReport& job) {
    const std::string& id = job.job.value();
    if (job.state != "succeeded" || !judged_.insert(id).second) return;
    const RolloutTruth* rollout = scene_.catalog.rollout_of_job(id);
    if (rollout == nullptr) return complain(id, "is reported, and nobody has asked for it");
    judged();
    const std::string device = device_of_job(id);
    for (const Image* image : rollout->images)
      if (!ran_[device].contains(image))
        complain(device, id + " is reported as succeeded, and " + image->file + " never ran when it said what runs");
  }

  std::map<std::string, std::set<const Image*>> ran_;
  std::set<std::string> judged_;
};

// A final state never changes: in what people are told, and in what a gateway reports while it remembers.
class Monotonic final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "monotonic"; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kReports || response.status != 200) return;
    server::Lists* lists = scene_.lists();
    each_job_report(call, [&](const wire::Report& report, const wire::JobReport& job) {
      const std::string& id = job.job.value();
      Reported& before = reported_[id];
      const core::ReportsSeen place{report.epoch, report.seq};
      if (report.epoch == before.place.epoch && place > before.place && core::is_final(before.state) &&
          job.state != before.state)
        complain(id, "was reported as " + before.state + ", then as " + job.state);
      if (place > before.place) before = {place, job.state};
      if (lists != nullptr) look(id, *lists);
    });
  }

  void restored(Node& node) override {  // it does not remember
    std::erase_if(reported_, [&](const auto& entry) {
      return scene_.catalog.device(device_of_job(entry.first)).site == node.name();
    });
  }

 private:
  struct Reported {
    core::ReportsSeen place;
    std::string state;
  };
  void look(const std::string& id, server::Lists& lists) {
    const auto view = lists.job(JobId{id});
    if (!view) return;
    const std::string& has = view->result.state;
    std::string& ended = ended_[id];
    if (!ended.empty()) judged();
    if (!ended.empty() && has != ended) complain(id, "was " + ended + " and became " + has);
    if (core::is_final(has)) ended = has;
  }

  std::map<std::string, Reported> reported_;
  std::map<std::string, std::string> ended_;
};

}  // namespace

std::unique_ptr<Check> make_monotonic(Scene& scene) { return std::make_unique<Monotonic>(scene); }
std::unique_ptr<Check> make_cancelled(Scene& scene) { return std::make_unique<Cancelled>(scene); }
std::unique_ptr<Check> make_truth(Scene& scene) { return std::make_unique<Truth>(scene); }

}  // namespace dray::sim::fleet
