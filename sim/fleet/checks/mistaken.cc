// A device that says it is of another type than the one it was entered under: nothing may be sent to it, and it is asked
// nothing; and whoever looks at it hears why.
#include <map>
#include <set>

#include "core/model/said_type.h"
#include "gateway/store.h"
#include "sim/fleet/checks/checks.h"
#include "sim/fleet/fleet.h"

namespace dray::sim::fleet {
namespace {

// From the answer to what it said on, no byte of an image goes to it, and no question is shown. That its gateway knows it
// is certain only until that gateway's disk is an older one: then it is told again. Of a damaged document it knows that it
// does not know. What the server has once shown it goes on showing, whatever a gateway has forgotten.
class Mistaken final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "mistaken"; }
  bool heeds(Who) const override { return true; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind == Kind::kConfigData && response.status == 200) heard(call);
    if (call.kind == Kind::kLanImage && response.status / 100 == 2 && knows(call.device))
      complain(call.device, "is sent " + (call.image == nullptr ? std::string{"an image"} : call.image->file) + ", and its gateway knows that it is no " +
                                scene_.catalog.device(call.device).type);
    if (call.kind == Kind::kReports && response.status == 200) look();
  }
  void shown(const Call& call, const Shown& shown) override {
    if (!knows(call.device)) return;
    judged();
    if (!shown.confirmation.empty()) complain(call.device, "is asked whether it may be updated, and its gateway knows that it is of another type");
  }
  void restored(Node& gateway) override {
    std::erase_if(known_, [&](const auto& item) { return item.second == gateway.name(); });
  }
  void damaged(Node&, const Damaged&) override {}
  void row_damaged(const DamagedRow&) override { shown_.clear(); }

 private:
  bool knows(const std::string& device) const { return known_.contains(device); }
  void heard(const Call& call) {
    if (call.x.uploaded.find("\"" + std::string{core::kSaidType} + "\":\"" + std::string{kOtherHardware} + "\"") != std::string::npos)
      known_[call.device] = call.gateway;
  }
  // What the server has of its attributes it shows as well.
  void look() {
    server::Lists* lists = scene_.lists();
    if (lists == nullptr) return;
    for (const auto& [name, gateway] : known_) {
      const auto view = lists->device(name);
      if (!view || (!view->reported.contains(std::string{core::kSaidType}) && !shown_.contains(name))) continue;
      shown_.insert(name);
      judged();
      if (!view->other_type) complain(name, "says another type than its entry, and the server does not say so");
    }
  }

  std::map<std::string, std::string> known_;  // device -> its gateway
  std::set<std::string> shown_;               // those that the server has heard of
};

}  // namespace

std::unique_ptr<Check> make_mistaken(Scene& scene) { return std::make_unique<Mistaken>(scene); }

}  // namespace dray::sim::fleet
