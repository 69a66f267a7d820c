// Deferrals, at the server and at a gateway; and why something waits.
#include <algorithm>
#include <iostream>

#include "core/update/helps.h"
#include "ctl/times.h"
#include "session.h"

namespace dray::ctl {
namespace {

// By this machine's clock where it is a span; the server and the gateway compare with theirs.
Result<WallTime> time_of(const DeferWish& wish, WallTime now) {
  if (wish.until.empty() && wish.span.empty()) return Error{ErrorCode::kInvalid, "either --until or --for is needed"};
  if (!wish.until.empty() && !wish.span.empty())
    return Error{ErrorCode::kInvalid, "--until and --for exclude each other; one of them is enough"};
  if (!wish.until.empty()) return parse_when(wish.until, now);
  DRAY_TRY(const auto span, parse_span(wish.span));
  return now + span;
}

json::value or_null(const std::string& text) { return text.empty() ? json::value{} : json::value(text); }

void print_why(const std::string& name, const json::value& thing, const std::string& path,
               const char* state) {
  const auto at = [&](const char* member) {
    return cell(thing, path.empty() ? member : path + "." + member);
  };
  std::cout << name << ": " << at(state) << (at("reason") == "-" ? "" : " (" + at("reason") + ")") << "\n";
  if (at("sentence") != "-") std::cout << "  why:   " << at("sentence") << "\n";
  if (at("cause.sentence") != "-" && at("sentence").find(at("cause.sentence")) == std::string::npos) std::cout << "  cause: " << at("cause.sentence") << "\n";
  if (at("drifted.since") != "-") std::cout << "  drifted: since " << at("drifted.since") << " it runs " << at("drifted.running") << "; drayctl rollout retry-failed\n";
  if (at("until") != "-") std::cout << "  until: " << at("until") << "\n";
  if (const auto helps = core::what_helps(at("reason")); !helps.empty())
    std::cout << "  helps: " << helps << "\n";
  const json::value* shown = path.empty() ? &thing : thing.as_object().if_contains(path);
  if (shown != nullptr) std::cout << render_unreadable(*shown);
}

Task<Result<>> why(Session& session, std::string path, std::string name, const char* state) {
  const auto thing = co_await session.api.get(path);
  if (!thing) co_return thing.error();
  if (session.as_json)
    session.print(*thing);
  else
    print_why(name, *thing, "", state);
  co_return Result<>{};
}

}  // namespace

Task<Result<>> defer_at_server(Session& session, DeferWish wish) {
  const auto until = time_of(wish, session.clock.wall());
  if (!until) co_return until.error();
  json::object body{{"until", to_rfc3339(*until)},
                    {"by", wish.by},
                    {"why", wish.why},
                    {"accept_expiry", wish.accept_expiry}};
  if (!wish.rollout.empty()) body["rollout"] = wish.rollout;
  body[wish.device.empty() ? "site" : "device"] = wish.device.empty() ? wish.site : wish.device;
  std::vector<Column> columns{{"deferral", "id"},     {"site", "site"},   {"device", "device"},
                              {"rollout", "rollout"}, {"until", "until"}, {"open jobs", "jobs"}, {"too late for", "too_late"}};
  json::value sent(std::move(body));  // braces would make an array of it
  co_return co_await create(session, "/deferrals", std::move(sent), std::move(columns), {});
}

Task<Result<>> defer_at_gateway(Session& session, DeferWish wish) {
  const auto until = time_of(wish, session.clock.wall());
  if (!until) co_return until.error();
  json::value body{{"device", or_null(wish.device)},
                   {"assignment", or_null(wish.rollout)},
                   {"until", to_rfc3339(*until)},
                   {"by", wish.by},
                   {"why", wish.why},
                   {"accept_expiry", wish.accept_expiry}};
  std::vector<Column> columns{{"deferral", "id"},
                              {"device", "device"},
                              {"assignment", "assignment"},
                              {"until", "until"},
                              {"jobs moved", "jobs"}};
  co_return co_await create(session, "/deferrals", std::move(body), std::move(columns), {});
}

Task<Result<>> withdraw_deferral(Session& session, std::string id) {
  const std::string path = "/deferrals/" + encoded(id);
  const auto gone = co_await session.api.remove(path);
  if (!gone) co_return gone.error();
  if (session.as_json)
    session.print(*gone);
  else
    std::cout << "withdrawn: " << id << "\n";
  co_return Result<>{};
}

Task<Result<>> jobs_at_gateway(Session& session) {
  const auto answer = co_await session.api.get("/jobs");
  if (!answer) co_return answer.error();
  const json::array& jobs = answer->at("jobs").as_array();
  std::vector<Column> columns{{"JOB", "id"},       {"DEVICE", "device"},       {"STATE", "state"},  {"REASON", "reason"},
                              {"UNTIL", "until"}, {"UPDATE AT", "update_at"}, {"WHY", "sentence"}};
  if (std::any_of(jobs.begin(), jobs.end(), [](const json::value& job) { return cell(job, "cause.sentence") != "-"; }))
    columns.push_back({"CAUSE", "cause.sentence"});
  session.print_list(columns, jobs);
  co_return Result<>{};
}

namespace {

// Those that are over are shown to whoever asks for all, and to programs.
void print_deferrals(const Session& session, const json::array& deferrals, std::vector<Column> columns, bool all) {
  json::array shown;
  for (const json::value& one : deferrals)
    if (session.as_json || all || cell(one, "stands") == "yes") shown.push_back(one);
  if (all) columns.insert(columns.end() - 3, Column{"STANDS", "stands"});
  session.print_list(columns, shown);
}

}  // namespace

Task<Result<>> deferrals_at_server(Session& session, bool all) {
  const std::string path = "/deferrals";
  const auto items = co_await session.api.list(path);
  if (!items) co_return items.error();
  std::vector<Column> columns{{"ID", "id"},       {"SITE", "site"}, {"DEVICE", "device"}, {"ROLLOUT", "rollout"},
                              {"UNTIL", "until"}, {"FROM", "from"}, {"BY", "by"},         {"WHY", "why"}};
  print_deferrals(session, *items, std::move(columns), all);
  co_return Result<>{};
}

Task<Result<>> deferrals_at_gateway(Session& session, bool all) {
  const auto answer = co_await session.api.get("/deferrals");
  if (!answer) co_return answer.error();
  std::vector<Column> columns{{"ID", "id"}, {"DEVICE", "device"}, {"ASSIGNMENT", "assignment"}, {"UNTIL", "until"}, {"FROM", "from"}, {"BY", "by"}, {"WHY", "why"}};
  print_deferrals(session, answer->at("deferrals").as_array(), std::move(columns), all);
  co_return Result<>{};
}

Task<Result<>> why_device(Session& session, std::string name) {
  const std::string path = "/devices/" + encoded(name);
  const auto device = co_await session.api.get(path);
  if (!device) co_return device.error();
  if (session.as_json) {
    session.print(*device);
    co_return Result<>{};
  }
  std::cout << name << " runs " << cell(*device, "running") << "\n";
  if (const std::string status = cell(*device, "status"); status == "two_agents")
    std::cout << "Two agents seem to call under its name.\n  helps: " << core::what_helps(status) << "\n";
  if (const std::string reason = cell(*device, "reason"); reason != "-")
    std::cout << cell(*device, "sentence") << " (" << reason << ")\n  helps: " << core::what_helps(reason) << "\n";
  std::cout << render_unreadable(*device);
  if (cell(*device, "job") == "-")
    std::cout << "No rollout concerns it: its state is idle.\n";
  else
    print_why("rollout " + cell(*device, "job.rollout"), *device, "job", "state");
  co_return Result<>{};
}

Task<Result<>> why_site(Session& session, std::string name) {
  return why(session, "/sites/" + encoded(name), name, "state");
}

Task<Result<>> why_rollout(Session& session, std::string id) {
  return why(session, "/rollouts/" + encoded(id), id, "state");
}

Task<Result<>> why_job(Session& session, std::string id) {
  return why(session, "/jobs/" + encoded(id), id, "state");
}

}  // namespace dray::ctl
