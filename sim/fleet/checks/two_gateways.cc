// Two gateways of one site: that it is said where it is so, soon after the server could know, that it is not said a while
// after it ended, and nowhere else. What is so is told by the lines alone; what is said, by the server's database.
#include <algorithm>
#include <map>
#include <set>

#include "core/identity/holder.h"
#include "gateway/store.h"
#include "sim/fleet/checks/checks.h"
#include "wire/admin_api.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

// A site whose server hears two gateways says so, as its reason, within a minute; one with a single gateway never does,
// however often that starts anew, and whatever of its disk is older or can't be read. Two exceptions, both because
// the server can't know that all of them are one machine: a gateway that can't read its own name takes another one (once
// for each time), and an older disk brings an older name back.
//
// When it ends: ten minutes after the last call under another name than the one that holds; and where the one that holds
// was replaced before, not before a day since it holds again. Which name holds is what the server's answers say; where
// they don't (a replaced one is refused, and the one that was let in has died before it was answered), nothing is judged.
class SaysTwoGateways final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "two_gateways"; }
  bool heeds(Who who) const override { return who == Who::kOurs || who == Who::kTwinGateway; }

  void asked(const Call& call, const HttpRequest&) override {
    const std::string called = instance_of(call);
    Site* site = site_of(call, called);
    if (site == nullptr) return;
    if (!call.gateway.empty()) note_name(*site, call.gateway, call.x.client.node->name(), called);
    if (called != site->holds) site->other_at = scene_.world.now();
  }
  void answered(const Call& call, const HttpResponse& response) override {
    const std::string called = instance_of(call);
    Site* site = site_of(call, called);
    if (site == nullptr) return;
    note_answer(*site, called, response.status);
    if (call.kind != Kind::kPlan && call.kind != Kind::kReports) return;
    if (response.status != 200 && response.status != 304 && response.status != 409) return;  // not heard by it
    note_heard(*site, call.x.client.node->name());
    if (scene_.world.now() >= site->next_look && scene_.world.now() >= over_at(*site)) look_for_false_alarm(call.gateway, *site);
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
    // To before it had a name, or to when it could not be read.
    Machine& machine = sites_[gateway.name()].machines[gateway.name()];
    if (machine.lost_name || !holds_a_name(gateway, machine)) ++machine.may_rename;
  }
  void damaged(Node& gateway, const Damaged& document) override {
    if (document.kind != gateway::kind::kMeta || document.id != "instance") return;
    Machine& machine = sites_[gateway.name()].machines[gateway.name()];
    machine.lost_name = true;
    ++machine.may_rename;
  }

 private:
  static constexpr Duration kBoth{4 * 60'000};  // the server may have been down for some minutes, and says ten
  static constexpr Duration kSoon{60'000}, kStands{8 * 60'000};
  static constexpr Duration kOver = Duration{core::kSilent} + kSoon, kReturnOver = Duration{core::kReturnSaid} + kSoon;
  static constexpr Duration kLookEvery = 30min;
  struct Machine {
    std::set<std::string> names;     // under which it called
    std::size_t may_rename = 0;      // so often something happened that gives it another one
    bool lost_name = false;
  };
  struct Site {
    std::map<std::string, SteadyTime> heard;  // by machine
    std::optional<SteadyTime> due;            // then it is to be said
    SteadyTime void_after{}, next_look{};
    std::map<std::string, Machine> machines;
    std::string holds;                        // the name that was answered last; empty: not known
    std::set<std::string> replaced;           // names that held once, before another one did
    SteadyTime held_since{}, other_at{};      // other_at: something called under another name than that
  };

  // Is one of the names that it called itself in what its disk holds? A backup may be of the moment between its database
  // and its name.
  static bool holds_a_name(Node& gateway, const Machine& machine) {
    for (const char* file : {"gateway.db", "gateway.db-wal"}) {
      const std::string_view bytes = gateway.disk().bytes(file).value_or("");
      for (const std::string& name : machine.names)
        if (bytes.find(name) != std::string_view::npos) return true;
    }
    return false;
  }
  static std::string instance_of(const Call& call) { return std::string{call.x.headers.get("Dray-Instance")}; }
  // Whose calls these are: by the machine, or, where somebody posts in a gateway's name, by that. Null: nobody's.
  Site* site_of(const Call& call, const std::string& called) {
    if (called.empty() || !call.x.path.starts_with("/gateway/v1/")) return nullptr;
    if (!call.gateway.empty()) return &sites_[call.gateway];
    for (auto& [name, site] : sites_)
      for (const auto& [node, machine] : site.machines)
        if (machine.names.contains(called)) return &site;
    return nullptr;
  }
  void note_name(Site& site, const std::string& gateway, const std::string& node, const std::string& called) {
    Machine& machine = site.machines[node];
    if (!machine.names.insert(called).second) return;
    judged();
    if (machine.names.size() > 1 + machine.may_rename)
      complain(gateway, "calls itself " + called + " though nothing happened to the name that it had");
  }
  void note_answer(Site& site, const std::string& called, int status) {
    const SteadyTime now = scene_.world.now();
    if (status == 409) {
      site.other_at = now;
      if (called != site.holds) return;
      site.replaced.insert(called);
      site.holds.clear();
    } else if ((status == 200 || status == 304) && called != site.holds) {
      if (!site.holds.empty()) site.replaced.insert(site.holds);
      site.holds = called;
      site.held_since = now;
    }
  }
  void note_heard(Site& site, const std::string& node) {
    const SteadyTime now = scene_.world.now();
    site.heard[node] = now;
    for (const auto& [other, at] : site.heard)
      if (other != node && now - at < kBoth) {
        if (!site.due) site.due = now + kSoon;
        site.void_after = now + kStands;
      }
  }
  static SteadyTime over_at(const Site& site) {
    if (site.holds.empty()) return kSteadyMax;
    const SteadyTime silent = site.other_at + kOver;
    return site.replaced.contains(site.holds) ? std::max(silent, site.held_since + kReturnOver) : silent;
  }

  // On a full disk the server may hear and not be able to keep it; then it says so of itself.
  bool may_not_save() const { return scene_.world.node("server").disk().free_bytes() < (1 << 20); }

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
    if (scene_.world.now() > site.void_after || may_not_save()) {
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
    if (*reason == "two_gateways")
      complain(name, "says that it has two gateways, and only " + site.holds + " was heard for so long that this is over");
  }

  std::map<std::string, Site> sites_;
};

}  // namespace

std::unique_ptr<Check> make_two_gateways(Scene& scene) { return std::make_unique<SaysTwoGateways>(scene); }

}  // namespace dray::sim::fleet
