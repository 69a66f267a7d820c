// Two machines with one identity: that it is said where it is so, soon after everybody could know, and nowhere else. What
// is so is told by the lines alone; what is said, by the server's database and by reports.
#include <algorithm>
#include <map>
#include <set>

#include "core/identity/boots.h"
#include "gateway/store.h"
#include "sim/fleet/checks/checks.h"
#include "wire/admin_api.h"
#include "wire/gateway_api.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

// A site whose server hears two gateways says so, as its reason, within a minute; one with a single gateway never does,
// however often that starts anew, and whatever of its disk is older or can't be read.
class SaysTwoGateways final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "two_gateways"; }
  bool heeds(Who who) const override { return who == Who::kOurs || who == Who::kTwinGateway; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kPlan && call.kind != Kind::kReports) return;
    if (response.status != 200 && response.status != 304 && response.status != 409) return;  // not heard by it
    const SteadyTime now = scene_.world.now();
    Site& site = sites_[call.gateway];
    const std::string& node = call.x.client.node->name();
    if (!site.last.empty() && site.last != node) site.two_until = now + kReturned;
    site.last = node;
    site.heard[node] = now;
    for (const auto& [other, at] : site.heard)
      if (other != node && now - at < kBoth) {
        if (!site.due) site.due = now + kSoon;
        site.void_after = now + kStands;
      }
    if (now >= site.two_until && now >= site.excused && now >= site.next_look) look_for_false_alarm(call.gateway, site);
  }

  void step() override {
    for (auto& [name, site] : sites_)
      if (site.due && scene_.world.now() >= *site.due) look(name, site);
  }
  void crashed(Node& node) override {
    if (node.name() != "server") return;  // what it had not saved, nobody was told
    for (auto& [name, site] : sites_) site.heard.clear();
  }
  void restored(Node& gateway) override {
    // To before it had a name: it takes another one, and a later backup brings the first one back.
    if (!gateway.disk().exists("gateway.db")) sites_[gateway.name()].excused = kSteadyMax;
  }
  void damaged(Node& gateway, std::string_view kind) override {
    // Who can't read its own name takes another one, and an older disk brings the first one back: the server can't know
    // that all of them are one machine.
    if (kind == gateway::kind::kMeta) sites_[gateway.name()].excused = kSteadyMax;
  }

 private:
  static constexpr Duration kBoth{4 * 60'000};  // the server may have been down for some minutes, and says ten
  static constexpr Duration kSoon{60'000}, kStands{8 * 60'000};
  static constexpr Duration kReturned = 25h;  // one that holds again is said for a day
  static constexpr Duration kLookEvery = 30min;
  struct Site {
    std::map<std::string, SteadyTime> heard;  // by machine
    std::string last;                         // of these
    std::optional<SteadyTime> due;            // then it is to be said
    SteadyTime void_after{}, two_until{}, excused{}, next_look{};
  };

  // Nothing: nobody can be asked now.
  std::optional<std::string> reason_of(const std::string& site) {
    server::Lists* lists = scene_.lists();
    if (lists == nullptr) return {};
    auto view = lists->site(site);
    if (!view) return {};
    wire::describe_site(*view, scene_.now());
    return view->reason;
  }
  void look(const std::string& name, Site& site) {
    if (scene_.world.now() > site.void_after) {
      site.due.reset();
      return;
    }
    const auto reason = reason_of(name);
    if (!reason) return;
    site.due.reset();
    judged();
    if (*reason != "two_gateways")
      complain(name, "has two gateways, both heard by the server a minute ago, and says '" + *reason + "'");
  }
  void look_for_false_alarm(const std::string& name, Site& site) {
    site.next_look = scene_.world.now() + kLookEvery;
    const auto reason = reason_of(name);
    if (!reason) return;
    judged();
    if (*reason == "two_gateways") complain(name, "says that it has two gateways, and only one was heard for a day");
  }

  std::map<std::string, Site> sites_;
};

// A device whose boot ids came A, B, A has two agents, and its status says so at the server as soon as its gateway has
// told anything more; one whose ids never came back does not, however often it restarts.
class SaysTwoAgents final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "two_agents"; }
  bool heeds(Who) const override { return true; }

  void asked(const Call& call, const HttpRequest&) override {
    if (call.kind == Kind::kReports) sites_[call.gateway].asked = scene_.world.now();
  }
  void answered(const Call& call, const HttpResponse& response) override {
    if (response.status != 200) return;
    if (call.kind == Kind::kConfigData) heard(call);
    if (call.kind != Kind::kReports) return;
    if (call.who == Who::kTwinGateway) sites_[call.gateway].has_twin = true;  // its devices are not where they were
    look_for_false_alarms(call.x.uploaded);
    if (call.who == Who::kOurs && !call.x.echo) look(call.gateway, sites_[call.gateway]);
  }
  // It may know less than it did; never more.
  void restored(Node& gateway) override {
    for (auto& [name, device] : devices_)
      if (device.gateway == gateway.name()) {
        device.known.clear();
        device.two_at.reset();
      }
  }

 private:
  // It asks who is there about once a poll, and the doubt ends an hour after the last change.
  static constexpr Duration kSoon{2 * 60'000}, kStands = core::kAlone - 10min, kForgets = core::kAlone / 2;
  struct Device {
    std::string gateway;
    std::vector<std::string> known;     // ids, as its gateway must know them; newest last
    std::set<std::string> ever;         // all that came
    std::string last;
    SteadyTime changed{};
    int answers = 0;  // with it, since then
    bool two_ever = false;              // one came back, at any time
    std::optional<SteadyTime> two_at;   // when the id was another one last, of those with two
  };
  struct Site {
    SteadyTime asked{};  // its reports that are being answered
    bool has_twin = false;
  };

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
  void look(const std::string& gateway, const Site& site) {
    server::Lists* lists = scene_.lists();
    if (lists == nullptr || site.has_twin) return;
    const SteadyTime now = scene_.world.now();
    for (auto& [name, device] : devices_) {
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
  void look_for_false_alarms(const std::string& uploaded) {
    const auto reports = wire::decode_reports(uploaded);
    if (!reports) return;
    for (const wire::Report& report : *reports) {
      const auto* said = std::get_if<wire::DeviceReport>(&report.body);
      if (said == nullptr) continue;
      judged();
      if (said->status == "two_agents" && !devices_[said->device.value()].two_ever)
        complain(said->device.value(), "is said to have two agents, and none of its boot ids ever came back");
    }
  }

  std::map<std::string, Device> devices_;
  std::map<std::string, Site> sites_;
};

}  // namespace

std::unique_ptr<Check> make_two_gateways(Scene& scene) { return std::make_unique<SaysTwoGateways>(scene); }
std::unique_ptr<Check> make_two_agents(Scene& scene) { return std::make_unique<SaysTwoAgents>(scene); }

}  // namespace dray::sim::fleet
