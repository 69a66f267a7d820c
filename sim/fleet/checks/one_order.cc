#include <algorithm>
#include <set>

#include "sim/fleet/checks/checks.h"
#include "wire/ddi_client.h"
#include "wire/json.h"

namespace dray::sim::fleet {
namespace {

// An action id means one order of one device for ever; one order is shown at a time; what a device closed is
// not shown again; and no second one begins while the first is open.
class OneOrder final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "one_order"; }

  void asked(const Call& call, const HttpRequest&) override {
    if (call.device.empty()) return;
    WallTime& heard = heard_[call.device];
    if (scene_.now() - heard >= kSilence)
      for (auto& [key, action] : devices_[call.device]) action->excused = true;
    heard = scene_.now();
  }

  void shown(const Call& call, const Shown& shown) override {
    judged();
    int orders = 0;
    for (const ActionId action : {shown.confirmation, shown.deployment, shown.cancel}) {
      if (action.empty()) continue;
      ++orders;
      Action& known = actions_[{call.gateway, action}];
      if (known.device.empty()) {
        known.device = call.device;
        devices_[call.device].emplace(Key{call.gateway, action}, &known);
      }
      if (known.device != call.device)
        return complain(call.device, "is shown action " + text(action) + ", which is " + known.device + "'s");
      if (action == shown.cancel) known.excused = true;
      if (known.closed && action != shown.cancel)
        return complain(call.device, "is shown action " + text(action) + ", which it has closed");
    }
    if (orders > 1) complain(call.device, "is shown " + std::to_string(orders) + " orders at a time");
  }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.action.empty() || response.status != 200) return;
    Action& action = actions_[{call.gateway, call.action}];
    if (call.kind == Kind::kDeployment) fetched(call, action, std::get<std::string>(response.body));
    if (call.kind != Kind::kFeedback && call.kind != Kind::kCancelFeedback) return;
    const auto said = wire::parse_json(call.x.uploaded);
    if (!said) return;
    const auto& execution = said->at("status").at("execution").as_string();
    if (execution == "closed") {
      action.closed = true;
    } else if (call.kind == Kind::kFeedback && !action.closed) {
      begin(call, action);
    }
  }

  void restored(Node& node) override {  // it may not know what was closed since
    for (auto& [key, action] : actions_)
      if (key.first == node.name()) action.closed = action.begun = false;
  }

 private:
  struct Action {
    std::string device;
    std::vector<std::string> images;
    bool begun = false, closed = false;
    bool excused = false;  // it may have ended without a word of its device
    int boots = 0;         // of the device, when it began
  };
  using Key = std::pair<std::string, ActionId>;  // by gateway
  static constexpr Duration kSilence{590'000};  // a device that says nothing for so long may be given up
  static std::string text(ActionId id) { return std::to_string(id.value()); }

  void fetched(const Call& call, Action& action, const std::string& body) {
    const auto order = wire::client::decode_deployment(body, {});
    if (!order) return complain(call.device, "got an order that can't be read");
    std::vector<std::string> images;
    for (const auto& part : order->order.parts) images.push_back(part.sha256.hex());
    std::sort(images.begin(), images.end());
    if (action.images.empty()) action.images = images;
    if (action.images != images)
      complain(call.device, "gets another order than before under action " + text(call.action));
  }

  // Feedback before the end: it is at work. So is no other action of this device, unless that one ended by a
  // power-on report, by a cancel, or by silence.
  void begin(const Call& call, Action& now) {
    const int boots = scene_.world.node(call.device).boots();
    if (!now.begun) now.boots = boots;
    now.begun = true;
    for (auto& [key, other] : devices_[call.device]) {
      if (other == &now || key.first != call.gateway || !other->begun) continue;
      const bool over = other->closed || other->excused || other->boots != boots || runs(call.device, *other);
      if (!over)
        return complain(call.device, "works at action " + text(call.action) + " while action " +
                                         text(key.second) + " is open");
      other->begun = false;
    }
  }
  bool runs(const std::string& device, const Action& action) const {
    const Active& active = scene_.active.at(device);
    return std::all_of(action.images.begin(), action.images.end(), [&](const std::string& sha) {
      return std::any_of(active.images.begin(), active.images.end(), [&](const auto& entry) {
        return entry.second != nullptr && entry.second->sha256.hex() == sha;
      });
    });
  }

  std::map<Key, Action> actions_;                           // their places do not change
  std::map<std::string, std::map<Key, Action*>> devices_;  // what each device was shown
  std::map<std::string, WallTime> heard_;                   // of each device
};

}  // namespace

std::unique_ptr<Check> make_one_order(Scene& scene) { return std::make_unique<OneOrder>(scene); }

}  // namespace dray::sim::fleet
