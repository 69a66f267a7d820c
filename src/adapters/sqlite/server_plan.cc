// The plan of one site, out of the tables.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "adapters/sqlite/server_leases.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_times.h"
#include "adapters/sqlite/server_unreadable.h"
#include "base/mutant.h"
#include "core/model/said_type.h"

namespace dray::adapters {

using namespace rows;

namespace {

Result<> load_devices(StatementCache& sql, std::int64_t site_id, core::Plan& plan) {
  std::set<std::string> types;
  auto& devices = sql("SELECT name, type, token_sha256, attributes, id, reported FROM device WHERE site_id=?1 ORDER BY id");
  devices.bind(1, site_id);
  for (;;) {
    DRAY_TRY(const bool row, devices.step());
    if (!row) break;
    std::vector<wire::Unreadable> notes;
    RowReader{"device", std::to_string(devices.integer(4)), notes}("name", device_name_of(devices.text(0)));
    RowReader{"device", devices.text(0), notes}("token_sha256", token_hash_of(devices.text(2)));
    if (!notes.empty()) devices.reset();
    DRAY_CHECK(readable(notes));
    plan.devices.push_back(
        {DeviceId{devices.text(0)}, devices.text(1), devices.text(2), or_empty(string_map(devices.text(3))),
         core::differing_type(or_empty(string_map(devices.text(5))), devices.text(1))});
    types.insert(plan.devices.back().type);
  }
  static const std::string kType = "SELECT " + std::string{kTypeColumns} + " FROM device_type WHERE name=?1";
  for (const std::string& name : types) {
    auto& find = sql(kType);
    find.bind(1, name);
    DRAY_TRY(const bool row, find.step());
    if (!row) continue;
    const wire::NewDeviceType type = type_at(find, 0);
    find.reset();
    // Without it the gateway would end jobs as incompatible, for good: better no news for this site.
    DRAY_CHECK(readable(type.unreadable));
    plan.device_types.push_back(type.type);
  }
  return {};
}

// A paused rollout: what has not started is put off behind the expiry, by the rule "later time: moves what
// has not started"; what has started ends. Taking the jobs out of the plan would cancel one that began just
// now. What runs a part of the update goes on all the same (core/update/job.h); why the others wait is said with it.
void hold(core::Assignment& a, core::Held why) {
  a.held = std::move(why);
  a.planned_at = std::max(a.planned_at, a.expires_at);
  if (a.delivery == core::Delivery::kPush) a.fetch = core::Fetch::kHold;
}

// What says when it may begin can't be read, so nothing new does: "empty" would mean always.
void forbid(core::Assignment& a, core::Held why) {
  a.fetch = core::Fetch::kHold;
  a.transfer = a.update = core::for_plan({}, a.expires_at);
  hold(a, std::move(why));
}

const core::Held kNotComputed{"waiting_planning", "The server has not computed the times of this site yet."};
const core::Held kNoTimeFits{"waiting_planning", "The server has no time at which this site fits; it says why."};

// What the planner has found. Before it has, a rollout whose times it computes has none, and nothing may
// happen outside of the site's windows or without a share of the egress: that waits too.
void set_times(core::Assignment& a, const std::optional<server::PlannedSite>& planned, bool computed,
               bool plan_first, core::Plan& plan) {
  if (!planned) {
    if (plan_first) a.update = core::for_plan({}, a.expires_at);  // nobody knows when its windows are, also of what has begun
    if (computed || plan_first) hold(a, kNotComputed);
    return;
  }
  a.transfer = planned->transfer;
  a.update = planned->update;
  plan.limits.wan.insert(plan.limits.wan.end(), planned->times.wan.begin(), planned->times.wan.end());
  if (!computed) return;
  a.planned_at = planned->times.update_at.value_or(a.expires_at);
  if (!planned->times.update_at) hold(a, kNoTimeFits);
}

const core::Held kUnreadable{"row_unreadable", "What the server stores of this site or rollout can't be read; an operator there can replace it."};

// A pause, as its rollout says it: the mark of one stays where it was aborted, or has ended, and then holds nothing. What
// can't be read holds as a pause does.
void hold_paused(core::Assignment& a, const Result<bool>& mark, const core::Rollout& rollout) {
  if (!mark) return hold(a, kUnreadable);
  if (!*mark || !core::is_paused(rollout)) return;
  auto said = core::withheld(rollout.state, rollout.released, rollout.phases.size(), 0);
  hold(a, said ? core::Held{std::move(said->reason), std::move(said->sentence)} : kUnreadable);
}

// site: how its own row stands.
struct SiteRow {
  std::int64_t id = 0;
  bool plan_first = false, readable = true;
};

struct Listed {
  std::size_t at = 0;            // in the plan's assignments
  bool released_is_known = true;  // how many phases of its rollout have begun
};
using ListedById = std::map<std::int64_t, Listed>;

Result<> load_assignments(StatementCache& sql, const SiteRow& site, core::Plan& plan,
                          ListedById& index) {
  static const std::string kAssignments =
      "SELECT a.id, a.fetch, r.id, r.priority, r.delivery, r.update_at, r.expires_at, r.transfer, "
      "r.update_windows, r.retry_limit, r.status_deferral, CASE WHEN r.state IN ('scheduled', 'held', "
      "'running', 'soaking', 'waiting_approval', 'finished', 'aborted', 'paused') THEN a.held END, "  // a state that nobody knows
      "r.computed, " +
      std::string{kTermsColumnsOfR} + ", " + std::string{times::kColumns} +
      " FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.site_id=?1 AND a.in_plan=1 ORDER BY a.id";
  auto& find = sql(kAssignments);
  find.bind(1, site.id);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    core::Assignment a;
    a.rollout = RolloutId{rollout_id(find.integer(2))};
    a.id = AssignmentId{a.rollout.value() + "-" + plan.site.value()};
    const std::string fetch = find.text(1);
    a.fetch = fetch == "now"              ? core::Fetch::kNow
              : fetch == "at_update_time" ? core::Fetch::kAtUpdateTime
                                          : core::Fetch::kHold;
    std::vector<wire::Unreadable> notes;
    const RowReader read{"rollout", a.rollout.value(), notes};
    a.priority = static_cast<int>(read("priority", priority_at(find, 3)));
    a.delivery = find.text(4) == "pull" ? core::Delivery::kPull : core::Delivery::kPush;
    read("delivery", delivery_of(find.text(4)));
    a.planned_at = read("update_at", sure_time(find, 5));
    read("expires_at", sure_time(find, 6));
    a.expires_at = time_or_never(find, 6);
    const auto released = released_of(find, 13);
    read("released", released);
    read("transmit_at", maybe_time(find, 14));
    const auto transfer = intervals(find.text(7)), update = intervals(find.text(8));
    a.transfer = or_empty(transfer);
    a.update = or_empty(update);
    if (const auto limit = read("retry_limit", maybe_small(find, 9))) a.retry.limit = static_cast<int>(*limit);
    a.status_deferral = std::chrono::seconds{read("status_deferral", small(find, 10))};
    read("phases", phase_count_at(find, 24));
    const auto computed = flag(find, 12);
    read("computed", computed);
    const auto planned = times::planned_at(find, 13 + kTermsCount);
    if (planned) set_times(a, *planned, !computed || *computed, site.plan_first, plan);
    hold_paused(a, flag(find, 11), rollout_at(find, 13));
    const bool is_readable = site.readable && transfer && update && planned && notes.empty();
    if (!is_readable && !DRAY_MUTANT("unreadable_permits")) forbid(a, kUnreadable);
    index[find.integer(0)] = {plan.assignments.size(), released.has_value()};
    plan.assignments.push_back(std::move(a));
  }
}

Result<> load_jobs(StatementCache& sql, core::Plan& plan, const ListedById& index,
                   std::set<Sha256>& artifacts) {
  std::map<std::int64_t, std::vector<core::Step>> steps_of;  // by rollout_type
  // Where the number of released phases can't be read, those that say of themselves that they were: a job that appears
  // in a plan too early would be cancelled at its gateway when it leaves it.
  for (const auto& [assignment_id, listed] : index) {
    core::Assignment& assignment = plan.assignments[listed.at];
    auto& find = sql(
        "SELECT j.id, d.name, t.id, t.steps, j.cancel_at IS NOT NULL OR j.state='cancelled', j.cancel_by, j.cancel_why, j.rollout_id, "
        "j.generation, t.type, j.final<>0, j.final<>0 AND t.type<>d.type FROM job j JOIN device d ON d.id=j.device_id JOIN rollout_type t ON "
        "t.id=j.rollout_type_id JOIN rollout r ON r.id=j.rollout_id WHERE j.assignment_id=?1 AND j.phase < "
        "CASE WHEN ?2 THEN r.released ELSE (SELECT count(*) FROM rollout_phase p WHERE "
        "p.rollout_id=r.id AND typeof(p.released_at)='integer') END AND j.withheld=0 ORDER BY j.id");
    find.bind(1, assignment_id).bind(2, listed.released_is_known ? 1 : 0);
    for (;;) {
      DRAY_TRY(const bool row, find.step());
      if (!row) break;
      // Ended, and its device was moved to another type since: a gateway that took the place of another would make it anew,
      // with what is for the type of before.
      if (find.integer(11) != 0) continue;
      auto [steps, added] = steps_of.try_emplace(find.integer(2));
      if (added) {
        std::vector<wire::Unreadable> notes;
        const std::string key = rollout_id(find.integer(7)) + "/" + find.text(9);
        steps->second = RowReader{"rollout_type", key, notes}("steps", rows::steps(find.text(3)));
        if (!notes.empty()) find.reset();
        DRAY_CHECK(readable(notes));  // left out, the job would be cancelled where it has begun
      }
      // Nothing fits: no order for this device; one that it has by now ends by that (its device was moved to another type).
      if (steps->second.empty() && find.integer(10) != 0) continue;
      for (const auto& step : steps->second) artifacts.insert(step.begin(), step.end());
      const std::int64_t generation = find.integer(8);
      const JobId job = job_id(find.integer(7), generation, find.text(1));
      assignment.jobs.push_back({job, DeviceId{find.text(1)}, steps->second});
      // Also one that was cancelled at its site: a gateway that took the place of another must not ask the device again.
      if (find.integer(4) != 0)
        plan.cancels.push_back(
            {"c" + std::to_string(find.integer(0)) + (generation > 1 ? "." + std::to_string(generation) : ""),
             job, find.text(5), find.text(6)});
    }
  }
  return {};
}

Result<> load_artifacts(StatementCache& sql, const std::set<Sha256>& wanted, core::Plan& plan) {
  for (const Sha256& sha : wanted) {
    auto& find =
        sql("SELECT b.size, b.sha1, b.md5, a.name, a.file, a.component, a.version, a.id, b.sha256 FROM artifact a "
            "LEFT JOIN blob b ON b.sha256=a.sha256 WHERE a.sha256=?1");
    find.bind(1, sha.hex());
    DRAY_TRY(const bool row, find.step());
    if (!row) return Error{ErrorCode::kCorrupt, "artifact " + sha.hex() + " of a rollout is gone"};
    std::vector<wire::Unreadable> notes;
    check_file(sha.hex(), notes, find, 8, 0);
    check_names(sha.hex(), notes, find, 3);
    if (!notes.empty()) find.reset();
    DRAY_CHECK(readable(notes));
    plan.artifacts.push_back({sha, find.text(1), find.text(2), static_cast<std::uint64_t>(find.integer(0)),
                              find.text(3), find.text(4), find.text(5), find.text(6), find.integer(7)});
    find.reset();
  }
  return {};
}

// Of limits that can't be read: what is under way goes on as slowly as it can.
core::SiteLimits least_limits() {
  const WallTime from{}, to = parse_rfc3339("9999-12-31T23:59:59Z").value();
  return {.wan = {{from, to, 1}}, .lan = {{from, to, 1}}, .concurrency = 1, .store = 0};
}

}  // namespace

