// What the planner is given, out of the tables: read on whichever connection lists are read on, so that
// planning holds up no report.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "adapters/sqlite/server_installs.h"
#include "adapters/sqlite/server_rates.h"
#include "adapters/sqlite/server_references.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_seen.h"
#include "adapters/sqlite/server_times.h"

namespace dray::adapters {

using namespace rows;
using server::SiteWork;

namespace {

constexpr std::string_view kNotOver = "r.state NOT IN ('finished', 'aborted', 'paused')";

core::LineRate line(const core::LinkRate& link) {
  return {BytesPerSecond{link.value}, BytesPerSecond{link.low}, link.spread()};
}

// A device that is to be updated: what of its steps is left.
struct Needy {
  std::string name, type;
  std::string running;  // as the table has it
  const std::vector<core::Step>* steps = nullptr;
  std::int64_t from_step = 0;
};

class Gather {
 public:
  Gather(StatementCache& sql, const server::WhenAsked& when, WallTime now)
      : sql_{sql}, when_{when}, now_{now} {}

  // The site itself, its deferrals, its WAN as far as other rollouts use it; `rollout` 0: of none yet.
  Result<> site(SiteWork& out, std::int64_t site_id, std::int64_t rollout);
  // Then its rates at the hour that is planned for, and its devices; for a forecast also what each of them has
  // to do (null: nobody asks).
  Result<> devices(SiteWork& out, const std::vector<Needy>& devices, wire::ForecastSite* facts = nullptr);
  // What devices of each type have done, in the order in which the facts name them.
  Result<std::vector<wire::ForecastKind>> kinds();
  Result<std::vector<Needy>> of_assignment(std::int64_t assignment);
  const std::vector<core::Step>* steps_of(std::int64_t rollout_type, const std::string& text);

 private:
  struct Known {
    std::uint64_t size = 0;
    std::string component, version;
  };
  Result<const Known*> artifact(const Sha256& sha);
  struct Installs {  // of a type
    explicit Installs(core::InstallTimes all) : times{std::move(all)}, estimates{times} {}
    core::InstallTimes times;
    core::InstallEstimates estimates;
  };
  Result<const Installs*> installs_of(const std::string& type);
  Result<double> failing(const std::string& type);
  Result<> busy(SiteWork& out, std::int64_t site_id);

