// Deferrals of the admin API: M9 and M15 from the server's side.
#include "server/admin_api.h"

namespace dray::server {
namespace {

// One that is over stands no more, also where nobody has withdrawn it.
void look(wire::DeferralView& view, WallTime now) { view.stands = view.stands && view.until > now; }

Result<wire::DeferralView> seen_at(Result<wire::DeferralView> view, WallTime now) {
  if (view) look(*view, now);
  return view;
}

}  // namespace

Task<HttpResponse> AdminApi::add_deferral(Call& call) {
  auto wanted = wire::decode_deferral(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  std::function<Result<Store::Deferred>()> work = [this, &wanted, once = once(call),
                                                   now = parts_.clock.wall()] {
    return parts_.store.add_deferral(*wanted, now, once);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  if (done->latest_possible) {
    const std::string latest = to_rfc3339(std::chrono::floor<std::chrono::seconds>(*done->latest_possible));
    const bool none = *done->latest_possible <= parts_.clock.wall();
    const std::string detail =
        none ? "until: the expiry leaves no time for a deferral; accept_expiry takes it all the same"
             : "until: leaves too little time before the expiry; the latest possible time is " + latest +
                   ", or set accept_expiry";
    const wire::json::value body{{"type", "about:blank"},
                                 {"title", "Conflict"},
                                 {"status", 409},
                                 {"detail", detail},
                                 {"latest_possible", latest}};
    HttpResponse out = json_response(409, body);
    out.headers.set("Content-Type", "application/problem+json");
    co_return out;
  }
  sites_.apply(done->made.changed);
  timetable_.notify();  // times may follow it
  if (!done->made.replayed)
    parts_.log.info("deferred", {{"deferral", done->made.id},
                                 {"by", wanted->by},
                                 {"until", to_rfc3339(wanted->until)},
                                 {"jobs", done->jobs}});
  std::function<Result<wire::DeferralView>()> show = [this, id = done->made.id, now = parts_.clock.wall()] {
    return seen_at(parts_.lists.deferral(id), now);
  };
  co_return co_await made<wire::DeferralView>(done->made, "/api/v1/deferrals/" + done->made.id, {},
                                              std::move(show));
}

Task<HttpResponse> AdminApi::list_deferrals(Call& call) {
  auto query = page_query(call, {});
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::DeferralView>>()> work =
      [this, &query, now = parts_.clock.wall()]() -> Result<wire::Page<wire::DeferralView>> {
    DRAY_TRY(auto page, parts_.lists.deferrals(*query));
    for (wire::DeferralView& view : page.items) look(view, now);
    return page;
  };
  co_return co_await listing<wire::DeferralView>(std::move(work));
}

Task<HttpResponse> AdminApi::show_deferral(Call& call) {
  std::function<Result<wire::DeferralView>()> work = [this, &call, now = parts_.clock.wall()] {
    return seen_at(parts_.lists.deferral(call.args[0]), now);
  };
  co_return co_await showing<wire::DeferralView>(std::move(work));
}

Task<HttpResponse> AdminApi::withdraw_deferral(Call& call) {
  std::function<Result<SiteChanges>()> work = [this, &call, now = parts_.clock.wall()] {
    return parts_.store.withdraw_deferral(call.args[0], now);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(*done);
  timetable_.notify();
  parts_.log.info("deferral_withdrawn", {{"deferral", call.args[0]}});
  co_return co_await show_deferral(call);
}

}  // namespace dray::server