Result<core::Plan> SqliteServerStore::load_plan(const std::string& site) {
  auto& find = sql_(
      "SELECT id, revision, time_zone, limits, action_epoch, transfer_windows, update_windows, black_outs FROM "
      "site WHERE name=?1");
  find.bind(1, site);
  DRAY_TRY(const bool there, find.step());
  if (!there) return Error{ErrorCode::kNotFound, "no such site: '" + site + "'"};
  core::Plan plan;
  const std::int64_t epoch = find.integer(4);
  SiteRow row{.id = find.integer(0)};
  plan.revision = find.integer(1);
  plan.site = SiteId{site};
  plan.time_zone = or_empty(zone_of(find.text(2)));
  const auto limited = limits(find.text(3));
  plan.limits = limited ? *limited : least_limits();
  std::vector<wire::Unreadable> notes;
  const RowReader read{"site", site, notes};
  read("time_zone", zone_of(find.text(2)));
  const core::SiteWindows open = windows_at(read, find, 5);
  row.plan_first = plan_first_ || !open.always();
  row.readable = limited && notes.empty();
  notes.clear();
  find.reset();

  DRAY_TRY(plan.action_ids, leases::deliver(sql_, row.id, epoch));
  DRAY_CHECK(load_devices(sql_, row.id, plan));
  // What says which jobs are in the plan: left out, one would be cancelled where it has begun.
  DRAY_CHECK(check_membership(sql_, site, notes));
  if (!DRAY_MUTANT("plan_leaves_out")) DRAY_CHECK(readable(notes));
  ListedById index;
  std::set<Sha256> artifacts;
  DRAY_CHECK(load_assignments(sql_, row, plan, index));
  DRAY_CHECK(load_jobs(sql_, plan, index, artifacts));
  DRAY_CHECK(load_artifacts(sql_, artifacts, plan));
  DRAY_CHECK(load_deferrals(row.id, plan));
  DRAY_CHECK(load_site_deferrals(row.id, plan));
  return plan;
}

}  // namespace dray::adapters
