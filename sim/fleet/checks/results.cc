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

// After a device accepted a cancel, the bytes of that action do not become active, and are not so already. Nor do
// those of a job that is reported as cancelled before a byte of it was sent.
class Cancelled final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "cancelled"; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (response.status != 200) return;
    if (call.kind == Kind::kDeployment) {
      const auto order = wire::client::decode_deployment(std::get<std::string>(response.body), {});
      if (!order) return;
      Action& action = devices_[call.device].actions[call.action];
      action.images.clear();
      for (const auto& part : order->order.parts)
        if (const Image* image = scene_.catalog.image(part.sha256.hex())) action.images.push_back(image);
    }
    if (call.kind == Kind::kCancelFeedback || call.kind == Kind::kFeedback) heard(call);
    if (call.kind == Kind::kReports)
      each_job_report(call, [&](const wire::Report&, const wire::JobReport& job) { reported(job); });
  }

  void sent(const Call& call, bool upload, std::uint64_t bytes) override {
    if (!upload && bytes > 0 && call.kind == Kind::kLanImage) devices_[call.device].sent.insert(call.image);
  }

  // It may ask for the cancel of what ended behind its backup, and is told that nothing is there.
  void restored(Node& node) override {
    for (auto& [name, device] : devices_)
      if (scene_.catalog.device(name).site == node.name()) {
        for (auto& [id, action] : device.actions) action.images.clear();
        device.never.clear();
      }
  }

  void looked(const std::string& name, const Active& before, const Active& now) override {
    const Device& device = devices_[name];
    for (const auto& [component, image] : now.images)
      if (device.never.contains(image) && !has(before, *image))
        complain(name, "switches to " + image->file + ", whose job was cancelled before it began");
    for (const auto& [id, action] : device.actions) {
      if (!action.cancelled) continue;
      for (const Image* image : action.images)
        if (has(now, *image) && !has(before, *image) && !ordered_since(device, id, *image))
          complain(name, "switches to " + image->file + " of action " + std::to_string(id.value()) +
                             ", whose cancel it accepted");
    }
  }

 private:
  struct Action {
    std::vector<const Image*> images;  // none while it is not known what it orders
    bool cancelled = false;            // its device said so
    bool orders(const Image& image) const { return std::find(images.begin(), images.end(), &image) != images.end(); }
  };
  struct Device {
    std::map<ActionId, Action> actions;
    std::set<const Image*> sent;   // of which it has got bytes
    std::set<const Image*> never;  // of cancelled jobs that had not begun
  };

  void heard(const Call& call) {
    const auto said = wire::parse_json(call.x.uploaded);
    if (!said) return;
    const bool closed = said->at("status").at("execution") == "closed";
    const auto* dray = said->as_object().if_contains("dray");
    const bool here = dray != nullptr && dray->as_object().contains("answer") && dray->at("answer") == "cancelled";
    const bool there = call.kind == Kind::kCancelFeedback &&
                       said->at("status").at("result").at("finished") == "success";
    Device& device = devices_[call.device];
    Action& action = device.actions[call.action];
    if (!closed || !(here || there) || std::exchange(action.cancelled, true)) return;
    judged();
    for (const Image* image : action.images)
      if (has(scene_.active.at(call.device), *image) && !ran_before(device, *image))
        complain(call.device, "accepts the cancel of an action whose " + image->file + " is active");
  }
  void reported(const wire::JobReport& job) {
    const RolloutTruth* rollout = scene_.catalog.rollout_of_job(job.job.value());
    if (job.state != core::JobState::kCancelled || rollout == nullptr) return;
    Device& device = devices_[device_of_job(job.job.value())];
    const auto began = [&](const Image* image) { return device.sent.contains(image); };
    if (std::any_of(rollout->images.begin(), rollout->images.end(), began)) return;
    judged();
    device.never.insert(rollout->images.begin(), rollout->images.end());
  }
  // A later action orders the same image, so it may run.
  static bool ordered_since(const Device& device, ActionId id, const Image& image) {
    return std::any_of(device.actions.upper_bound(id), device.actions.end(),
                       [&](const auto& entry) { return entry.second.orders(image); });
  }
  // An earlier action or the factory had brought it.
  static bool ran_before(const Device& device, const Image& image) {
    return std::any_of(device.actions.begin(), device.actions.end(),
                       [&](const auto& entry) { return !entry.second.cancelled && entry.second.orders(image); });
  }

  std::map<std::string, Device> devices_;
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
    if (job.state != core::JobState::kSucceeded || !judged_.insert(id).second) return;
    const RolloutTruth* rollout = scene_.catalog.rollout_of_job(id);
    if (rollout == nullptr) return complain(id, "is reported, and nobody has asked for it");
    const std::string device = device_of_job(id);
    const auto known = scene_.catalog.devices().find(device);
    if (known == scene_.catalog.devices().end()) return complain(id, "is reported for a device that nobody has registered");
    if (known->second.conduct != Conduct::kOurs) return;  // its word counts, and nobody sees what it starts
    judged();
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
        complain(id, "was reported as " + std::string{to_string(before.state)} + ", then as " + std::string{to_string(job.state)});
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
    core::JobState state{};
  };
  void look(const std::string& id, server::Lists& lists) {
    const auto view = lists.job(JobId{id});
    if (!view) return;
    const core::JobState has = view->result.state;
    const auto ended = ended_.find(id);
    if (ended != ended_.end()) judged();
    if (ended != ended_.end() && has != ended->second)
      complain(id, "was " + std::string{to_string(ended->second)} + " and became " + std::string{to_string(has)});
    if (core::is_final(has)) ended_.insert_or_assign(id, has);
  }

  std::map<std::string, Reported> reported_;
  std::map<std::string, core::JobState> ended_;
};

}  // namespace

std::unique_ptr<Check> make_monotonic(Scene& scene) { return std::make_unique<Monotonic>(scene); }
std::unique_ptr<Check> make_cancelled(Scene& scene) { return std::make_unique<Cancelled>(scene); }
std::unique_ptr<Check> make_truth(Scene& scene) { return std::make_unique<Truth>(scene); }

}  // namespace dray::sim::fleet