  StatementCache& sql_;
  const server::WhenAsked& when_;
  WallTime now_;
  std::optional<wire::StorageReport> storage_;  // of the site that is looked at
  std::map<Sha256, Known> artifacts_;
  std::map<std::string, Installs> installs_;
  std::int64_t site_id_ = 0;  // of the site that is looked at
  std::map<std::string, std::size_t> kinds_;
  std::map<std::int64_t, std::vector<core::Step>> steps_;
};

Result<> Gather::site(SiteWork& out, std::int64_t site_id, std::int64_t rollout) {
  site_id_ = site_id;
  auto& find = sql_(
      "SELECT name, time_zone, limits, storage, transfer_windows, update_windows, black_outs FROM site WHERE "
      "id=?1");
  find.bind(1, site_id);
  DRAY_TRY([[maybe_unused]] const bool there, find.step());
  out.site = find.text(0);
  out.time_zone = find.text(1);
  std::vector<wire::Unreadable> notes;
  const RowReader read{"site", out.site, notes};
  read("time_zone", zone_of(find.text(1)));
  out.limits = read("limits", limits(find.text(2)));
  out.windows = windows_at(read, find, 4);
  storage_ = or_empty(storage(find.text(3)));  // unknown: nothing is there
  find.reset();
  DRAY_CHECK(readable(notes));
  static const std::string kDeferred =
      "SELECT max(until) FROM (SELECT " + std::string{kUntil} + " AS until FROM deferral WHERE " +
      std::string{kMayBeAboutSite} + " AND (device='' OR device NOT IN (SELECT name FROM device)) AND " + std::string{kStands} +
      " AND (rollout_id IS NULL OR rollout_id=?2 OR rollout_id NOT IN (SELECT id FROM rollout)) AND " + std::string{kUntil} +
      " > ?3 UNION ALL SELECT until FROM site_deferral "
      "WHERE site_id=?1 AND device='' AND withdrawn<>1 AND (assignment='' OR assignment=?4) AND until > ?3)";
  auto& deferred = sql_(kDeferred);
  deferred.bind(1, site_id).bind(2, rollout).bind(3, ms(now_)).bind(4, rollout_id(rollout) + "-" + out.site);
  DRAY_TRY([[maybe_unused]] const bool any, deferred.step());
  if (!deferred.is_null(0)) out.deferred_until = time_or_never(deferred, 0);  // text is more than any number
  deferred.reset();
  return busy(out, site_id);
}

Result<> Gather::busy(SiteWork& out, std::int64_t site_id) {
  static const std::string kOthers =
      "SELECT " + std::string{times::kColumns} +
      " FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.site_id=?1 "
      "AND a.id<>?2 AND a.in_plan=1 AND a.planned_at IS NOT NULL AND " +
      std::string{kNotOver};
  auto& find = sql_(kOthers);
  find.bind(1, site_id).bind(2, out.assignment);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const auto other = or_empty(times::planned_at(find, 0));
    if (!other) continue;
    const core::SiteTimes& t = other->times;
    for (const core::RateLimit& share : t.wan)
      if (share.to > now_) out.busy.push_back({share.from, share.to});
    const auto start = t.transmit_at ? t.transmit_at : t.update_at;
    if (t.wan.empty() && other->basis.missing.count > 0 && start && t.fetched_at && *t.fetched_at > now_)
      out.busy.push_back({*start, *t.fetched_at});
  }
}

Result<const Gather::Known*> Gather::artifact(const Sha256& sha) {
  auto [found, added] = artifacts_.try_emplace(sha);
  if (!added) return &found->second;
  auto& find = sql_(
      "SELECT b.size, a.component, a.version FROM artifact a JOIN blob b ON b.sha256=a.sha256 WHERE "
      "a.sha256=?1");
  find.bind(1, sha.hex());
  DRAY_TRY(const bool row, find.step());
  if (row) found->second = {or_empty(size_at(find, 0)), find.text(1), find.text(2)};
  find.reset();
  return &found->second;
}

Result<const Gather::Installs*> Gather::installs_of(const std::string& type) {
  if (const auto found = installs_.find(type); found != installs_.end()) return &found->second;
  DRAY_TRY(core::InstallTimes times, installs::of_type(sql_, type));
  return &installs_.emplace(type, Installs{std::move(times)}).first->second;
}

// Of all attempts of jobs that have ended. A job that succeeded had one that did not fail. total() and a bound: one row
// whose number is damaged must not fail the sum of all.
Result<double> Gather::failing(const std::string& type) {
  static const std::string kTried =
      "SELECT total(min(j.attempt, 1000000)), total(min(j.attempt, 1000000) - (j.state=?2)) FROM job j JOIN device d ON "
      "d.id=j.device_id WHERE d.type=?1 AND j.attempt > 0 AND j.state IN " +
      states_that([](core::JobState state) { return core::is_failure(state) || state == core::JobState::kSucceeded; });
  auto& find = sql_(kTried);
  find.bind(1, type).bind(2, core::to_string(core::JobState::kSucceeded));
  DRAY_TRY([[maybe_unused]] const bool row, find.step());
  const double all = static_cast<double>(find.integer(0)), failed = static_cast<double>(find.integer(1));
  find.reset();
  return all > 0 ? failed / all : 0;
}

Result<std::vector<wire::ForecastKind>> Gather::kinds() {
  std::vector<wire::ForecastKind> out(kinds_.size());
  for (const auto& [type, index] : kinds_) {
    out[index].type = type;
    DRAY_TRY(const Installs* took, installs_of(type));
    out[index].installs = core::likely_times(took->times);
    DRAY_TRY(out[index].failing, failing(type));
  }
  return out;
}

const std::vector<core::Step>* Gather::steps_of(std::int64_t rollout_type, const std::string& text) {
  auto [found, added] = steps_.try_emplace(rollout_type);
  if (added) found->second = or_empty(rows::steps(text));  // its site gets no plan before they are replaced
  return &found->second;
}

Result<std::vector<Needy>> Gather::of_assignment(std::int64_t assignment) {
  std::vector<Needy> out;
  auto& find = sql_(
      "SELECT d.name, d.type, d.running, t.id, t.steps, j.step FROM job j JOIN device d ON d.id=j.device_id "
      "JOIN rollout_type t ON t.id=j.rollout_type_id JOIN rollout r ON r.id=j.rollout_id WHERE "
      "j.assignment_id=?1 AND j.final=0 AND j.withheld=0 AND j.cancel_at IS NULL AND j.phase < r.released");
  find.bind(1, assignment);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    out.push_back(
        {find.text(0), find.text(1), find.text(2), steps_of(find.integer(3), find.text(4)), find.integer(5)});
  }
}

