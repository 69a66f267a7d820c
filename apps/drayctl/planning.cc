// When sites may be used, and what the planner has computed or would compute.
#include <iostream>

#include "base/bytes.h"
#include "ctl/site_times.h"
#include "session.h"

namespace dray::ctl {
namespace {

const std::vector<Column> kSiteFields{{"site", "name"},
                                      {"time zone", "time_zone"},
                                      {"devices", "devices"},
                                      {"state", "state"},
                                      {"reason", "reason"},
                                      {"why", "sentence"},
                                      {"until", "until"},
                                      {"gateways", "gateways"},
                                      {"revision", "revision"},
                                      {"contact", "contact_at"},
                                      {"refused entries", "refused.count"},
                                      {"the last one", "refused.what"},
                                      {"transfer windows", "transfer_windows"},
                                      {"update windows", "update_windows"},
                                      {"black-outs", "black_outs"},
                                      {"WAN", "rates.wan"},
                                      {"concurrency", "limits.concurrency"},
                                      {"caps of the WAN", "limits.wan"},
                                      {"caps of the LAN", "limits.lan"},
                                      {"store used", "storage.used"},
                                      {"store quota", "storage.quota"}};

json::array list_from(const std::vector<std::string>& texts) {
  json::array out;
  if (texts.size() == 1 && texts[0] == "none") return out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

// A list of windows as one text: they hold blanks themselves.
void join(json::object& site, std::string_view member, std::string_view none) {
  std::string text;
  if (!site[member].is_array()) {
    site[member] = "can't be read";
    return;
  }
  for (const json::value& one : site[member].as_array())
    text += (text.empty() ? "" : "; ") + std::string{one.as_string()};
  site[member] = text.empty() ? std::string{none} : text;
}

void print_site(const Session& session, json::value site) {
  if (session.as_json) return session.print(site);
  json::object& members = site.as_object();
  join(members, "transfer_windows", "always");
  join(members, "update_windows", "always");
  join(members, "black_outs", "none");
  session.print_one(kSiteFields, site);
}

std::uint64_t number(const json::value& item, std::string_view key) {
  const json::value* at = item.get_object().if_contains(key);
  return at != nullptr && at->is_number() ? at->to_number<std::uint64_t>() : 0;
}

}  // namespace

Task<Result<>> set_site(Session& session, SiteChange change) {
  const std::string path = "/sites/" + encoded(change.name);
  json::object body;
  if (!change.time_zone.empty()) body["time_zone"] = change.time_zone;
  if (!change.transfer.empty()) body["transfer_windows"] = list_from(change.transfer);
  if (!change.update.empty()) body["update_windows"] = list_from(change.update);
  if (!change.black_outs.empty()) body["black_outs"] = list_from(change.black_outs);
  if (change.concurrency > 0) body["limits"] = {{"concurrency", change.concurrency}};
  if (body.empty()) co_return Error{ErrorCode::kInvalid, "nothing is to be set; see drayctl site set --help"};
  json::value asked(std::move(body));
  auto site = co_await session.api.patch(path, std::move(asked));
  if (!site) co_return site.error();
  print_site(session, std::move(*site));
  co_return Result<>{};
}

Task<Result<>> show_site(Session& session, std::string name) {
  const std::string path = "/sites/" + encoded(name);
  auto site = co_await session.api.get(path);
  if (!site) co_return site.error();
  print_site(session, std::move(*site));
  co_return Result<>{};
}

Task<Result<>> replace_row(Session& session, RowWish wish) {
  const auto value = wire::parse_json(wish.value);
  if (!value) co_return value.error().with_context("value");
  json::value body(json::object{{"value", *value}});
  const std::string path = "/rows/" + encoded(wish.table) + "/" + encoded(wish.key) + "/" + encoded(wish.column);
  auto done = co_await session.api.put(path, std::move(body));
  if (!done) co_return done.error();
  session.print_one({{"table", "table"}, {"key", "key"}, {"column", "column"}}, *done);
  co_return Result<>{};
}

Task<Result<>> plan_rollout(Session& session, PlanWish wish) {
  const auto body = read_rollout(wish.file, session.clock.wall());
  if (!body) co_return body.error();
  json::value asked = *body;
  const std::string path = wish.simulate ? "/rollouts/plan?facts=true" : "/rollouts/plan";
  auto plan = co_await session.api.post(path, std::move(asked));
  if (!plan) co_return plan.error();
  const std::uint64_t sites = number(*plan, "sites"), fit = number(*plan, "fit");
  if (fit < sites) session.status = 6;
  if (wish.simulate) {
    auto played = forecast(plan->at("facts"), wish.runs, wish.sites);
    if (!played) co_return played.error();
    plan->as_object().erase("facts");
    plan->as_object()["forecast"] = std::move(*played);
  }
  if (session.as_json) {
    session.print(*plan);
    co_return Result<>{};
  }
  std::cout << render_sites(plan->at("items").as_array()) << "\n"
            << fit << " of " << sites << " sites fit; " << human_bytes(number(*plan, "bytes"))
            << " over the WAN; the last one that fits ends at " << cell(*plan, "finish_at") << ".\n";
  if (number(*plan, "incompatible") > 0)
    std::cout << number(*plan, "incompatible")
              << " devices are left alone: nothing in the release fits them.\n";
  session.warn(*plan);
  if (wish.simulate) std::cout << "\n" << render_forecast(plan->at("forecast"));
  std::cout << "Nothing was started.\n";
  co_return Result<>{};
}

Task<Result<>> show_sites(Session& session, std::string id) {
  const std::string path = "/rollouts/" + encoded(id) + "/sites";
  const auto sites = co_await session.api.list(path);
  if (!sites) co_return sites.error();
  if (session.as_json)
    session.print(*sites);
  else
    std::cout << render_sites(*sites);
  co_return Result<>{};
}

}  // namespace dray::ctl
