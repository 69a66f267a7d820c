#include "server/instances.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/mutant.h"
#include "server/http.h"

namespace dray::server {
namespace {

constexpr std::string_view kHeader = "Dray-Instance";

std::string seconds(WallTime time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }

}  // namespace

Result<std::string> instance_of(const HttpRequest& request) {
  const auto given = request.headers.find(kHeader);
  if (!given) return std::string{};
  if (!core::is_instance_name(*given))
    return Error{ErrorCode::kInvalid, std::string{kHeader} + ": must be 1 to " + std::to_string(core::kLongestInstance) +
                                          " letters, digits, '-', '_' or '.'"};
  return std::string{*given};
}

Instances::Call::~Call() {
  if (site_.calls == count_) site_.holding = core::heard_holder(std::move(site_.holding), parts_.clock.wall());
  --*count_;
}

Instances::Instances(Parts& parts, Sites& sites, TaskGroup& tasks)
    : parts_{parts}, sites_{sites}, lines_{parts.clock, parts.log}, saves_{tasks, parts.clock, parts.log, [this](const std::vector<std::string>& names) {
                                             return commit(names);
                                           }} {}

Task<std::optional<HttpResponse>> Instances::admit(Site& site, std::string name) {
  const WallTime now = parts_.clock.wall();
  if (*site.calls > 0) site.holding = core::heard_holder(std::move(site.holding), now);
  core::Called called = core::call_of(site.holding, name, now);
  if (called.is_news) say(site, name, called.holds);
  if (called.is_news && called.holds) site.calls = std::make_shared<std::size_t>(0);
  site.holding = std::move(called.next);
  if (called.must_save) save(site);
  if (called.must_save || (called.holds && site.saving > 0)) {
    const auto saved = co_await saves_.settled();
    if (!saved) co_return busy_response("the server is stopping", 1);
  }
  co_return refusal(site, name);
}

std::optional<HttpResponse> Instances::refusal(const Site& site, std::string_view name) const {
  const core::Instance* holds = core::holder(site.holding);
  if (holds != nullptr && holds->name == name) return {};
  if (DRAY_MUTANT("serves_two_gateways")) return {};
  const std::string detail =
      "another gateway (instance " + (holds == nullptr ? std::string{} : core::shown_name(holds->name)) +
      ") answers for site '" + site.name + "': this one (instance " + core::shown_name(name) +
      ") is let in when that one has been silent for 10 minutes, or by: drayctl gateway replace " + site.name;
  HttpResponse out = json_response(409, wire::json::object{{"type", "about:blank"},
                                                           {"title", "Conflict"},
                                                           {"status", 409},
                                                           {"detail", detail},
                                                           {"reason", "two_gateways"},
                                                           {"let_in_at", seconds(core::let_in_at(site.holding))}});
  out.headers.set("Content-Type", "application/problem+json");
  return out;
}

void Instances::say(const Site& site, const std::string& name, bool holds) {
  const core::Instance* before = core::holder(site.holding);
  const std::string other = before == nullptr ? "none" : core::shown_name(before->name);
  if (!lines_.may_say(holds ? "gateway_holds" : "two_gateways", site.name)) return;
  if (holds)
    parts_.log.info("gateway_holds", {{"site", site.name}, {"instance", core::shown_name(name)}, {"before", other}});
  else
    parts_.log.warn("two_gateways", {{"site", site.name},
                                     {"refused", core::shown_name(name)},
                                     {"holds", other},
                                     {"note", "said once; it is refused for as long as the other is heard"}});
}

void Instances::show(wire::SiteView& view) const {
  const Site* site = sites_.by_name(view.name);
  if (site == nullptr) return;
  const bool is_answered = *site->calls > 0;  // a call of the one that holds, now
  view.holding = is_answered ? core::heard_holder(site->holding, parts_.clock.wall()) : site->holding;
  if (site->contact_at > view.contact_at.value_or(WallTime{})) view.contact_at = site->contact_at;
  std::sort(view.holding.instances.begin(), view.holding.instances.end(),
            [](const core::Instance& a, const core::Instance& b) { return a.since > b.since; });
}

void Instances::save(Site& site) {
  ++site.saving;
  saves_.add(site.name, [&site] { --site.saving; });
}

Task<Result<>> Instances::commit(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, core::Holding>> holdings;
  for (const std::string& name : std::set<std::string>{names.begin(), names.end()})
    if (const Site* site = sites_.by_name(name)) holdings.emplace_back(name, site->holding);
  std::function<Result<>()> work = [this, &holdings] { return parts_.store.save_holdings(holdings); };
  co_return co_await on(parts_.store_worker, std::move(work));
}

Task<Result<>> Instances::replace(std::string name, wire::NewReplace wish) {
  Site* site = sites_.by_name(name);
  if (site == nullptr) co_return Error{ErrorCode::kNotFound, "no such site: '" + name + "'"};
  const WallTime now = parts_.clock.wall();
  const auto instance = wish.instance ? std::optional<std::string_view>{*wish.instance} : std::nullopt;
  auto next = core::replaced_by(site->holding, instance, now);
  if (!next) co_return next.error();
  const core::Instance* chosen = core::holder(*next);
  parts_.log.info("gateway_replaced", {{"site", name},
                                       {"instance", core::shown_name(chosen->name)},
                                       {"by", wish.why.by},
                                       {"why", wish.why.why}});
  site->holding = std::move(*next);
  site->calls = std::make_shared<std::size_t>(0);
  save(*site);
  const auto saved = co_await saves_.settled();
  if (!saved) co_return saved.error();
  site->changed.notify();  // a plan that is held for the one before: it is told
  co_return Result<>{};
}

}  // namespace dray::server
