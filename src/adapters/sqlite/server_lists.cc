// What the admin API shows, read-only. A cursor is the row number of the last item, so a page costs its own
// length however far in it is. A filter is evaluated in memory over the rows in order until the page is full.
#include <limits>
#include <utility>

#include "adapters/sqlite/server_installs.h"
#include "adapters/sqlite/server_page.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_unreadable.h"

namespace dray::adapters {

using namespace rows;
using server::PageQuery;
using wire::Page;

namespace {

constexpr std::string_view kSites =
    "SELECT s.id, s.name, s.time_zone, s.limits, s.revision, s.seen_epoch, s.seen_seq, s.created_at, "
    "s.contact_at, s.storage, "
    "(SELECT count(*) FROM device d WHERE d.site_id=s.id), "
    "(SELECT count(*) FROM job j JOIN assignment a ON a.id=j.assignment_id WHERE a.site_id=s.id AND j.final=0), "
    "s.transfer_windows, s.update_windows, s.black_outs, m.misfit, m.misfit_sentence, s.refused, "
    "s.refused_at, s.refused_what, s.refused_why, s.epoch_waits, s.epochs, s.ids_ended, s.token_sha256 FROM site s LEFT JOIN "
    "assignment m ON m.id=(SELECT max(a.id) FROM assignment a WHERE a.site_id=s.id AND a.in_plan=1 AND "
    "a.misfit<>'') ";

wire::SiteView site_at(const Statement& row) {
  wire::SiteView out;
  out.name = row.text(1);
  const RowReader read{"site", out.name, out.unreadable};
  out.time_zone = read("time_zone", zone_of(row.text(2)));
  out.limits = read("limits", limits(row.text(3)));
  out.revision = row.integer(4);
  out.seen = {row.integer(5), row.integer(6)};
  out.created_at = wall(row.integer(7));
  out.contact_at = time_at(row, 8);
  out.storage = read("storage", storage(row.text(9)));
  out.devices = row.integer(10);
  out.open_jobs = row.integer(11);
  out.windows = windows_at(read, row, 12);
  out.misfit = row.text(15);
  out.misfit_sentence = row.text(16);
  out.refused = {row.integer(17), time_at(row, 18), row.text(19), row.text(20)};
  out.epoch_waits = time_at(row, 21);
  out.epochs = row.integer(22);
  out.ids_ended = row.integer(23) != 0;
  read("token_sha256", token_hash_of(row.text(24)));
  return out;
}

// What is known of the job's assignment.
struct Times {
  bool planned = false;
  std::optional<WallTime> transmit_at, update_at;
  bool held_back = false;  // push: not transmitted yet
  std::string misfit, sentence;
};
constexpr int kTimesCount = 6;
constexpr std::string_view kTimesColumns =
    "a.planned_at, a.transmit_at, a.update_at, a.fetch, a.misfit, a.misfit_sentence";

Times times_at(const Statement& row, int first) {
  return {!row.is_null(first),          time_at(row, first + 1), time_at(row, first + 2),
          row.text(first + 3) == "hold", row.text(first + 4),     row.text(first + 5)};
}

// What the rollout knows better than the gateway's last word, and what no gateway has reported on yet: said
// by the server.
void explain(const core::Rollout& rollout, const Times& times, const std::optional<core::OtherType>& other, const wire::JobView& job,
             core::JobResult& result) {
  if (core::is_final(result.state) || !core::is_waiting(result.state)) return;
  const auto say = [&](std::string reason, std::string sentence, std::optional<WallTime> until) {
    result.reason = std::move(reason);
    result.sentence = std::move(sentence);
    result.until = until;
  };
  const bool reported = job.reported_at.has_value();
  const bool is_mixed = result.step > 0;  // between two steps it goes on, whatever the times are: its gateway knows better
  if (job.cancel_asked) {
    if (!reported)
      say("gateway_silent", "The cancel waits for the gateway of site " + job.site + ".", {});
  } else if (!job.unreadable.empty()) {
    say("row_unreadable", wire::sentence_of(job.unreadable.front()) + ". Nothing new begins before it is replaced: " +
                              wire::remedy_of(job.unreadable.front()) + ".", {});
  } else if (auto why = core::withheld(rollout.state, rollout.released, rollout.phases.size(), job.phase);
             why && !(core::is_paused(rollout) && is_mixed)) {
    say(std::move(why->reason), std::move(why->sentence), why->until);
  } else if (other) {
    say("type_differs", core::sentence_of(*other), {});
  } else if (rollout.terms.computed && !times.planned && !is_mixed) {
    say("waiting_planning", "The server computes the times of site " + job.site + ".", {});
  } else if (rollout.terms.computed && !times.update_at && !times.misfit.empty() && !is_mixed) {
    say(times.misfit, times.sentence, {});
  } else if (reported) {
    return;
  } else if (rollout.terms.computed ? times.held_back : !core::may_transmit(rollout)) {
    say("transmission_time", "The server transmits at the transmission time.",
        rollout.terms.computed ? times.transmit_at : rollout.terms.transmit_at);
  } else {
    say("gateway_silent", "The gateway of site " + job.site + " has not reported on this job yet.", {});
  }
  // It begins all the same, as far as it can.
  if (!times.misfit.empty() && result.reason != times.misfit) result.sentence += " " + times.sentence;
}

const std::string kJobColumns =
    "j.id, r.id, d.name, s.name, d.type, j.reported_at, j.cancel_at, j.cancel_by, j.cancel_why, " + std::string{kPhaseOfJ} + ", " +
    std::string{kGenerationOfJ} + ", r.transfer, r.update_windows, s.limits, s.transfer_windows, s.update_windows, s.black_outs, s.time_zone, "
    "r.priority, r.retry_limit, r.status_deferral, " + std::string{kJobNumbersOfJ} + ", " + std::string{kPhasesOfJ} + ", " +
    std::string{kPastOfJ} + ", j.drifted_at, j.drifted, s.contact_at, s.created_at, " +
    std::string{kResultColumns} + ", " + std::string{kTermsColumnsOfR} + ", " + std::string{kTimesColumns} +
    ", d.reported, (SELECT t.also_called FROM device_type t WHERE t.name=d.type)";

constexpr int kHolding = 10 + kJobNumbersCount, kBeside = 4;  // drifted_at and on

// Of the rows that say when it may begin, those that can't be read.
void what_holds(const Statement& row, int first, wire::JobView& out) {
  const RowReader rollout{"rollout", out.rollout.value(), out.unreadable}, site{"site", out.site, out.unreadable};
  rollout("transfer", intervals(row.text(first)));
  rollout("update_windows", intervals(row.text(first + 1)));
  site("limits", limits(row.text(first + 2)));
  windows_at(site, row, first + 3);
  site("time_zone", zone_of(row.text(first + 6)));
  check_numbers(rollout, row, first + 7);
  check_job(RowReader{"job", out.rollout.value() + "-" + out.device, out.unreadable}, row, first + 10);
}

constexpr int kJobCount = 11 + kHolding + kBeside + kResultCount + kTermsCount + kTimesCount;  // columns; then those of other_type_at()

wire::JobView job_at(const Statement& row, int first) {
  wire::JobView out;
  const std::int64_t rollout = row.integer(first + 1);
  out.rollout = RolloutId{rollout_id(rollout)};
  out.device = row.text(first + 2);
  out.id = job_id(rollout, row.integer(first + 10), out.device);
  out.site = row.text(first + 3);
  out.type = row.text(first + 4);
  out.reported_at = time_at(row, first + 5);
  if (!row.is_null(first + 6)) out.cancel_asked = wire::Why{row.text(first + 7), row.text(first + 8)};
  out.phase = static_cast<std::size_t>(row.integer(first + 9));
  what_holds(row, first + 11, out);
  out.heard_at = std::max(wall(row.integer(first + 14 + kHolding)), time_at(row, first + 13 + kHolding).value_or(WallTime{}));
  out.ever_heard = !row.is_null(first + 13 + kHolding);
  const int result = first + 11 + kHolding + kBeside;
  out.result = result_at(row, result);
  const int terms = result + kResultCount;
  check_terms(RowReader{"rollout", out.rollout.value(), out.unreadable}, row, terms);
  const int times = terms + kTermsCount;
  explain(rollout_at(row, terms), times_at(row, times), other_type_at(row, times + kTimesCount, out.type), out, out.result);
  // After that: it holds nothing.
  if (const auto since = time_at(row, first + 11 + kHolding)) {
    const RowReader job{"job", out.rollout.value() + "-" + out.device, out.unreadable};
    out.drifted = wire::DriftView{*since, job("drifted", string_map(row.text(first + 12 + kHolding)))};
  }
  return out;
}

const std::string kJobs = "SELECT " + kJobColumns +
                          " FROM job j JOIN rollout r ON r.id=j.rollout_id JOIN device d ON d.id=j.device_id "
                          "JOIN site s ON s.id=d.site_id JOIN assignment a ON a.id=j.assignment_id ";

const std::string kDevices =
    "SELECT d.id, d.name, s.name, d.type, d.attributes, d.reported, d.seen_at, d.boot_id, d.status, "
    "d.running, d.created_at, " +
    kJobColumns +
    " FROM device d LEFT JOIN site s ON s.id=d.site_id LEFT JOIN job j ON j.id=d.job_id LEFT JOIN rollout r ON "
    "r.id=j.rollout_id LEFT JOIN assignment a ON a.id=j.assignment_id ";

wire::DeviceView device_at(const Statement& row) {
  wire::DeviceView out;
  out.name = row.text(1);
  out.site = row.text(2);
  out.type = row.text(3);
  const RowReader read{"device", out.name, out.unreadable};
  if (row.is_null(2)) read("site_id", Result<bool>{Error{ErrorCode::kInvalid, "there is no such site"}});
  out.attributes = read("attributes", string_map(row.text(4)));
  out.reported = read("reported", string_map(row.text(5)));
  out.seen_at = time_at(row, 6);
  out.boot_id = row.text(7);
  out.status = row.text(8);
  out.running = read("running", running(row.text(9)));
  out.created_at = wall(row.integer(10));
  if (!row.is_null(11)) out.job = job_at(row, 11);
  out.other_type = other_type_at(row, 11 + kJobCount, out.type);
  return out;
}

bool passes(const core::Filter& filter, const wire::DeviceView& device) {
  core::Attributes attributes = device.attributes;
  attributes.insert(device.reported.begin(), device.reported.end());
  const std::string state = device.job ? std::string{core::to_string(device.job->result.state)} : std::string{};
  return core::passes(filter, [&](std::string_view field) {
    return device_field(field, device.name, device.site, device.type, state, attributes, device.running);
  });
}

bool passes(const core::Filter& filter, const wire::JobView& job) {
  return core::passes(filter, [&](std::string_view field) -> std::optional<std::string> {
    if (field == "job") return job.id.value();
    if (field == "device") return job.device;
    if (field == "site") return job.site;
    if (field == "type") return job.type;
    if (field == "state") return std::string{core::to_string(job.result.state)};
    if (field == "cause") return job.result.cause ? job.result.cause->reason : std::string{};
    if (field == "drifted") return std::string{job.drifted ? "yes" : "no"};
    return job.result.reason;
  });
}

const std::string kRollouts =
    "SELECT r.id, l.name, l.version, r.filter, r.transfer, r.update_windows, r.retry_limit, r.priority, "
    "r.status_deferral, r.created_at, r.state_at, r.late_joiners, " +
    std::string{kTermsColumnsOfR} + " FROM rollout r LEFT JOIN release l ON l.id=r.release_id ";

wire::RolloutView rollout_view_at(const Statement& row) {
  wire::RolloutView out;
  out.id = RolloutId{rollout_id(row.integer(0))};
  out.asked.release_name = row.text(1);
  out.asked.release_version = row.text(2);
  out.asked.filter = row.text(3);
  const RowReader read{"rollout", out.id.value(), out.unreadable};
  if (row.is_null(1)) read("release_id", Result<bool>{Error{ErrorCode::kInvalid, "there is no such release"}});
  out.asked.transfer = read("transfer", intervals(row.text(4)));
  out.asked.update = read("update_windows", intervals(row.text(5)));
  read("filter", filter_of(out.asked.filter));
  if (const auto limit = read("retry_limit", maybe_small(row, 6))) out.asked.retry.limit = static_cast<int>(*limit);
  out.asked.priority = static_cast<int>(read("priority", priority_at(row, 7)));
  out.asked.status_deferral = std::chrono::seconds{read("status_deferral", small(row, 8))};
  out.created_at = wall(row.integer(9));
  out.state_at = wall(row.integer(10));
  out.asked.late_joiners = read("late_joiners", flag(row, 11));
  out.rollout = rollout_at(row, 12);
  check_terms(read, row, 12);
  return out;
}

}  // namespace

Result<Page<wire::NewDeviceType>> SqliteServerLists::device_types(const PageQuery& query) {
  static const std::string kPage =
      "SELECT id, " + std::string{kTypeColumns} + " FROM device_type WHERE id > ?1 ORDER BY id";
  return page<wire::NewDeviceType>(sql_(kPage), query,
                                   [](const Statement& row) { return std::optional{type_at(row, 1)}; });
}

Result<wire::NewDeviceType> SqliteServerLists::device_type(const std::string& name) {
  static const std::string kOne = "SELECT " + std::string{kTypeColumns} + " FROM device_type WHERE name = ?1";
  return single<wire::NewDeviceType>(sql_(kOne).bind(1, name), no_such("device type", name),
                                     [](const Statement& row) { return type_at(row, 0); });
}

Result<Page<wire::SiteView>> SqliteServerLists::sites(const PageQuery& query) {
  static const std::string kPage = std::string{kSites} + "WHERE s.id > ?1 ORDER BY s.id";
  DRAY_TRY(auto sites, page<wire::SiteView>(sql_(kPage), query,
                                            [](const Statement& row) { return std::optional{site_at(row)}; }));
  for (wire::SiteView& site : sites.items) DRAY_CHECK(add_identity(site));
  return sites;
}

Result<wire::SiteView> SqliteServerLists::site(const std::string& name) {
  static const std::string kOne = std::string{kSites} + "WHERE s.name = ?1";
  DRAY_TRY(auto out, single<wire::SiteView>(sql_(kOne).bind(1, name), no_such("site", name), site_at));
  DRAY_CHECK(find_what_holds(sql_, out));
  DRAY_CHECK(add_identity(out));
  DRAY_CHECK(installs::find_far_off(sql_, out));
  return out;
}

Result<Page<wire::DeviceView>> SqliteServerLists::devices(const PageQuery& query) {
  static const std::string kPage = kDevices + "WHERE d.id > ?1 ORDER BY d.id";
  return page<wire::DeviceView>(sql_(kPage), query, [&](const Statement& row) {
    std::optional<wire::DeviceView> out{device_at(row)};
    describe_now(*out, query.now);
    if (!passes(query.filter, *out)) out.reset();
    return out;
  });
}

Result<wire::DeviceView> SqliteServerLists::device(const std::string& name) {
  static const std::string kOne = kDevices + "WHERE d.name = ?1";
  return single<wire::DeviceView>(sql_(kOne).bind(1, name), no_such("device", name), device_at);
}

Result<Page<wire::RegisteredView>> SqliteServerLists::registered(const PageQuery& query) {
  static constexpr std::string_view kPage =
      "SELECT g.id, g.name, s.name, g.attributes, g.at FROM registered g JOIN site s ON s.id=g.site_id WHERE "
      "g.id > ?1 ORDER BY g.id";
  return page<wire::RegisteredView>(sql_(kPage), query, [](const Statement& row) {
    wire::RegisteredView out{row.text(1), row.text(2), {}, wall(row.integer(4)), {}};
    out.attributes = RowReader{"registered", out.name, out.unreadable}("attributes", string_map(row.text(3)));
    return std::optional{std::move(out)};
  });
}

Result<> SqliteServerLists::add_phases(wire::RolloutView& view) {
  const std::int64_t id = rollout_number(view.id.value()).value_or(0);
  static const std::string kPhases =
      "SELECT " + std::string{kPhaseColumns} + " FROM rollout_phase WHERE rollout_id=?1 AND number=?2";
  auto& phases = sql_(kPhases);
  for (std::size_t i = 0; i < view.rollout.phases.size(); ++i) {
    core::RolloutPhase& phase = view.rollout.phases[i];
    phases.bind(1, id).bind(2, static_cast<std::int64_t>(i));
    DRAY_TRY(const bool there, phases.step());
    if (there)
      phase = phase_at(phases, 0);
    else
      phase.terms.approval = true;  // as the store reads it
    const RowReader read{"rollout_phase", view.id.value() + "/" + std::to_string(i + 1), view.unreadable};
    if (there)
      check_phase(read, phases, 0);
    else
      read("terms", Result<core::PhaseTerms>{Error{ErrorCode::kCorrupt, "the row is lost"}});
    phases.reset();
  }
  view.states.resize(view.rollout.phases.size());
  view.counts.resize(view.rollout.phases.size());
  auto& drifted = sql_("SELECT phase, count(*) FROM job WHERE rollout_id=?1 AND drifted_at IS NOT NULL AND state='succeeded' GROUP BY phase");
  drifted.bind(1, id);
  for (;;) {
    DRAY_TRY(const bool row, drifted.step());
    if (!row) break;
    const auto phase = static_cast<std::size_t>(drifted.integer(0));
    if (phase < view.counts.size()) view.counts[phase].drifted = drifted.integer(1);
  }
  auto& counts = sql_("SELECT phase, state, again, n FROM phase_count WHERE rollout_id=?1 AND n > 0");
  counts.bind(1, id);
  for (;;) {
    DRAY_TRY(const bool row, counts.step());
    if (!row) return {};
    const auto phase = static_cast<std::size_t>(counts.integer(0));
    const auto state = core::job_state_of(counts.text(1)).value_or(core::JobState::kUnknown);
    if (phase >= view.states.size()) continue;
    const std::int64_t n = bounded(counts, 3, std::numeric_limits<std::int32_t>::max());
    view.states[phase][state] += n;
    view.counts[phase].add(state, counts.integer(2) != 0, n);
  }
}

Result<Page<wire::RolloutView>> SqliteServerLists::rollouts(const PageQuery& query) {
  static const std::string kPage = kRollouts + "WHERE r.id > ?1 ORDER BY r.id";
  DRAY_TRY(auto out, page<wire::RolloutView>(sql_(kPage), query, [](const Statement& row) {
             return std::optional{rollout_view_at(row)};
           }));
  for (auto& view : out.items) {
    DRAY_CHECK(add_phases(view));
    DRAY_CHECK(add_planning(view));
  }
  return out;
}

Result<wire::RolloutView> SqliteServerLists::rollout(RolloutId id) {
  static const std::string kOne = kRollouts + "WHERE r.id = ?1";
  const std::int64_t number = rollout_number(id.value()).value_or(0);
  DRAY_TRY(auto out, single<wire::RolloutView>(sql_(kOne).bind(1, number), no_such("rollout", id.value()),
                                               rollout_view_at));
  DRAY_CHECK(add_phases(out));
  DRAY_CHECK(add_planning(out));
  auto& events = sql_(
      "SELECT at, what, phase, by, why FROM (SELECT * FROM rollout_event WHERE rollout_id=?1 ORDER BY id "
      "DESC "
      "LIMIT 100) ORDER BY id");
  events.bind(1, number);
  for (;;) {
    DRAY_TRY(const bool row, events.step());
    if (!row) return out;
    std::optional<std::size_t> phase;
    if (!events.is_null(2)) phase = static_cast<std::size_t>(events.integer(2));
    out.events.push_back({wall(events.integer(0)), events.text(1), phase, events.text(3), events.text(4)});
  }
}

Result<Page<wire::JobView>> SqliteServerLists::jobs(RolloutId rollout, const PageQuery& query) {
  static const std::string kPage = kJobs + "WHERE j.id > ?1 AND j.rollout_id = ?2 ORDER BY j.id";
  auto& rows = sql_(kPage);
  rows.bind(2, rollout_number(rollout.value()).value_or(0));
  return page<wire::JobView>(rows, query, [&](const Statement& row) {
    std::optional<wire::JobView> out{job_at(row, 0)};
    describe_now(*out, query.now);  // before the filter, which finds what is shown
    if (!passes(query.filter, *out)) out.reset();
    return out;
  });
}

// By the id of any of its tries; the earlier ones are in `past`.
Result<wire::JobView> SqliteServerLists::job(const JobId& id) {
  static const std::string kOne = kJobs + "WHERE j.rollout_id = ?1 AND d.name = ?2 AND " + std::string{kGenerationOfJ} + " >= ?3";
  const auto key = job_key(id.value()).value_or(JobKey{});
  std::int64_t row_id = 0;
  DRAY_TRY(auto out,
           single<wire::JobView>(sql_(kOne).bind(1, key.rollout).bind(2, key.device).bind(3, key.generation),
                                 no_such("job", id.value()), [&](const Statement& row) {
                                   row_id = row.integer(0);
                                   return job_at(row, 0);
                                 }));
  auto& past = sql_(
      "SELECT generation, state, reason, sentence, attempt, late, cause_reason, cause FROM job_past WHERE job_id=?1 ORDER BY "
      "generation");
  past.bind(1, row_id);
  for (;;) {
    DRAY_TRY(const bool row, past.step());
    if (!row) return out;
    wire::PastJob one{job_id(key.rollout, past.integer(0), key.device), {}};
    one.result.state = core::job_state_of(past.text(1)).value_or(core::JobState::kUnknown);
    one.result.reason = past.text(2);
    one.result.sentence = past.text(3);
    one.result.attempt = bounded(past, 4, wire::kMostAttempt);
    one.result.late = past.integer(5) != 0;
    one.result.cause = cause_at(past, 6);
    out.past.push_back(std::move(one));
  }
}

Result<std::vector<wire::LogLine>> SqliteServerLists::log(const JobId& id) {
  const auto key = job_key(id.value());
  if (!key) return no_such("job", id.value());
  auto& rows = sql_(
      "SELECT l.attempt, l.at, l.text FROM log_line l JOIN job j ON j.id=l.job_id JOIN device d ON "
      "d.id=j.device_id "
      "WHERE j.rollout_id=?1 AND d.name=?2 ORDER BY l.id");
  rows.bind(1, key->rollout).bind(2, key->device);
  std::vector<wire::LogLine> out;
  for (;;) {
    DRAY_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back({rows.integer(0), wall(rows.integer(1)), rows.text(2)});
  }
}

}  // namespace dray::adapters
