// Two devices with one identity: that it is said where it is so, soon after everybody could know, that it is not said after
// it ended, and nowhere else. What is so is told by the lines alone; what is said, by the server's database and by reports.
#include <algorithm>
#include <map>
#include <set>

#include "core/identity/boots.h"
#include "gateway/store.h"
#include "sim/fleet/checks/checks.h"
#include "wire/gateway_api.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

// A device whose boot ids came A, B, A has two agents, and its status says so at the server as soon as its gateway has
// told anything more; one whose ids never came back does not, however often it restarts. Nor does one whose gateway has
// heard one id alone for kAlone and kAnswersAlone times.
//
// That end is judged where the lines alone make it certain. The hour is counted anew from the first answer after whatever
// may have given the gateway another beginning of it: an answer with another id, one that was not taken, a life of the
// gateway that began, its disk that was restored, its document of the device that was damaged, and every answer that it
// heard before the server had told it the time (its own clock may be anything). A report counts by its own time: one that
// comes late, or again, may carry what was so before. Sites with a second gateway are left out, because each of the
// two has heard what it has heard, and what is said at the server is that of the one that holds.
class SaysTwoAgents final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "two_agents"; }
  bool heeds(Who) const override { return true; }

  void asked(const Call& call, const HttpRequest&) override {
    if (call.kind == Kind::kReports) sites_[call.gateway].asked = scene_.world.now();
  }
  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind == Kind::kConfigData && response.status != 200) devices_[call.device].alone_from.reset();
    if (response.status != 200) return;
    if (call.kind == Kind::kConfigData) heard(call);
    if (call.kind != Kind::kReports) return;
    if (call.who == Who::kTwinGateway) sites_[call.gateway].has_twin = true;  // its devices are not where they were
    look_for_false_alarms(call.x.uploaded, sites_[call.gateway].has_twin);
    if (call.who == Who::kOurs && !call.x.echo) look(call.gateway, sites_[call.gateway]);
  }
  void crashed(Node& node) override {
    for (auto& [name, device] : devices_)
      if (device.gateway == node.name()) device.alone_from.reset();
  }
  // It may know less than it did; never more. What it knew then may be that there are two.
  void restored(Node& gateway) override {
    for (auto& [name, device] : devices_)
      if (device.gateway == gateway.name()) forget(device);
  }
  void damaged(Node& gateway, const Damaged& document) override {
    if (document.kind != gateway::kind::kDevice) return restored(gateway);
    const auto device = devices_.find(document.id);
    if (device != devices_.end()) forget(device->second);
  }

 private:
  // It asks who is there about once a poll, and the doubt ends an hour after the last change.
  static constexpr Duration kSoon{2 * 60'000}, kStands = core::kAlone - 10min, kForgets = core::kAlone / 2;
  static constexpr Duration kAloneForSure = Duration{core::kAlone} + kTolerance;
  struct Device {
    std::string gateway;
    std::vector<std::string> known;     // ids, as its gateway must know them; newest last
    std::set<std::string> ever;         // all that came
    std::string last;
    SteadyTime changed{};
    int answers = 0;  // with it, since then
    bool two_ever = false;              // one came back, at any time
    std::optional<SteadyTime> two_at;   // when the id was another one last, of those with two
    std::optional<SteadyTime> alone_from;  // since then its gateway has heard one id alone; nothing: not known
    int alone_answers = 0;                 // since then
    std::optional<SteadyTime> one_at;      // since then its gateway has no doubt, for certain
    WallTime one_since{};                  // the same instant
  };
  struct Site {
    SteadyTime asked{};  // its reports that are being answered
    bool has_twin = false;
  };

  static void forget(Device& device) {
    device.known.clear();
    device.two_at.reset();
    device.alone_from.reset();
    device.one_at.reset();
  }
  static std::string boot_id_in(const std::string& body) {
    constexpr std::string_view kKey = "\"dray.boot_id\":\"";
    const std::size_t at = body.find(kKey);
    if (at == std::string::npos) return {};
    const std::size_t from = at + kKey.size();
    return body.substr(from, body.find('"', from) - from);
  }
  void heard(const Call& call) {
    const std::string id = boot_id_in(call.x.uploaded);
    if (id.empty()) return;
    Device& device = devices_[call.device];
    device.gateway = call.gateway;
    count_alone(device, id);
    if (id != device.last) device.two_ever = !device.ever.insert(id).second || device.two_ever;
    device.last = id;
    if (!device.known.empty() && device.known.back() == id) {
      ++device.answers;
      return;
    }
    const int answers = std::exchange(device.answers, 1);
    const SteadyTime changed = std::exchange(device.changed, scene_.world.now());
    const bool alone = answers >= core::kAnswersAlone - 1 && device.changed - changed >= kForgets;
    if (device.two_ever && alone && !device.known.empty()) {  // for so long that the other is news
      device.known = {device.known.back()};
      device.two_at.reset();
    }
    const auto again = std::find(device.known.begin(), device.known.end(), id);
    if (again != device.known.end()) {
      device.known.erase(again);
      device.two_at = scene_.world.now();
    } else if (device.two_at) {
      device.two_at = scene_.world.now();
    }
    device.known.push_back(id);
    if (device.known.size() > core::kMostBoots) device.known.erase(device.known.begin());
  }
  // Before it is noted that this id came.
  void count_alone(Device& device, const std::string& id) {
    const SteadyTime now = scene_.world.now();
    if (id != device.last && device.ever.contains(id)) device.one_at.reset();
    if (scene_.goes_by_own_clock(device.gateway)) return device.alone_from.reset();
    if (id != device.last || !device.alone_from) {
      device.alone_from = now;
      device.alone_answers = 0;
    }
    ++device.alone_answers;
    if (device.one_at || device.alone_answers < core::kAnswersAlone || now < *device.alone_from + kAloneForSure) return;
    device.one_at = now;
    device.one_since = scene_.now();
  }
  void look(const std::string& gateway, const Site& site) {
    server::Lists* lists = scene_.lists();
    if (lists == nullptr || site.has_twin) return;
    const SteadyTime now = scene_.world.now();
    for (auto& [name, device] : devices_) {
      if (device.gateway == gateway) look_for_end(name, device, site.asked);
      if (device.gateway != gateway || !device.two_at || site.asked < *device.two_at + kSoon) continue;
      if (now > *device.two_at + kStands || !scene_.catalog.devices().contains(name)) {
        device.two_at.reset();
        continue;
      }
      const auto view = lists->device(name);
      if (!view) continue;
      judged();
      if (view->status != "two_agents")
        complain(name, "has two agents, its gateway has told more since, and its status is '" + view->status + "'");
    }
  }
  void look_for_end(const std::string& name, const Device& device, SteadyTime told) {
    if (!device.two_ever || !device.one_at || told < *device.one_at + kSoon) return;
    const auto view = scene_.lists()->device(name);
    if (!view) return;
    judged();
    if (view->status == "two_agents")
      complain(name, "has answered with one boot id alone for an hour, its gateway has told more since, and its status is still 'two_agents'");
  }
  void look_for_false_alarms(const std::string& uploaded, bool has_twin) {
    const auto reports = wire::decode_reports(uploaded);
    if (!reports) return;
    for (const wire::Report& report : *reports) {
      const auto* said = std::get_if<wire::DeviceReport>(&report.body);
      if (said == nullptr) continue;
      judged();
      if (said->status != "two_agents") continue;
      const Device& device = devices_[said->device.value()];
      if (!device.two_ever) complain(said->device.value(), "is said to have two agents, and none of its boot ids ever came back");
      if (!has_twin && device.one_at && report.at > device.one_since + kTolerance)
        complain(said->device.value(), "is said at " + to_rfc3339(report.at) + " to have two agents, and only one was heard in the hour before " +
                                           to_rfc3339(device.one_since));
    }
  }

  std::map<std::string, Device> devices_;
  std::map<std::string, Site> sites_;
};

}  // namespace

std::unique_ptr<Check> make_two_agents(Scene& scene) { return std::make_unique<SaysTwoAgents>(scene); }

}  // namespace dray::sim::fleet
