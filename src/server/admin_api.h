// The admin API, /api/v1: docs/api.md. What `drayctl` and the UI use, and nothing else. Also /healthz and
// /readyz. Loop thread only.
#pragma once

#include <string>

#include "server/artifacts.h"
#include "server/http.h"
#include "server/instances.h"
#include "server/sites.h"

namespace dray::server {

class AdminApi : public HttpHandler {
 public:
  // timetable is notified where a rollout was made: it may be due before what is waited for.
  AdminApi(Parts& parts, const Options& options, Sites& sites, Artifacts& artifacts, Instances& instances,
           Signal& timetable)
      : parts_{parts},
        options_{options},
        sites_{sites},
        artifacts_{artifacts},
        instances_{instances},
        timetable_{timetable} {}

  void set_token_sha256(std::string sha256) { token_sha256_ = std::move(sha256); }

  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override;
  bool knows(const HttpRequest& request) const;  // its token is the operator's

 private:
  // One request, its parts looked at once.
  struct Call {
    HttpRequest request;
    std::vector<std::string> path;  // below /api/v1; the parts that '*' stood for are args
    std::map<std::string, std::string> query;
    std::vector<std::string> args;
    std::string body;
    explicit Call(HttpRequest r) : request{std::move(r)} {}
  };
  struct Route;
  static std::span<const Route> routes();
  Task<HttpResponse> dispatch(Call& call);
  Task<HttpResponse> run(Call& call, const Route& route);

  // admin_uploads.cc
  Task<HttpResponse> begin_upload(Call& call);
  Task<HttpResponse> show_upload(Call& call);
  Task<HttpResponse> append_upload(Call& call);
  HttpResponse appended(const Sha256& sha256, const Artifacts::Appended& done);

  // admin_things.cc
  Task<HttpResponse> add_artifact(Call& call);
  Task<HttpResponse> list_artifacts(Call& call);
  Task<HttpResponse> show_artifact(Call& call);
  Task<HttpResponse> add_device_type(Call& call);
  Task<HttpResponse> list_device_types(Call& call);
  Task<HttpResponse> show_device_type(Call& call);
  Task<HttpResponse> change_device_type(Call& call);
  Task<HttpResponse> add_site(Call& call);
  Task<HttpResponse> list_sites(Call& call);
  Task<HttpResponse> show_site(Call& call);
  Task<HttpResponse> change_site(Call& call);
  Task<Result<>> know_zone(std::string name);
  Task<HttpResponse> renew_site_token(Call& call);
  Task<HttpResponse> resync_site(Call& call);
  Task<HttpResponse> renew_action_ids(Call& call);
  Task<HttpResponse> add_device(Call& call);
  Task<HttpResponse> add_devices(Call& call);
  Task<HttpResponse> list_devices(Call& call);
  Task<HttpResponse> show_device(Call& call);
  Task<HttpResponse> change_device(Call& call);
  Task<HttpResponse> renew_device_token(Call& call);
  Task<HttpResponse> list_registered(Call& call);

  Task<HttpResponse> replace_row(Call& call);

  // admin_clock.cc
  Task<HttpResponse> show_clock(Call& call);
  Task<HttpResponse> confirm_clock(Call& call);

  // admin_gateways.cc
  Task<HttpResponse> replace_gateway(Call& call);

  // admin_rollouts.cc
  Task<HttpResponse> add_release(Call& call);
  Task<HttpResponse> list_releases(Call& call);
  Task<HttpResponse> show_release(Call& call);
  Task<HttpResponse> add_rollout(Call& call);
  Task<HttpResponse> plan_rollout(Call& call);
  Task<HttpResponse> list_site_times(Call& call);
  Task<HttpResponse> list_rollouts(Call& call);
  Task<HttpResponse> show_rollout(Call& call);
  Task<HttpResponse> list_jobs(Call& call);
  Task<HttpResponse> change_rollout(Call& call, core::RolloutEvent event, std::string by);
  Task<HttpResponse> approve_rollout(Call& call);
  Task<HttpResponse> pause_rollout(Call& call);
  Task<HttpResponse> resume_rollout(Call& call);
  Task<HttpResponse> abort_rollout(Call& call);
  Task<HttpResponse> retry_rollout(Call& call);
  Task<HttpResponse> show_job(Call& call);
  Task<HttpResponse> show_log(Call& call);
  Task<HttpResponse> cancel_job(Call& call);

