// Releases, rollouts and jobs of the admin API.
#include <utility>

#include "server/admin_api.h"
#include "server/planning.h"
#include "wire/ddi.h"

namespace dray::server {

// --- releases ---

Task<HttpResponse> AdminApi::add_release(Call& call) {
  auto wanted = wire::decode_release(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  std::function<Result<Made>()> work = [this, &wanted, once = once(call), now = parts_.clock.wall()] {
    return parts_.store.add_release(*wanted, now, once);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  std::function<Result<wire::ReleaseView>()> show = [this, &wanted] {
    return parts_.lists.release(wanted->name, wanted->version);
  };
  std::string location = "/api/v1/releases/" + wire::escape_url(wanted->name) + "/" + wire::escape_url(wanted->version);
  co_return co_await made<wire::ReleaseView>(*done, std::move(location), {}, std::move(show));
}

Task<HttpResponse> AdminApi::list_releases(Call& call) {
  auto query = page_query(call, {});
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::ReleaseView>>()> work = [this, &query] {
    return parts_.lists.releases(*query);
  };
  co_return co_await listing<wire::ReleaseView>(std::move(work));
}

Task<HttpResponse> AdminApi::show_release(Call& call) {
  std::function<Result<wire::ReleaseView>()> work = [this, &call] {
    return parts_.lists.release(call.args[0], call.args[1]);
  };
  co_return co_await showing<wire::ReleaseView>(std::move(work));
}

// --- rollouts ---

namespace {

// A rollout that is asked for, to be made or only looked at.
struct Asked {
  wire::NewRollout rollout;
  core::Filter filter;
};
Result<Asked> asked_in(const std::string& body, WallTime now) {
  DRAY_TRY(wire::NewRollout rollout, wire::decode_rollout(body));
  if (rollout.terms.expires_at <= now) return Error{ErrorCode::kInvalid, "expires_at: is over already"};
  DRAY_TRY(core::Filter filter, core::parse_filter(rollout.filter, core::kDeviceFields));
  return Asked{std::move(rollout), std::move(filter)};
}

}  // namespace

Task<HttpResponse> AdminApi::add_rollout(Call& call) {
  auto asked = asked_in(call.body, parts_.clock.wall());
  if (!asked) co_return problem_response(asked.error());
  std::function<Result<Made>()> work = [this, &asked, once = once(call), now = parts_.clock.wall()] {
    return parts_.store.add_rollout(asked->rollout, asked->filter, plan_type, now, once);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(done->changed);
  timetable_.notify();
  if (!done->replayed)
    parts_.log.info("rollout_made", {{"rollout", done->id}, {"sites", done->changed.size()}});
  std::function<Result<wire::RolloutView>()> show = [this, id = done->id] {
    return parts_.lists.rollout(RolloutId{id});
  };
  std::vector<std::string> warnings = wire::warnings_of(asked->rollout, parts_.clock.wall());
  co_return co_await made<wire::RolloutView>(*done, "/api/v1/rollouts/" + done->id, {}, std::move(show), std::move(warnings));
}

// What it would do: computed as if it were made now, and forgotten.
Task<HttpResponse> AdminApi::plan_rollout(Call& call) {
  auto asked = asked_in(call.body, parts_.clock.wall());
  if (!asked) co_return problem_response(asked.error());
  const auto facts = call.query.find("facts");
  if (facts != call.query.end() && facts->second != "true" && facts->second != "false")
    co_return problem_response(400, "facts: must be true or false");
  const bool with_facts = facts != call.query.end() && facts->second == "true";
  std::function<Result<wire::WhatIfView>()> work =
      [this, &asked, with_facts, now = parts_.clock.wall()]() -> Result<wire::WhatIfView> {
    DRAY_TRY(wire::WhatIfView view, what_if(parts_, options_, asked->rollout, asked->filter, now));
    view.with_facts = with_facts;
    return view;
  };
  co_return co_await showing<wire::WhatIfView>(std::move(work));
}

Task<HttpResponse> AdminApi::list_site_times(Call& call) {
  auto query = page_query(call, {});
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::SiteTimesView>>()> work =
      [this, &call, &query]() -> Result<wire::Page<wire::SiteTimesView>> {
    const RolloutId id{call.args[0]};
    if (auto there = parts_.lists.rollout(id); !there) return there.error();
    return parts_.lists.site_times(id, *query);
  };
  co_return co_await listing<wire::SiteTimesView>(std::move(work));
}

Task<HttpResponse> AdminApi::list_rollouts(Call& call) {
  auto query = page_query(call, {});
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::RolloutView>>()> work = [this, &query] {
    return parts_.lists.rollouts(*query);
  };
  auto page = co_await on(parts_.lists_worker, std::move(work));
  if (!page) co_return problem_response(page.error());
  const Suffering suffering = co_await who_suffers();
  for (wire::RolloutView& one : page->items) one.damaged = suffering.of_rollout(one.id);
  co_return json_response(200, wire::encode(*page));
}

Task<HttpResponse> AdminApi::show_rollout(Call& call) {
  std::function<Result<wire::RolloutView>()> work = [this, &call] {
    return parts_.lists.rollout(RolloutId{call.args[0]});
  };
  auto found = co_await on(parts_.lists_worker, std::move(work));
  if (!found) co_return problem_response(found.error());
  const Suffering suffering = co_await who_suffers();
  found->damaged = suffering.of_rollout(found->id);
  co_return json_response(200, wire::encode(*found));
}

Task<HttpResponse> AdminApi::list_jobs(Call& call) {
  auto query = page_query(call, core::kJobFields);
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::JobView>>()> work = [this, &call,
                                                             &query]() -> Result<wire::Page<wire::JobView>> {
    const RolloutId id{call.args[0]};
    if (auto there = parts_.lists.rollout(id); !there) return there.error();
    return parts_.lists.jobs(id, *query);
  };
  co_return co_await listing<wire::JobView>(std::move(work));
}

// The answer is the rollout as it is afterwards, also to a request that was done before.
Task<HttpResponse> AdminApi::change_rollout(Call& call, core::RolloutEvent event, std::string by) {
  std::function<Result<Made>()> work = [this, &call, &event, once = once(call), now = parts_.clock.wall()] {
    return parts_.store.change_rollout(RolloutId{call.args[0]}, event, plan_type, now, once);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(done->changed);
  timetable_.notify();
  if (!done->replayed)
    parts_.log.info("rollout_change_asked",
                    {{"rollout", call.args[0]}, {"what", core::event_name(event)}, {"by", by}});
  HttpResponse out = co_await show_rollout(call);
  if (done->replayed) out.headers.set("Idempotency-Replayed", "true");
  co_return out;
}

Task<HttpResponse> AdminApi::approve_rollout(Call& call) {
  auto asked = wire::decode_approval(call.body);
  if (!asked) co_return problem_response(asked.error());
  core::RolloutEvent event = core::ApproveAsked{asked->why.by, asked->why.why, asked->phase};
  co_return co_await change_rollout(call, std::move(event), asked->why.by);
}

Task<HttpResponse> AdminApi::pause_rollout(Call& call) {
  auto why = wire::decode_why(call.body);
  if (!why) co_return problem_response(why.error());
  core::RolloutEvent event = core::PauseAsked{why->by, why->why};
  co_return co_await change_rollout(call, std::move(event), why->by);
}

Task<HttpResponse> AdminApi::resume_rollout(Call& call) {
  auto why = wire::decode_why(call.body);
  if (!why) co_return problem_response(why.error());
  core::RolloutEvent event = core::ResumeAsked{why->by, why->why};
  co_return co_await change_rollout(call, std::move(event), why->by);
}

Task<HttpResponse> AdminApi::abort_rollout(Call& call) {
  auto why = wire::decode_why(call.body);
  if (!why) co_return problem_response(why.error());
  core::RolloutEvent event = core::AbortAsked{why->by, why->why};
  co_return co_await change_rollout(call, std::move(event), why->by);
}

Task<HttpResponse> AdminApi::retry_rollout(Call& call) {
  auto asked = wire::decode_retry(call.body);
  if (!asked) co_return problem_response(asked.error());
  core::RolloutEvent event = core::RetryAsked{asked->why.by, asked->why.why, asked->expires_at};
  co_return co_await change_rollout(call, std::move(event), asked->why.by);
}

// --- jobs ---

Task<HttpResponse> AdminApi::show_job(Call& call) {
  std::function<Result<wire::JobView>()> work = [this, &call] {
    return parts_.lists.job(JobId{call.args[0]});
  };
  co_return co_await showing<wire::JobView>(std::move(work));
}

Task<HttpResponse> AdminApi::show_log(Call& call) {
  std::function<Result<std::vector<wire::LogLine>>()> work = [this, &call] {
    return parts_.lists.log(JobId{call.args[0]});
  };
  auto lines = co_await on(parts_.lists_worker, std::move(work));
  if (!lines) co_return problem_response(lines.error());
  wire::json::array items;
  for (const auto& line : *lines) items.push_back(wire::encode(line));
  const wire::json::value body{{"items", std::move(items)}};
  co_return json_response(200, body);
}

Task<HttpResponse> AdminApi::cancel_job(Call& call) {
  auto why = wire::decode_why(call.body);
  if (!why) co_return problem_response(why.error());
  std::function<Result<SiteChanges>()> work = [this, &call, &why, now = parts_.clock.wall()] {
    return parts_.store.cancel_job(JobId{call.args[0]}, *why, now);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(*done);
  timetable_.notify();
  parts_.log.info("job_cancel_asked", {{"job", call.args[0]}, {"by", why->by}});
  co_return co_await show_job(call);
}

}  // namespace dray::server
