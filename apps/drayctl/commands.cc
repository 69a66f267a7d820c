#include <algorithm>
#include <filesystem>
#include <iostream>

#include "ctl/phases.h"
#include "ctl/site_times.h"
#include "ctl/times.h"
#include "session.h"

namespace dray::ctl {
namespace {

const std::vector<Column> kRolloutFields{{"rollout", "id"},           {"release", "release"},     {"devices", "filter"},
                                         {"delivery", "delivery"},    {"schedule", "schedule"}, {"transmit at", "transmit_at"}, {"update at", "update_at"},
                                         {"expires at", "expires_at"}, {"state", "state"},         {"reason", "reason"},
                                         {"progress", "sentence"},    {"until", "until"}};
const std::vector<Column> kJobColumns{{"DEVICE", "device"}, {"SITE", "site"},       {"STATE", "state"},      {"REASON", "reason"},
                                      {"STEP", "step"},     {"ATTEMPT", "attempt"}, {"RUNNING", "running"}, {"WHY", "sentence"}};

// What is beside the states of jobs is shown where there is some.
std::vector<Column> job_columns(const json::array& jobs) {
  std::vector<Column> out = kJobColumns;
  for (const Column& column : {Column{"CAUSE", "cause.sentence"}, Column{"DRIFTED SINCE", "drifted.since"}, Column{"AND RUNS", "drifted.running"}})
    if (std::any_of(jobs.begin(), jobs.end(), [&](const json::value& job) { return cell(job, column.path) != "-"; })) out.push_back(column);
  return out;
}

bool has_ended(const json::value& rollout) {
  const std::string state = cell(rollout, "state");
  return state == "finished" || state == "aborted";
}

// Of a large rollout, people are shown only what went wrong.
constexpr std::int64_t kMostShown = 500;
constexpr std::size_t kMostSites = 50;

Task<Result<json::array>> jobs_of(Session& session, std::string id, bool all) {
  std::string path = "/rollouts/" + encoded(id) + "/jobs";
  if (!all) path += "?filter=" + encoded("state in (failed,rolled_back,expired) or drifted=yes");
  co_return co_await session.api.list(path);
}

bool shows_all(const Session& session, const json::value& rollout) {
  const json::value* devices = rollout.is_object() ? rollout.get_object().if_contains("devices") : nullptr;
  return session.as_json || devices == nullptr || !devices->is_int64() || devices->get_int64() <= kMostShown;
}

std::string page_of(const json::value& rollout, const json::array& jobs, bool all) {
  std::string out = render_fields(kRolloutFields, rollout) + "\n" + render_phases(rollout) + "\n";
  if (!all) out += std::to_string(jobs.size()) + " of " + cell(rollout, "devices") + " devices have ended as failed, or drifted:\n";
  return all || !jobs.empty() ? out + render_table(job_columns(jobs), jobs) : out;
}

// A rollout that was just made: as soon as there are times, or after some seconds without them. The table of its sites.
Task<Result<std::string>> wait_for_times(Session& session, json::value& rollout) {
  const std::string path = "/rollouts/" + encoded(cell(rollout, "id"));
  for (int looks = 0; looks < 10 && cell(rollout, "planning.sites") == "0"; ++looks) {
    const auto slept = co_await session.clock.sleep_until(session.clock.steady() + std::chrono::milliseconds{500}, session.api.stop());
    if (!slept) co_return slept.error();
    auto now = co_await session.api.get(path);
    if (!now) co_return now.error();
    rollout = std::move(*now);
  }
  const std::string sites_path = path + "/sites";
  const auto sites = co_await session.api.list(sites_path);
  if (!sites) co_return sites.error();
  co_return sites->size() <= kMostSites ? render_sites(*sites) : std::string{};
}

}  // namespace

Task<Result<>> push_artifact(Session& session, ArtifactPush options) {
  const std::filesystem::path path = std::filesystem::absolute(options.file);
  adapters::PosixDisk disk{path.parent_path()};
  auto file = disk.open(path.filename().string(), Mode::kRead);
  if (!file) co_return file.error();
  Progress progress = session.progress(path.filename().string());
  const auto sha256 = hash_file(**file, progress);
  if (!sha256) co_return sha256.error();
  const auto sent = co_await upload(session.api, session.clock, *file, *sha256, progress);
  if (!sent) co_return sent.error().with_context("uploading " + options.file);
  json::array types;
  for (const std::string& type : options.types) types.emplace_back(type);
  json::object body{{"sha256", sha256->hex()},
                    {"name", options.name},
                    {"file", options.as_file.empty() ? path.filename().string() : options.as_file},
                    {"component", options.component},
                    {"version", options.version},
                    {"device_types", std::move(types)}};
  auto made = co_await session.api.post("/artifacts", std::move(body));
  if (!made) co_return made.error();
  session.warn(*made);
  session.print_one({{"artifact", "sha256"}, {"name", "name"}, {"component", "component"}, {"version", "version"}, {"bytes", "size"}}, *made);
  co_return Result<>{};
}

Task<Result<>> list_of(Session& session, std::string path, std::vector<Column> columns) {
  const auto items = co_await session.api.list(path);
  if (!items) co_return items.error();
  session.print_list(columns, *items);
  co_return Result<>{};
}

Task<Result<>> show_one(Session& session, std::string path, std::vector<Column> columns) {
  const auto item = co_await session.api.get(path);
  if (!item) co_return item.error();
  session.print_one(columns, *item);
  co_return Result<>{};
}

Task<Result<>> create(Session& session, std::string path, json::value body, std::vector<Column> columns, std::string token_file) {
  auto place = place_for_token(token_file);
  if (!place) co_return place.error().with_context("--token-to");
  auto made = co_await session.api.post(path, std::move(body));
  if (!made) co_return made.error();
  if (session.as_json || !columns.empty()) session.print_one(columns, *made);
  co_return hand_out(session, *made, cell(*made, "name"), std::move(*place));
}

Task<Result<>> change(Session& session, std::string path, json::value body, std::vector<Column> columns) {
  auto changed = co_await session.api.patch(std::move(path), std::move(body));
  if (!changed) co_return changed.error();
  session.print_one(columns, *changed);
  co_return Result<>{};
}

Task<Result<>> create_rollout(Session& session, std::string file) {
  const auto body = read_rollout(file, session.clock.wall());
  if (!body) co_return body.error();
  json::value asked = *body;
  const std::string path = "/rollouts";
  auto rollout = co_await session.api.post(path, std::move(asked));
  if (!rollout) co_return rollout.error();
  session.warn(*rollout);
  std::string sites;
  if (!session.as_json && cell(*rollout, "schedule") == "auto") {
    auto planned = co_await wait_for_times(session, *rollout);
    if (!planned) co_return planned.error();
    sites = std::move(*planned);
  }
  session.print_one({{"rollout", "id"}, {"release", "release"}, {"delivery", "delivery"}, {"devices", "devices"}, {"state", "state"}, {"progress", "sentence"}},
                    *rollout);
  if (!sites.empty()) std::cout << "\n" << sites;
  co_return Result<>{};
}

Task<Result<>> change_rollout(Session& session, std::string id, std::string verb, json::object body) {
  if (json::value* expires = body.if_contains("expires_at")) {
    const auto time = parse_when(cell(*expires, ""), session.clock.wall());
    if (!time) co_return time.error().with_context("--expires-at");
    *expires = to_rfc3339(*time);
  }
  const std::string path = "/rollouts/" + encoded(id) + "/" + verb;
  json::value asked(std::move(body));
  const auto rollout = co_await session.api.post(path, std::move(asked));
  if (!rollout) co_return rollout.error();
  if (session.as_json)
    session.print(*rollout);
  else
    std::cout << render_fields({{"rollout", "id"}, {"state", "state"}, {"progress", "sentence"}}, *rollout) << "\n" << render_phases(*rollout);
  co_return Result<>{};
}

Task<Result<>> show_rollout(Session& session, std::string id) {
  const std::string path = "/rollouts/" + encoded(id);
  auto rollout = co_await session.api.get(path);
  if (!rollout) co_return rollout.error();
  const bool all = shows_all(session, *rollout);
  auto jobs = co_await jobs_of(session, id, all);
  if (!jobs) co_return jobs.error();
  const std::string sites_path = path + "/sites";
  auto sites = co_await session.api.list(sites_path);
  if (!sites) co_return sites.error();
  if (session.as_json) {
    rollout->as_object()["jobs"] = std::move(*jobs);
    rollout->as_object()["sites"] = std::move(*sites);
    session.print(*rollout);
    co_return Result<>{};
  }
  std::cout << page_of(*rollout, *jobs, all);
  if (sites->size() <= kMostSites)
    std::cout << "\n" << render_sites(*sites);
  else
    std::cout << "\n" << sites->size() << " sites: drayctl rollout sites " << id << "\n";
  co_return Result<>{};
}

Task<Result<>> watch_rollout(Session& session, std::string id, std::chrono::seconds every, bool until_paused) {
  const std::string path = "/rollouts/" + encoded(id);
  std::string shown;
  for (;;) {
    const auto rollout = co_await session.api.get(path);
    if (!rollout) co_return rollout.error();
    const bool all = shows_all(session, *rollout);
    const auto jobs = co_await jobs_of(session, id, all);
    if (!jobs) co_return jobs.error();
    const std::string now = session.as_json ? wire::to_text(*rollout) + "\n"
                                            : page_of(*rollout, *jobs, all);
    if (now != shown) std::cout << (session.on_terminal && !session.as_json ? "\x1b[H\x1b[2J" : shown.empty() ? "" : "\n") << now << std::flush;
    shown = now;
    if (has_ended(*rollout) || (until_paused && cell(*rollout, "state") == "paused")) {
      session.status = exit_status(*rollout);
      co_return Result<>{};
    }
    const auto slept = co_await session.clock.sleep_until(session.clock.steady() + every, session.api.stop());
    if (!slept) co_return slept;
  }
}

}  // namespace dray::ctl