Result<> Gather::devices(SiteWork& out, const std::vector<Needy>& devices, wire::ForecastSite* facts) {
  DRAY_TRY(const core::SiteRates rates, link_rates::site(sql_, out.site, when_(out), now_));
  out.wan = rates.wan;
  std::map<Sha256, std::size_t> wanted;  // -> its place among them
  for (const Needy& device : devices) {
    const core::RunningByComponent runs = or_empty(running(device.running));  // unknown: all is to be sent
    core::DeviceWork work;
    wire::ForecastDevice fact;
    for (auto i = static_cast<std::size_t>(std::max<std::int64_t>(0, device.from_step));
         i < device.steps->size(); ++i) {
      std::vector<std::size_t> step;
      for (const Sha256& sha : (*device.steps)[i]) {
        DRAY_TRY(const Known* known, artifact(sha));
        const auto now = runs.find(known->component);
        if (now != runs.end() && core::is_version(now->second, known->version, sha)) continue;  // no attempt is made
        work.bytes.count += known->size;
        step.push_back(wanted.try_emplace(sha, wanted.size()).first->second);
      }
      if (!step.empty()) fact.steps.push_back(std::move(step));
    }
    if (fact.steps.empty()) continue;
    const auto rate = rates.devices.find(device.name);
    if (rate != rates.devices.end()) work.lan = BytesPerSecond{rate->second.low};
    DRAY_TRY(const Installs* took, installs_of(device.type));
    const Duration install = took->estimates.at(std::to_string(site_id_));
    work.install = install * static_cast<int>(fact.steps.size());
    out.devices.push_back(work);
    if (facts == nullptr) continue;
    if (rate != rates.devices.end()) fact.lan = line(rate->second);
    fact.kind = kinds_.try_emplace(device.type, kinds_.size()).first->second;
    facts->devices.push_back(std::move(fact));
  }
  if (facts != nullptr) facts->artifacts.resize(wanted.size());
  for (const auto& [sha, place] : wanted) {
    DRAY_TRY(const Known* known, artifact(sha));
    std::uint64_t have = 0;
    if (storage_)
      for (const auto& stored : storage_->artifacts)
        if (stored.sha256 == sha) have = stored.verified ? known->size : std::min(stored.bytes, known->size);
    out.missing.count += known->size - have;
    if (facts != nullptr) facts->artifacts[place] = {known->size, known->size - have};
  }
  if (facts == nullptr) return {};
  facts->name = out.site;
  facts->concurrency = out.limits.concurrency;
  facts->wan_caps = out.limits.wan;
  facts->lan_caps = out.limits.lan;
  facts->wan = line(rates.wan);
  return {};
}

// One row of a rollout's assignment that is to be looked at.
const std::string kWorks =
    "SELECT a.id, a.plan_asked, a.site_id, r.delivery, r.priority, r.computed, r.transmit_at, r.update_at, "
    "r.expires_at, r.transfer, r.update_windows, " +
    std::string{times::kColumns} +
    " FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.rollout_id=?1 AND a.in_plan=1 AND "
    "(a.plan_asked > a.plan_seen OR a.look_at <= ?2) AND " +
    std::string{kNotOver} + " ORDER BY a.id";

