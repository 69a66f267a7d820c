// What every command of drayctl is given: the API, the clock, and how to print.
#pragma once

#include <string>

#include "adapters/posix/posix_disk.h"
#include "adapters/posix/secret_file.h"
#include "ctl/api.h"
#include "ctl/table.h"
#include "ctl/upload.h"

namespace dray::ctl {

struct Session {
  Api& api;
  Clock& clock;
  bool as_json = false;  // --json: the server's answer as it is
  bool on_terminal = false;
  int status = 0;  // what drayctl exits with where the command itself was done

  void print(const json::value& value) const;                                        // JSON, one line
  void print_list(const std::vector<Column>& columns, const json::array& items) const;
  void print_one(const std::vector<Column>& columns, const json::value& item) const;
  void warn(const json::value& item) const;  // what the server warns of, on standard error
  Progress progress(std::string name) const;  // a bar on a terminal, silence elsewhere
};

// Where a secret that is shown once goes: a new file of mode 0600 where one is named, else standard output. It is made
// before the secret is asked for.
Result<adapters::NewSecret> place_for_token(const std::string& file);
Result<> hand_out(const Session& session, const json::value& answer, const std::string& what, adapters::NewSecret file);

// --- the commands; each prints and gives an error for main to say ---

struct ArtifactPush {
  std::string file, name, component, version, as_file;
  std::vector<std::string> types;
};
Task<Result<>> push_artifact(Session& session, ArtifactPush options);
Task<Result<>> list_of(Session& session, std::string path, std::vector<Column> columns);
Task<Result<>> show_one(Session& session, std::string path, std::vector<Column> columns);
// Posts and prints what came back; a token goes to token_file.
Task<Result<>> create(Session& session, std::string path, json::value body, std::vector<Column> columns, std::string token_file);
// Changes what the body names, and prints what came back.
Task<Result<>> change(Session& session, std::string path, json::value body, std::vector<Column> columns);
// --- wishes.cc ---
struct DeferWish {
  std::string site, device, rollout;  // at a gateway rollout is the assignment
  std::string until, span, by, why;
  bool accept_expiry = false;
};
Task<Result<>> defer_at_server(Session& session, DeferWish wish);
Task<Result<>> defer_at_gateway(Session& session, DeferWish wish);
Task<Result<>> withdraw_deferral(Session& session, std::string id);  // of the server or the gateway, whom the session talks to
Task<Result<>> jobs_at_gateway(Session& session);
Task<Result<>> deferrals_at_server(Session& session, bool all);  // all: also those that are over
Task<Result<>> deferrals_at_gateway(Session& session, bool all);
Task<Result<>> list_gateways(Session& session, std::string site);  // gateways.cc
// The reason, its sentence and until, and what would have to happen.
Task<Result<>> why_device(Session& session, std::string name);
Task<Result<>> why_site(Session& session, std::string name);
Task<Result<>> why_rollout(Session& session, std::string id);
Task<Result<>> why_job(Session& session, std::string id);
// Shows a rollout and its devices again whenever something changed, until it has ended, or is paused where that is asked
// for; sets the exit status by how it ended.
Task<Result<>> watch_rollout(Session& session, std::string id, std::chrono::seconds every, bool until_paused);
Task<Result<>> show_rollout(Session& session, std::string id);
// approve, pause, resume, abort, retry-failed. A member expires_at of the body may be as people type times.
Task<Result<>> change_rollout(Session& session, std::string id, std::string verb, json::object body);

Task<Result<>> create_rollout(Session& session, std::string file);

// --- planning.cc ---
// Only what is given changes; one "none" clears a list.
struct SiteChange {
  std::string name, time_zone;
  std::vector<std::string> transfer, update, black_outs;
  std::int64_t concurrency = 0;  // 0: as it is
};
Task<Result<>> set_site(Session& session, SiteChange change);
Task<Result<>> show_site(Session& session, std::string name);
// What can't be read in the server's database takes `value`, which is JSON; `why` of a site names the row.
struct RowWish {
  std::string table, key, column, value;
};
Task<Result<>> replace_row(Session& session, RowWish wish);
// What the rollout of a file would do, site by site; nothing is made. Exit status 6 where a site does not fit.
struct PlanWish {
  std::string file;
  bool simulate = false;  // and play it
  int runs = 20, sites = 50;
};
Task<Result<>> plan_rollout(Session& session, PlanWish wish);
// The answer of dray-forecast to these facts. kNotFound: it is not installed.
Result<json::value> forecast(const json::value& facts, int runs, int sites);
std::string render_forecast(const json::value& forecast);
Task<Result<>> show_sites(Session& session, std::string id);  // of a rollout: their times

// The rollout file (TOML) as the body of POST /rollouts.
Result<json::value> read_rollout(const std::string& file, WallTime now);

}  // namespace dray::ctl
