// The row of a rollout as its machine takes it, and back. What can't be read of it stays as it is until it is
// replaced, or is made anew where it repeats what follows from other rows.
#include <algorithm>
#include <utility>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_times.h"
#include "core/rollout/split.h"

namespace dray::adapters {

using namespace rows;

namespace {

// What the rows of its phases and its jobs say: how many phases there are.
constexpr std::string_view kPhasesThereAre =
    "(SELECT count(*) FROM rollout_phase p WHERE p.rollout_id=rollout.id), "
    "(SELECT min(number) FROM rollout_phase p WHERE p.rollout_id=rollout.id), "
    "(SELECT max(number) FROM rollout_phase p WHERE p.rollout_id=rollout.id), "
    "(SELECT max(phase) FROM phase_count c WHERE c.rollout_id=rollout.id AND phase BETWEEN 0 AND 49)";

// From the first of these columns on. kInvalid: rows are missing, so that nobody knows.
Result<std::int64_t> phases_there_are(const Statement& row, int first, const Result<std::int64_t>& released) {
  const std::int64_t count = row.integer(first);
  const auto least = small(row, first + 1), last = small(row, first + 2);
  const std::int64_t used = row.is_null(first + 3) ? 0 : row.integer(first + 3) + 1;
  if (!least || !last || *least != 0 || *last + 1 != count)
    return Error{ErrorCode::kInvalid, "rows of its phases are missing, too"};
  if (used > count || (released && *released > count) || count > static_cast<std::int64_t>(core::kMostPhases))
    return Error{ErrorCode::kInvalid, "it has begun or holds jobs of more phases than are stored"};
  return count;
}

}  // namespace

Result<> SqliteServerStore::mend_phases(std::int64_t id, SiteIds& sites) {
  static const std::string kFind = "SELECT phases, released, " + std::string{kPhasesThereAre} + " FROM rollout WHERE id=?1";
  auto& find = sql_(kFind);
  find.bind(1, id);
  DRAY_TRY(const bool there, find.step());
  if (!there) return no_such("rollout", rollout_id(id));
  const auto phases = phase_count_at(find, 0);
  const bool enough = phases && (!find.is_integer(4) || find.integer(4) < *phases);
  const auto counted = phases_there_are(find, 2, whole(find, 1));
  find.reset();
  if (enough || !counted) return {};
  DRAY_CHECK(sql_("UPDATE rollout SET phases=?2 WHERE id=?1").bind(1, id).bind(2, *counted).run());
  DRAY_CHECK(times::ask_rollout(sql_, id));  // it was held
  return sites_of(kSitesInPlan, id, sites);
}

Result<SqliteServerStore::RolloutRow> SqliteServerStore::rollout_row(std::int64_t id, SiteIds& sites) {
  DRAY_CHECK(mend_phases(id, sites));
  static const std::string kFind = "SELECT " + std::string{kTermsColumns} + " FROM rollout WHERE id=?1";
  auto& find = sql_(kFind);
  find.bind(1, id);
  DRAY_TRY([[maybe_unused]] const bool row, find.step());
  RolloutRow out{id, rollout_at(find, 0), {}, {}};
  const RowReader read{"rollout", rollout_id(id), out.unreadable};
  check_progress(read, find, 0);
  const bool known = released_of(find, 0).has_value();
  const bool remembers = !find.text(8).empty();
  find.reset();
  DRAY_CHECK(load_phases(out, known));
  if (!out.unreadable.empty()) out.rollout.terms.expires_at = kWrittenMax;  // an abort finds it as it is
  auto* paused = std::get_if<core::RolloutPaused>(&out.rollout.state);
  if (paused != nullptr && (!remembers || !core::fits(out.rollout))) {
    auto& sent = sql_("SELECT EXISTS(SELECT 1 FROM assignment WHERE rollout_id=?1 AND fetch='now')");
    sent.bind(1, id);
    DRAY_TRY([[maybe_unused]] const bool there, sent.step());
    paused->before = core::resumed_state(out.rollout, sent.integer(0) != 0);
    sent.reset();
  }
  DRAY_CHECK(load_counts(out));
  return out;
}

// known: how many have begun can be read. Where not, those have that say it of themselves, as in the plans.
Result<> SqliteServerStore::load_phases(RolloutRow& row, bool known) {
  static const std::string kPhases =
      "SELECT " + std::string{kPhaseColumns} + ", number FROM rollout_phase WHERE rollout_id=?1";
  // One whose row is lost is read as one whose terms are: it needs an approval.
  for (core::RolloutPhase& phase : row.rollout.phases) phase.terms.approval = true;
  std::size_t begun = 0;
  auto& phases = sql_(kPhases);
  phases.bind(1, row.id);
  for (;;) {
    DRAY_TRY(const bool there, phases.step());
    if (!there) break;
    const auto number = static_cast<std::size_t>(phases.integer(kPhaseCount));
    if (number >= row.rollout.phases.size()) continue;
    row.rollout.phases[number] = phase_at(phases, 0);
    if (row.rollout.phases[number].released_at) ++begun;
  }
  if (!known) row.rollout.released = begun;
  return {};
}

Result<> SqliteServerStore::load_counts(RolloutRow& row) {
  // They repeat what follows from the jobs: one that can't be read would be a failure that nobody counts.
  auto& damaged = sql_(
      "SELECT count(*) FROM phase_count WHERE rollout_id=?1 AND (typeof(phase)<>'integer' OR typeof(n)<>'integer' OR "
      "typeof(again)<>'integer' OR phase NOT BETWEEN 0 AND 49 OR n NOT BETWEEN 0 AND 2147483647 OR again NOT IN (0, 1))");
  damaged.bind(1, row.id);
  DRAY_TRY([[maybe_unused]] const bool counted, damaged.step());
  const bool anew = damaged.integer(0) > 0;
  damaged.reset();
  if (anew) DRAY_CHECK(recount(row.id));
  row.counts.assign(row.rollout.phases.size(), {});
  auto& drifted = sql_("SELECT phase, count(*) FROM job WHERE rollout_id=?1 AND drifted_at IS NOT NULL AND state='succeeded' GROUP BY phase");
  drifted.bind(1, row.id);
  for (;;) {
    DRAY_TRY(const bool more, drifted.step());
    if (!more) break;
    row.counts[std::min(static_cast<std::size_t>(drifted.integer(0)), row.counts.size() - 1)].drifted += drifted.integer(1);
  }
  auto& counts = sql_("SELECT phase, state, again, n FROM phase_count WHERE rollout_id=?1");
  counts.bind(1, row.id);
  for (;;) {
    DRAY_TRY(const bool more, counts.step());
    if (!more) return {};
    // Jobs of no phase that there is are open in the last one: the rollout does not end before them.
    const std::size_t phase = std::min(static_cast<std::size_t>(counts.integer(0)), row.counts.size() - 1);
    row.counts[phase].add(core::job_state_of(counts.text(1)).value_or(core::JobState::kUnknown), counts.integer(2) != 0, counts.integer(3));
  }
}

Result<> SqliteServerStore::save_rollout(const RolloutRow& row, bool new_state, WallTime now) {
  const core::Rollout& r = row.rollout;
  const StateColumns state = columns_of(r.state);
  auto& save = sql_(
      "UPDATE rollout SET state=?2, state_by=?3, state_why=?4, pause_cause=?5, before_pause=?6, "
      // What can't be read stays as it is until it is replaced: rollout_at() says "never" for it.
      "soak_until=CASE WHEN ?7=?13 THEN soak_until ELSE ?7 END, released=CASE WHEN ?14 THEN ?8 "
      "ELSE released END, expires_at=CASE WHEN ?9=?13 THEN expires_at ELSE ?9 END, wake_at=?10, "
      "state_at=CASE WHEN ?11 THEN ?12 ELSE state_at END WHERE id=?1");
  save.bind(1, row.id).bind(2, state.state).bind(3, state.by).bind(4, state.why);
  save.bind(5, state.pause_cause).bind(6, state.before_pause);
  bind_time(save, 7, state.soak_until);
  bind_number(save, 8, r.released);
  save.bind(9, ms(r.terms.expires_at));
  bind_time(save, 10, core::wake_at(r));
  save.bind(11, new_state ? 1 : 0).bind(12, ms(now)).bind(13, ms(kWrittenMax));
  DRAY_CHECK(save.bind(14, row.unreadable.empty() ? 1 : 0).run());
  for (std::size_t i = 0; i < r.phases.size(); ++i) DRAY_CHECK(save_phase(row.id, i, r.phases[i]));
  return {};
}

// One whose row is lost stays lost, and needs an approval, until somebody replaces its terms.
Result<> SqliteServerStore::save_phase(std::int64_t id, std::size_t number, const core::RolloutPhase& phase) {
  auto& save = sql_(
      "UPDATE rollout_phase SET accepted=CASE WHEN typeof(accepted)='integer' AND accepted BETWEEN 0 AND 2147483647 THEN ?3 "
      "ELSE accepted END, released_at=CASE WHEN typeof(released_at) IN ('integer', 'null') THEN ?4 ELSE released_at END, "
      "reached_at=CASE WHEN typeof(reached_at) IN ('integer', 'null') THEN ?5 ELSE reached_at END, "
      "approved_at=CASE WHEN typeof(approved_at) IN ('integer', 'null') THEN ?6 ELSE approved_at END, "
      "approved_by=CASE WHEN typeof(approved_at) IN ('integer', 'null') THEN ?7 ELSE approved_by END, "
      "approved_why=CASE WHEN typeof(approved_at) IN ('integer', 'null') THEN ?8 ELSE approved_why END "
      "WHERE rollout_id=?1 AND number=?2");
  save.bind(1, id);
  bind_number(save, 2, number);
  save.bind(3, phase.accepted);
  bind_time(save, 4, phase.released_at);
  bind_time(save, 5, phase.reached_at);
  bind_time(save, 6, phase.approved ? std::optional{phase.approved->at} : std::nullopt);
  save.bind(7, phase.approved ? phase.approved->by : "").bind(8, phase.approved ? phase.approved->why : "");
  return save.run();
}

Result<> SqliteServerStore::add_phases(std::int64_t id, const std::vector<core::PhaseTerms>& phases) {
  for (std::size_t i = 0; i < phases.size(); ++i) {
    auto& insert = sql_("INSERT INTO rollout_phase(rollout_id, number, terms) VALUES(?1, ?2, ?3)");
    insert.bind(1, id);
    bind_number(insert, 2, i);
    DRAY_CHECK(insert.bind(3, doc(phases[i])).run());
  }
  return {};
}

// When it is to be looked at is written with whatever else changes; one that can't be read is found until it is written.
Result<> SqliteServerStore::mend_wake(const RolloutRow& row) {
  auto& mend = sql_("UPDATE rollout SET wake_at=?2 WHERE id=?1 AND wake_at > ?3");
  mend.bind(1, row.id).bind(3, ms(kWrittenMax));
  bind_time(mend, 2, core::wake_at(row.rollout));
  return mend.run();
}

Result<> SqliteServerStore::recount(std::int64_t rollout_id) {
  DRAY_CHECK(sql_("DELETE FROM phase_count WHERE rollout_id=?1").bind(1, rollout_id).run());
  static const std::string kCount = "INSERT INTO phase_count(rollout_id, phase, state, again, n) SELECT ?1, " + std::string{kPhaseOfJ} +
                                    ", j.state, j.final = 0 AND j.attempt > 1, count(*) FROM job j WHERE j.rollout_id=?1 GROUP BY 2, 3, 4";
  return sql_(kCount).bind(1, rollout_id).run();
}

// A state that no job is in any more has no row: a gateway may say any word.
Result<> SqliteServerStore::add_to_count(std::int64_t rollout_id, std::int64_t phase, std::string_view state,
                                         bool again, std::int64_t n) {
  DRAY_CHECK(sql_("INSERT INTO phase_count(rollout_id, phase, state, again, n) VALUES(?1, ?2, ?3, ?4, ?5) "
                  "ON CONFLICT(rollout_id, phase, state, again) DO UPDATE SET n=n+?5")
                 .bind(1, rollout_id)
                 .bind(2, phase)
                 .bind(3, state)
                 .bind(4, again ? 1 : 0)
                 .bind(5, n)
                 .run());
  if (n > 0) return {};
  return sql_("DELETE FROM phase_count WHERE rollout_id=?1 AND phase=?2 AND state=?3 AND again=?4 AND n=0")
      .bind(1, rollout_id)
      .bind(2, phase)
      .bind(3, state)
      .bind(4, again ? 1 : 0)
      .run();
}

}  // namespace dray::adapters
