// Beside jobs that ended well: devices that no longer run what they ended with (core/rollout/drift.h says which).
#include <algorithm>
#include <map>
#include <utility>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "core/rollout/drift.h"

namespace dray::adapters {

using namespace rows;

namespace {

// Of a device's jobs those that began, or ended well, last: what others ended with was replaced long ago.
constexpr std::int64_t kJobsLookedAt = 64;

struct Known {
  core::DeviceJob job;
  std::vector<core::Step> steps;
  std::string drifted;  // as it is stored; empty: it has not
  std::string before;   // where an update has begun that may end it: what it was, as it is stored
};

Result<std::vector<Known>> jobs_of_device(StatementCache& sql, std::int64_t device) {
  auto& find = sql(
      "SELECT j.id, j.state, t.steps, CASE WHEN j.drifted_at IS NULL THEN '' ELSE j.drifted END, CASE WHEN j.drifted_at IS NULL AND j.drifted<>'{}' "
      "THEN j.drifted ELSE '' END FROM job j JOIN rollout_type t "
      "ON t.id=j.rollout_type_id WHERE j.device_id=?1 ORDER BY CASE WHEN typeof(j.turn)='integer' AND j.turn BETWEEN 0 AND 1000000000 THEN j.turn ELSE 0 END DESC, j.id DESC LIMIT ?2");
  find.bind(1, device).bind(2, kJobsLookedAt);
  std::vector<Known> out;
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    auto order = steps(find.text(2));
    const auto state = core::job_state_of(find.text(1));
    if (!order || !state) continue;  // it is named elsewhere, and says nothing here
    out.push_back({{find.integer(0), *state, {}, or_empty(string_map(find.text(3)))}, std::move(*order), find.text(3), find.text(4)});
  }
}

Result<> add_parts(StatementCache& sql, Known& known) {
  for (const core::Step& step : known.steps)
    for (const Sha256& sha : step) {
      auto& find = sql("SELECT component, version FROM artifact WHERE sha256=?1");
      find.bind(1, sha.hex());
      DRAY_TRY(const bool row, find.step());
      if (row) known.job.parts.push_back({find.text(0), find.text(1), sha.hex()});
      find.reset();
    }
  return {};
}

}  // namespace

// Only what the device itself reports sets it. While an update runs that replaces it on purpose it is not drifted, and where that
// fails it is what it was before, if that is what the device runs as far as anybody knows: a device on its way back has not
// reported yet.
Result<> SqliteServerStore::note_drift(std::int64_t device, const core::RunningByComponent& running, WallTime at, Drifts why) {
  DRAY_TRY(auto known, jobs_of_device(sql_, device));
  const auto concerned = [&](const Known& one) {
    if (why == Drifts::kReported) return one.job.state == core::JobState::kSucceeded;
    return !one.drifted.empty() || (why == Drifts::kFailed && !one.before.empty());
  };
  if (std::none_of(known.begin(), known.end(), concerned)) return {};
  std::vector<core::DeviceJob> jobs;
  for (Known& one : known) {
    DRAY_CHECK(add_parts(sql_, one));
    jobs.push_back(one.job);
  }
  std::map<std::int64_t, std::string> now;
  for (const core::Drift& drift : core::drift_of(jobs, running)) now[drift.job] = doc(drift.running);
  for (const Known& one : known) {
    const auto found = now.find(one.job.id);
    const std::string is = found == now.end() ? std::string{} : found->second;
    if (is == one.drifted && (why != Drifts::kReported || one.before.empty())) continue;
    if (!is.empty() && why != Drifts::kReported && is != one.before) continue;
    const std::string kept = why == Drifts::kReplaced ? one.drifted : "{}";
    auto& save = sql_("UPDATE job SET drifted_at=?2, drifted=?3 WHERE id=?1");
    save.bind(1, one.job.id).bind(3, is.empty() ? kept : is);
    bind_time(save, 2, is.empty() ? std::optional<WallTime>{} : at);
    DRAY_CHECK(save.run());
  }
  return {};
}

Result<> SqliteServerStore::note_turn(std::int64_t job, std::int64_t device) {
  return sql_("UPDATE job SET turn=1+(SELECT max(CASE WHEN typeof(o.turn)='integer' AND o.turn BETWEEN 0 AND 999999999 THEN o.turn ELSE 0 END) FROM job o WHERE o.device_id=?2) "
              "WHERE id=?1")
      .bind(1, job)
      .bind(2, device)
      .run();
}

// A job of the device has begun, ended, or gone back to wait.
Result<> SqliteServerStore::follow_drift(std::int64_t job, std::int64_t device, core::JobState before, core::JobState after, WallTime at) {
  const bool works = !core::is_waiting(after) && !core::is_final(after), worked = !core::is_waiting(before) && !core::is_final(before);
  const bool ended_well = after == core::JobState::kSucceeded && before != after;
  if ((works && !worked) || ended_well) DRAY_CHECK(note_turn(job, device));
  if ((core::is_final(after) && before != after && !ended_well) || (worked && core::is_waiting(after))) return note_running(device, at, Drifts::kFailed);
  return works != worked || ended_well ? note_running(device, at, Drifts::kReplaced) : Result<>{};
}

// From what the device reported last.
Result<> SqliteServerStore::note_running(std::int64_t device, WallTime at, Drifts why) {
  auto& find = sql_(
      "SELECT d.running FROM device d WHERE d.id=?1 AND EXISTS(SELECT 1 FROM job j WHERE j.device_id=?1 AND (j.drifted_at IS NOT "
      "NULL OR j.drifted<>'{}'))");
  find.bind(1, device);
  DRAY_TRY(const bool there, find.step());
  if (!there) return {};
  const auto runs = running(find.text(0));
  find.reset();
  return runs ? note_drift(device, *runs, at, why) : Result<>{};
}

}  // namespace dray::adapters
