// What can't be read of the server's database never permits, and stops nobody whom it is not about.
#include <algorithm>
#include <vector>

#include "sim/fleet/checks/checks.h"
#include "wire/gateway_api.h"

namespace dray::sim::fleet {
namespace {

// From the damage until somebody replaces it: no plan that the server gives lets anything of what depends on it begin,
// and where the plan can't be made it gives none. A plan that a gateway has from before may go on: nothing tells it, and
// what is done by it is judged by the other checks. Sites that it is not about get their plans.
class HoldsUnreadable final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "unreadable"; }
  bool heeds(Who) const override { return true; }

  void row_damaged(const DamagedRow& row) override {
    if (row.column != "planned_at") standing_.push_back(row);  // else it is computed anew at once
  }
  void asked(const Call& call, const HttpRequest&) override {
    const std::string& path = call.x.path;
    if (call.kind != Kind::kAdmin || standing_.empty() || (call.x.method != Method::kPut && call.x.method != Method::kPatch)) return;
    std::erase_if(standing_, [&](const DamagedRow& row) {
      const bool replaces = path.starts_with("/api/v1/rows/" + row.table + "/") && path.ends_with("/" + row.column) &&
                            path.find(row.key.substr(0, row.key.find('/'))) != std::string::npos;
      return replaces || (row.table == "site" && path == "/api/v1/sites/" + row.key);
    });
  }
  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kPlan || standing_.empty()) return;
    if (response.status == 200) return look(call.gateway, std::get<std::string>(response.body));
    if (response.status == 503 && !call.x.echo) return refused(call.gateway);
    refused_.erase(call.gateway);
  }
  void crashed(Node&) override { refused_.clear(); }

 private:
  static constexpr Duration kPatience{20 * 60'000};

  void look(const std::string& gateway, const std::string& body) {
    refused_.erase(gateway);
    const auto message = wire::decode_plan(body);
    if (!message) return;
    for (const DamagedRow& row : standing_) {
      if (!row.sites.contains(gateway) || row.holds == RowHolds::kNothing) continue;
      judged();
      const std::string what = row.table + " " + row.key + ", " + row.column;
      if (row.holds == RowHolds::kNewPlans && is_named(gateway, row))
        complain(gateway, "is given a new plan though " + what + " can't be read");
      for (const core::Assignment& a : message->plan.assignments)
        if (begins_by(row, a) && a.planned_at < a.expires_at)
          complain(gateway, "is given a plan by which " + a.id.value() + " may begin though " + what + " can't be read");
    }
  }
  static bool begins_by(const DamagedRow& row, const core::Assignment& a) {
    return row.holds == RowHolds::kSite || (row.holds == RowHolds::kRollout && a.rollout.value() == row.rollout);
  }
  // What it is about may be over: an assignment that has left the plan holds nothing.
  bool is_named(const std::string& gateway, const DamagedRow& row) {
    server::Lists* lists = scene_.lists();
    const auto view = lists != nullptr ? lists->site(gateway) : Result<wire::SiteView>{Error{ErrorCode::kUnavailable, "it is down"}};
    return view && std::any_of(view->unreadable.begin(), view->unreadable.end(), [&](const wire::Unreadable& one) {
             return one.table == row.table && one.key == row.key && one.column == row.column;
           });
  }
  void refused(const std::string& gateway) {
    const SteadyTime now = scene_.world.now();
    const SteadyTime since = refused_.try_emplace(gateway, now).first->second;
    const bool about_it = std::any_of(standing_.begin(), standing_.end(), [&](const DamagedRow& row) { return row.sites.contains(gateway); });
    if (about_it) {
      refused_.erase(gateway);
      return;
    }
    judged();
    if (now - since > kPatience) complain(gateway, "gets no plan, and what can't be read is not about it");
  }

  std::vector<DamagedRow> standing_;
  std::map<std::string, SteadyTime> refused_;  // since when, by site
};

}  // namespace

std::unique_ptr<Check> make_unreadable(Scene& scene) { return std::make_unique<HoldsUnreadable>(scene); }

}  // namespace dray::sim::fleet