  // admin_deferrals.cc
  Task<HttpResponse> add_deferral(Call& call);
  Task<HttpResponse> list_deferrals(Call& call);
  Task<HttpResponse> show_deferral(Call& call);
  Task<HttpResponse> withdraw_deferral(Call& call);

  // The Idempotency-Key of this request, with what it asked for.
  static std::optional<Once> once(const Call& call);
  Result<PageQuery> page_query(const Call& call, core::FilterFields fields) const;
  template <class T>
  Task<HttpResponse> listing(std::function<Result<wire::Page<T>>()> work);
  template <class T>
  Task<HttpResponse> showing(std::function<Result<T>()> work);
  // 201 or, for what was there, 200; with the token, which is shown this once.
  template <class T>
  Task<HttpResponse> made(const Made& made, std::string location, std::string token,
                          std::function<Result<T>()> work, std::vector<std::string> warnings = {});
  // Artifacts whose bytes are damaged or gone, a sentence each, by those that need them. (admin_damage.cc)
  struct Suffering {
    std::map<std::string, std::vector<std::string>> sites, rollouts;
    std::vector<std::string> of_site(const std::string& name) const { return find(sites, name); }
    std::vector<std::string> of_rollout(const RolloutId& id) const { return find(rollouts, id.value()); }

   private:
    static std::vector<std::string> find(const std::map<std::string, std::vector<std::string>>& in, const std::string& key) {
      const auto found = in.find(key);
      return found == in.end() ? std::vector<std::string>{} : found->second;
    }
  };
  Task<Suffering> who_suffers();
  void say_damage(wire::ArtifactView& view) const;
  std::string new_token() { return random_alphanumeric(parts_.random, 32); }

  Parts& parts_;
  const Options& options_;
  Sites& sites_;
  Artifacts& artifacts_;
  Instances& instances_;
  Signal& timetable_;
  std::string token_sha256_;  // empty: not started yet
};

// --- templates ---

// What can be said only of the moment at which it is looked at. A page is as of its query.
template <class T>
void look_at(T& view, WallTime now) {
  if constexpr (requires { wire::describe_now(view, now); }) wire::describe_now(view, now);
}

template <class T>
Task<HttpResponse> AdminApi::listing(std::function<Result<wire::Page<T>>()> work) {
  auto page = co_await on(parts_.lists_worker, std::move(work));
  if (!page) co_return problem_response(page.error());
  co_return json_response(200, wire::encode(*page));
}

template <class T>
Task<HttpResponse> AdminApi::showing(std::function<Result<T>()> work) {
  auto found = co_await on(parts_.lists_worker, std::move(work));
  if (!found) co_return problem_response(found.error());
  look_at(*found, parts_.clock.wall());
  co_return json_response(200, wire::encode(*found));
}

template <class T>
Task<HttpResponse> AdminApi::made(const Made& made, std::string location, std::string token,
                                  std::function<Result<T>()> work, std::vector<std::string> warnings) {
  auto found = co_await on(parts_.lists_worker, std::move(work));
  if (!found) co_return problem_response(found.error());
  look_at(*found, parts_.clock.wall());
  auto object = wire::encode(*found);
  if (!token.empty()) object["token"] = made.replayed ? wire::json::value{} : wire::json::value(token);
  if (!warnings.empty()) object["warnings"] = wire::json::array(warnings.begin(), warnings.end());
  HttpResponse out = json_response(made.replayed ? 200 : 201, object);
  out.headers.set("Location", location);
  if (made.replayed) out.headers.set("Idempotency-Replayed", "true");
  co_return out;
}

}  // namespace dray::server