struct Row {
  SiteWork work;
  std::int64_t site_id = 0;
  bool readable = true;
};

Row row_at(const Statement& find) {
  Row out;
  SiteWork& w = out.work;
  w.assignment = find.integer(0);
  w.asked = find.integer(1);
  out.site_id = find.integer(2);
  w.delivery = find.text(3) == "push" ? core::Delivery::kPush : core::Delivery::kPull;
  w.priority = static_cast<int>(find.integer(4));
  const auto computed = flag(find, 5);
  w.computed = !computed || *computed;
  const auto transmit_at = maybe_time(find, 6);
  const auto update_at = sure_time(find, 7), expires_at = sure_time(find, 8);
  if (!w.computed) {
    w.transmit_at = or_empty(transmit_at);
    w.update_at = or_empty(update_at);
  }
  w.expires_at = or_empty(expires_at);
  const auto transfer = intervals(find.text(9)), update = intervals(find.text(10));
  out.readable = transfer && update && expires_at && computed && delivery_of(find.text(3)) && priority_at(find, 4) && (w.computed || (transmit_at && update_at));
  w.transfer = or_empty(transfer);
  w.update = or_empty(update);
  w.published = or_empty(times::planned_at(find, 11));  // what can't be read is computed anew
  return out;
}

}  // namespace

Result<server::Lists::PlanningDue> SqliteServerLists::planning_due(WallTime now) {
  PlanningDue out;
  static const std::string kDue =
      "SELECT DISTINCT id FROM (SELECT a.rollout_id AS id FROM assignment a WHERE a.in_plan=1 AND "
      "a.plan_asked > "
      "a.plan_seen UNION ALL SELECT a.rollout_id FROM assignment a WHERE a.in_plan=1 AND a.look_at <= ?1) "
      "JOIN "
      "rollout r USING(id) WHERE " +
      std::string{kNotOver} + " ORDER BY id";
  auto& find = sql_(kDue);
  find.bind(1, ms(now));
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) break;
    out.rollouts.emplace_back(rollout_id(find.integer(0)));
  }
  static const std::string kNext =
      "SELECT min(a.look_at) FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.in_plan=1 AND "
      "a.look_at > ?1 AND " +
      std::string{kNotOver};
  auto& next = sql_(kNext);
  next.bind(1, ms(now));
  DRAY_TRY([[maybe_unused]] const bool row, next.step());
  out.next = time_at(next, 0);
  next.reset();
  return out;
}

Result<std::vector<SiteWork>> SqliteServerLists::site_works(RolloutId rollout, const server::WhenAsked& when,
                                                            WallTime now) {
  const std::int64_t number = rollout_number(rollout.value()).value_or(0);
  std::vector<Row> rows;
  auto& find = sql_(kWorks);
  find.bind(1, number).bind(2, ms(now));
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) break;
    rows.push_back(row_at(find));
  }
  Gather gather{sql_, when, now};
  std::vector<SiteWork> out;
  for (Row& row : rows) {
    if (!row.readable) continue;  // held in its site's plan until it is replaced
    if (auto site = gather.site(row.work, row.site_id, number); !site) {
      if (site.error().code() != ErrorCode::kCorrupt) return site.error();
      continue;  // the same, and others are planned
    }
    DRAY_TRY(const auto needy, gather.of_assignment(row.work.assignment));
    DRAY_CHECK(gather.devices(row.work, needy));
    out.push_back(std::move(row.work));
  }
  return out;
}

