#include <algorithm>
#include <set>

#include "sim/fleet/checks/checks.h"
#include "wire/json.h"

namespace dray::sim::fleet {
namespace {

// No device is asked while a deferral stands: its own answer to a question, or an operator's.
class Deferring final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "deferring"; }

  void asked(const Call& call, const HttpRequest&) override {
    if (call.kind == Kind::kConfirmation) newest_.insert_or_assign(key(call), &call.x);
    // Withdrawn: from here on either is right, its answer may be lost.
    if (call.kind == Kind::kLocal && call.x.method == Method::kDelete && call.x.path.starts_with(kDeferrals))
      operators_.erase(call.x.path.substr(std::min(call.x.path.size(), kDeferrals.size() + 1)));
  }

  // On a full disk several answers of a device may wait to be acknowledged, and are at one instant: the newest counts,
  // the gateway has heard it.
  void answered(const Call& call, const HttpResponse& response) override {
    const auto newest = newest_.find(key(call));
    const bool counts = call.kind == Kind::kConfirmation && newest != newest_.end() && newest->second == &call.x;
    if (counts && response.status == 200) heard(call);
    if (call.kind == Kind::kFeedback && response.status == 200) started_.insert(key(call));
    if (call.kind == Kind::kLanImage && (response.status == 200 || response.status == 206))
      started_.insert({call.device, offered_[call.device]});
    if (call.kind == Kind::kLocal) local(call, response);
  }

  void shown(const Call& call, const Shown& shown) override {
    offered_[call.device] = shown.deployment;
    if (scene_.goes_by_own_clock(call.gateway)) return;
    const WallTime now = scene_.now();
    const ActionId asked = shown.confirmation.empty() ? shown.deployment : shown.confirmation;
    if (asked.empty()) return;
    judged();
    const auto own = own_.find({call.device, asked});
    if (own != own_.end() && now + kTolerance < own->second)
      return complain(call.device, "is asked about action " + std::to_string(asked.value()) + " at " +
                                       to_rfc3339(now) + ", which it put off until " +
                                       to_rfc3339(own->second));
    if (shown.confirmation.empty() && started_.contains({call.device, asked})) return;
    for (const auto& [id, deferral] : operators_)
      if (deferral.gateway == call.gateway && now + kTolerance < deferral.until &&
          (deferral.device.empty() || deferral.device == call.device))
        complain(call.device, "is asked at " + to_rfc3339(now) + ", deferred by " + id + " until " +
                                  to_rfc3339(deferral.until));
  }

  // What can't be read never permits: an operator's deferral stands until it is withdrawn, whatever became of it. What a
  // device answered is a part of its job, and may be forgotten with it.
  void damaged(Node& gateway, const Damaged&) override {
    std::erase_if(own_, [&](const auto& entry) {
      return scene_.catalog.device(entry.first.first).site == gateway.name();
    });
  }

  void restored(Node& node) override {
    std::erase_if(operators_, [&](const auto& entry) { return entry.second.gateway == node.name(); });
    std::erase_if(own_, [&](const auto& entry) {
      return scene_.catalog.device(entry.first.first).site == node.name();
    });
  }

 private:
  static constexpr std::string_view kDeferrals = "/api/v1/deferrals";
  using Key = std::pair<std::string, ActionId>;
  struct Operators {
    std::string gateway, device;
    WallTime until;
  };
  static Key key(const Call& call) { return {call.device, call.action}; }

  void heard(const Call& call) {
    const auto said = wire::parse_json(call.x.uploaded);
    if (!said || !said->is_object()) return;
    const auto* dray = said->as_object().if_contains("dray");
    if (dray == nullptr || said->at("confirmation") != "denied") {
      own_.erase(key(call));
      return;
    }
    const auto& answer = dray->at("answer").as_string();
    if (answer != "busy" && answer != "defer") return;
    const auto* after = dray->as_object().if_contains("retry_after");
    const std::chrono::seconds by_default{600};  // the operator's script never asks for less
    own_[key(call)] = scene_.now() + (after != nullptr ? std::chrono::seconds{after->as_int64()} : by_default);
  }

  void local(const Call& call, const HttpResponse& response) {
    if (!call.x.path.starts_with(kDeferrals)) return;
    if (response.status == 201) {
      const auto made = wire::parse_json(std::get<std::string>(response.body));
      const auto until = parse_rfc3339(std::string{made->at("until").as_string()});
      const auto* device = made->at("device").if_string();  // null: the whole site
      operators_[std::string{made->at("id").as_string()}] = {
          call.gateway, device != nullptr ? std::string{*device} : std::string{}, *until};
    }
  }

  std::map<Key, WallTime> own_;
  std::map<Key, const Exchange*> newest_;  // compared, never followed
  std::set<Key> started_;
  std::map<std::string, ActionId> offered_;  // what each device was shown last
  std::map<std::string, Operators> operators_;
};

}  // namespace

std::unique_ptr<Check> make_deferring(Scene& scene) { return std::make_unique<Deferring>(scene); }

}  // namespace dray::sim::fleet