namespace {

// The devices that a rollout would be for, by site.
struct Meant {
  std::map<std::string, std::vector<core::Step>> steps;  // by type; a Needy looks at them
  std::map<std::int64_t, std::vector<Needy>> sites;
  std::int64_t incompatible = 0;
  std::vector<core::Candidate> candidates;
};

Result<const std::vector<core::Step>*> steps_for(StatementCache& sql, const std::string& type,
                                                 const std::vector<core::ReleaseArtifact>& release,
                                                 const server::TypePlanner& planner, Meant& out) {
  auto [known, added] = out.steps.try_emplace(type);
  if (!added) return &known->second;
  static const std::string kType = "SELECT " + std::string{kTypeColumns} + " FROM device_type WHERE name=?1";
  auto& find = sql(kType);
  find.bind(1, type);
  DRAY_TRY(const bool row, find.step());
  const wire::NewDeviceType known_type = row ? type_at(find, 0) : wire::NewDeviceType{};
  find.reset();
  if (auto is_known = readable(known_type.unreadable); !is_known) {
    out.steps.erase(known);
    return is_known.error();
  }
  if (row) known->second = planner(known_type, release).steps;
  return &known->second;
}

Result<> find_devices(StatementCache& sql, const wire::NewRollout& rollout, const core::Filter& filter,
                      const std::vector<core::ReleaseArtifact>& release, const server::TypePlanner& planner,
                      Meant& out) {
  static const std::string kAll = "SELECT " + std::string{kSeenColumns};
  const Phasing phasing{rollout};
  auto& devices = sql(kAll);
  for (;;) {
    DRAY_TRY(const bool row, devices.step());
    if (!row) break;
    const Seen device = seen_at(devices);
    if (!device.passes(filter)) continue;
    auto known = steps_for(sql, device.type, release, planner, out);
    if (!known && known.error().code() == ErrorCode::kCorrupt) continue;  // as when it is made
    DRAY_TRY(const auto* steps, std::move(known));
    out.candidates.push_back(phasing.candidate(device, !steps->empty()));
    if (steps->empty())
      ++out.incompatible;
    else
      out.sites[device.site_id].push_back({device.name, device.type, doc(device.running), steps, 0});
  }
  if (out.sites.empty() && out.incompatible == 0)
    return Error{ErrorCode::kInvalid, "filter: no device passes it"};
  DRAY_TRY([[maybe_unused]] const auto phases,
           core::split(rollout.phases, out.candidates));  // what refuses it
  return {};
}

}  // namespace

Result<server::Lists::WhatIf> SqliteServerLists::what_if(const wire::NewRollout& rollout,
                                                         const core::Filter& filter,
                                                         const server::TypePlanner& planner,
                                                         const server::WhenAsked& when, WallTime now) {
  DRAY_TRY(const std::int64_t release_id, release_of(sql_, rollout));
  DRAY_TRY(const auto release, release_artifacts(sql_, release_id));
  Meant meant;
  DRAY_CHECK(find_devices(sql_, rollout, filter, release, planner, meant));

  WhatIf out;
  out.incompatible = meant.incompatible;
  Gather gather{sql_, when, now};
  const core::RolloutTerms& terms = rollout.terms;
  for (const auto& [site_id, needy] : meant.sites) {
    SiteWork& work = out.sites.emplace_back();
    work.delivery = terms.delivery;
    work.priority = rollout.priority;
    work.computed = terms.computed;
    if (!terms.computed) {
      work.transmit_at = terms.transmit_at;
      work.update_at = terms.update_at;
    }
    work.expires_at = terms.expires_at;
    work.transfer = rollout.transfer;
    work.update = rollout.update;
    if (auto site = gather.site(work, site_id, 0); !site) {
      if (site.error().code() != ErrorCode::kCorrupt) return site.error();
      out.unreadable.emplace_back(work.site, site.error().message());
      out.sites.pop_back();
      continue;
    }
    DRAY_CHECK(gather.devices(work, needy, &out.facts.sites.emplace_back()));
  }
  out.facts.delivery = terms.delivery;
  out.facts.expires_at = terms.expires_at;
  DRAY_TRY(out.facts.kinds, gather.kinds());
  return out;
}

Result<std::vector<server::Share>> SqliteServerLists::shares(WallTime now) {
  static const std::string kShares =
      "SELECT a.id, a.shares FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.in_plan=1 AND "
      "a.shares <> '[]' AND r.state NOT IN ('finished', 'aborted')";
  std::vector<server::Share> out;
  auto& find = sql_(kShares);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    for (const core::RateLimit& share : or_empty(times::shares(find.text(1))))
      if (share.to > now) out.push_back({find.integer(0), share});
  }
}

}  // namespace dray::adapters
