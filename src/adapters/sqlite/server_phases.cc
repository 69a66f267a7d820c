// What happens to rollouts: events go to the machine (core/rollout), and what it says is saved and done in
// the same transaction.
#include <algorithm>
#include <utility>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_times.h"

namespace dray::adapters {

using namespace rows;
using server::Made;
using server::Once;
using server::SiteChanges;

namespace {

constexpr Duration kFailedAgain = std::chrono::minutes{1};

// What it comes back to is not known where that can't be read: an operator says it first.
Result<> may_resume(StatementCache& sql, std::int64_t id) {
  auto& find = sql("SELECT before_pause FROM rollout WHERE id=?1");
  find.bind(1, id);
  DRAY_TRY([[maybe_unused]] const bool there, find.step());
  std::vector<wire::Unreadable> notes;
  RowReader{"rollout", rollout_id(id), notes}("before_pause", before_pause_of(find.text(0)));
  find.reset();
  if (notes.empty()) return {};
  return Error{ErrorCode::kConflict, readable(notes).error().message()};
}

}  // namespace

Result<> SqliteServerStore::take(RolloutRow& row, const core::RolloutEvent& event, WallTime now,
                                 SiteIds& sites) {
  // What it would say can't be relied on; an abort ends all of it, however much that is.
  if (!row.unreadable.empty() && !std::holds_alternative<core::AbortAsked>(event)) return {};
  core::RolloutStep step = core::advance(row.rollout, event, {now, row.counts});
  if (step.next == row.rollout && step.actions.empty()) return {};
  const bool begins = std::any_of(step.actions.begin(), step.actions.end(), [](const core::RolloutAction& action) {
    return std::holds_alternative<core::ReleasePhase>(action) || std::holds_alternative<core::RetryJobs>(action);
  });
  DRAY_CHECK(save_and_act(row, std::move(step), now, sites));
  if (!begins) return {};
  DRAY_TRY(const bool overtaken, end_overtaken(row.id));
  if (!overtaken) return {};
  DRAY_CHECK(load_counts(row));
  return take(row, core::JobsChanged{}, now, sites);
}

Result<> SqliteServerStore::save_and_act(RolloutRow& row, core::RolloutStep step, WallTime now,
                                         SiteIds& sites) {
  const bool new_state = row.rollout.state.index() != step.next.state.index();
  const bool new_expiry = row.rollout.terms.expires_at != step.next.terms.expires_at;
  row.rollout = std::move(step.next);
  if (watch_)
    for (const core::RolloutTransition& one : step.rows) watch_(one);
  DRAY_CHECK(save_rollout(row, new_state, now));
  for (const core::RolloutAction& action : step.actions) DRAY_CHECK(act(row, action, now, sites));
  if (new_expiry) {
    DRAY_CHECK(sites_of(kSitesInPlan, row.id, sites));
    DRAY_CHECK(times::ask_rollout(sql_, row.id));
    // What did not fit, did not by the other expiry: it is found anew by this one.
    DRAY_CHECK(sql_("UPDATE assignment SET misfit='', misfit_sentence='' WHERE rollout_id=?1 AND misfit<>''").bind(1, row.id).run());
  }
  for (const core::RolloutNote& note : step.notes) {
    auto& insert = sql_(
        "INSERT INTO rollout_event(rollout_id, at, what, phase, by, why) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
    insert.bind(1, row.id).bind(2, ms(now)).bind(3, note.what).bind_null(4);
    if (note.phase) bind_number(insert, 4, *note.phase);
    DRAY_CHECK(insert.bind(5, note.by).bind(6, note.why).run());
  }
  return load_counts(row);
}

Result<> SqliteServerStore::act(const RolloutRow& row, const core::RolloutAction& action, WallTime now,
                                SiteIds& sites) {
  if (const auto* release = std::get_if<core::ReleasePhase>(&action))
    return release_phase(row, release->phase, sites);
  if (const auto* cancel = std::get_if<core::CancelJobs>(&action))
    return cancel_jobs(row, *cancel, now, sites);
  if (std::holds_alternative<core::RetryJobs>(action)) return retry_jobs(row, sites);
  if (std::holds_alternative<core::ExpireWaiting>(action))
    return end_waiting(row, core::JobState::kExpired, "The rollout expired before the phase of this device began.");
  if (std::holds_alternative<core::Transmit>(action)) {
    if (row.rollout.terms.computed) return transmit_due(now, sites);
    DRAY_CHECK(sql_("UPDATE assignment SET fetch='now' WHERE rollout_id=?1").bind(1, row.id).run());
  } else if (std::holds_alternative<core::HoldJobs>(action)) {
    DRAY_CHECK(sql_("UPDATE assignment SET held=1 WHERE rollout_id=?1").bind(1, row.id).run());
  } else {
    DRAY_CHECK(times::ask_rollout(sql_, row.id));
    DRAY_CHECK(sites_of("SELECT site_id FROM assignment WHERE rollout_id=?1 AND in_plan=1 AND held<>0", row.id,
                        sites));
    return sql_("UPDATE assignment SET held=0 WHERE rollout_id=?1 AND held<>0").bind(1, row.id).run();
  }
  return sites_of(kSitesInPlan, row.id, sites);
}

// Its jobs are in the plans from now on, because the rollout's number of released phases says so; only the
// assignments that they bring into a plan are to be marked.
Result<> SqliteServerStore::release_phase(const RolloutRow& row, std::size_t phase, SiteIds& sites) {
  std::vector<std::int64_t> assignments;
  auto& find = sql_(
      "SELECT a.id, a.site_id FROM (SELECT DISTINCT assignment_id AS id FROM job WHERE rollout_id=?1 AND "
      "phase=?2 AND final=0) j JOIN assignment a ON a.id=j.id");
  find.bind(1, row.id);
  bind_number(find, 2, phase);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) break;
    assignments.push_back(find.integer(0));
    sites.insert(find.integer(1));
  }
  for (const std::int64_t id : assignments)
    DRAY_CHECK(
        sql_("UPDATE assignment SET in_plan=1, plan_asked=plan_asked+1 WHERE id=?1").bind(1, id).run());
  return {};
}

Result<> SqliteServerStore::cancel_jobs(const RolloutRow& row, const core::CancelJobs& cancel, WallTime now,
                                        SiteIds& sites) {
  auto& find = sql_(
      "SELECT DISTINCT a.site_id FROM job j JOIN assignment a ON a.id=j.assignment_id WHERE j.rollout_id=?1 "
      "AND j.final=0 AND j.phase < ?2 AND j.cancel_at IS NULL");
  find.bind(1, row.id);
  bind_number(find, 2, row.rollout.released);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) break;
    sites.insert(find.integer(0));
  }
  // Their shares of the egress are free: nothing may go in them, and they cap nothing at their sites any more.
  const std::string never = times::doc(core::for_plan({}, now));
  for (const std::int64_t site : sites)
    DRAY_CHECK(sql_("UPDATE assignment SET shares='[]', transfer=?3 WHERE rollout_id=?1 AND site_id=?2 AND "
                    "shares<>'[]'")
                   .bind(1, row.id)
                   .bind(2, site)
                   .bind(3, never)
                   .run());
  auto& ask = sql_(
      "UPDATE job SET cancel_at=?2, cancel_by=?3, cancel_why=?4 WHERE rollout_id=?1 AND final=0 AND phase < "
      "?5 "
      "AND cancel_at IS NULL");
  ask.bind(1, row.id).bind(2, ms(now)).bind(3, cancel.by).bind(4, cancel.why);
  bind_number(ask, 5, row.rollout.released);
  DRAY_CHECK(ask.run());
  return end_waiting(row, core::JobState::kCancelled, "The rollout was aborted before the phase of this device began.");
}

// Jobs that no gateway has heard of end by the server's word.
Result<> SqliteServerStore::end_waiting(const RolloutRow& row, core::JobState ended_as,
                                        std::string_view sentence) {
  const std::string_view state = core::to_string(ended_as);
  auto& end = sql_(
      "UPDATE job SET state=?3, final=1, reason=?3, sentence=?4, withheld=1 WHERE rollout_id=?1 AND final=0 "
      "AND phase >= ?2");
  end.bind(1, row.id);
  bind_number(end, 2, row.rollout.released);
  DRAY_CHECK(end.bind(3, state).bind(4, sentence).run());
  struct Open {
    std::int64_t phase;
    std::string state;
    bool again;
    std::int64_t n;
  };
  std::vector<Open> ended;
  auto& find =
      sql_("SELECT phase, state, again, n FROM phase_count WHERE rollout_id=?1 AND phase >= ?2 AND n > 0");
  find.bind(1, row.id);
  bind_number(find, 2, row.rollout.released);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) break;
    if (!core::is_final(core::job_state_of(find.text(1)).value_or(core::JobState::kUnknown)))
      ended.push_back({find.integer(0), find.text(1), find.integer(2) != 0, find.integer(3)});
  }
  for (const Open& one : ended) {
    DRAY_CHECK(add_to_count(row.id, one.phase, one.state, one.again, -one.n));
    DRAY_CHECK(add_to_count(row.id, one.phase, state, false, one.n));
  }
  return {};
}

Result<bool> SqliteServerStore::jobs_changed(std::int64_t id, bool started, WallTime now, SiteIds& sites) {
  DRAY_TRY(RolloutRow row, rollout_row(id, sites));
  const auto before = core::wake_at(row.rollout);
  DRAY_CHECK(take(row, core::JobsChanged{started}, now, sites));
  const auto after = core::wake_at(row.rollout);
  return after && (!before || *after < *before);
}

Result<Made> SqliteServerStore::change_rollout(RolloutId rollout, const core::RolloutEvent& event,
                                               const server::TypePlanner& planner, WallTime now,
                                               const std::optional<Once>& once) {
  const auto number = rollout_number(rollout.value());
  if (!number) return no_such("rollout", rollout.value());
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(auto before, done_before(once));
  if (before) return *before;
  SiteIds sites;
  DRAY_TRY(RolloutRow row, rollout_row(*number, sites));
  if (!row.unreadable.empty() && !std::holds_alternative<core::AbortAsked>(event))
    return Error{ErrorCode::kConflict, readable(row.unreadable).error().message()};
  if (std::holds_alternative<core::ResumeAsked>(event)) DRAY_CHECK(may_resume(sql_, *number));
  // What time has brought about meanwhile comes first: the request meets the rollout as it is now.
  DRAY_CHECK(take(row, core::TimePassed{}, now, sites));
  if (auto why = core::refusal(row.rollout, event, {now, row.counts}))
    return Error{ErrorCode::kConflict, std::move(*why)};
  DRAY_CHECK(take(row, event, now, sites));
  if (std::holds_alternative<core::RetryAsked>(event)) DRAY_CHECK(match_retried(row, planner, now, sites));
  DRAY_TRY(SiteChanges changed, bump_each(sites));
  DRAY_CHECK(remember(once, rollout.value(), now));
  DRAY_CHECK(transaction.commit());
  return Made{rollout.value(), false, std::move(changed)};
}

Result<server::Store::Advanced> SqliteServerStore::pass_time(const server::TypePlanner& planner,
                                                             WallTime now) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  std::vector<std::int64_t> due;
  // What is behind every time can't be read: in the index text and bytes follow all numbers.
  auto& find = sql_("SELECT id FROM rollout WHERE wake_at <= ?1 UNION SELECT id FROM rollout WHERE wake_at > ?2");
  find.bind(1, ms(now)).bind(2, ms(kWrittenMax));
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) break;
    due.push_back(find.integer(0));
  }
  SiteIds sites;
  Advanced out;
  for (const std::int64_t id : due) {
    DRAY_TRY(const auto failed, alone([&]() -> Result<> {
               DRAY_TRY(RolloutRow row, rollout_row(id, sites));
               DRAY_CHECK(take(row, core::TimePassed{}, now, sites));
               return mend_wake(row);
             }));
    if (failed) out.not_passed.push_back(rollout_id(id) + ": " + *failed);
  }
  DRAY_CHECK(transmit_due(now, sites));
  DRAY_TRY(out.more, pick_up(planner, now, sites, out.not_passed));
  DRAY_TRY(out.changed, bump_each(sites));
  // Those that are due still are those that failed: they are tried again when anything else is due, or a minute later.
  auto& next = sql_("SELECT min(wake_at) FROM rollout WHERE wake_at > ?1 AND wake_at <= ?2");
  next.bind(1, ms(now)).bind(2, ms(kWrittenMax));
  DRAY_TRY([[maybe_unused]] const bool row, next.step());
  out.next = time_at(next, 0);
  next.reset();
  if (!out.not_passed.empty()) out.next = std::min(out.next.value_or(now + kFailedAgain), now + kFailedAgain);
  DRAY_TRY(const auto transmission, next_transmission());
  if (transmission) out.next = std::min(out.next.value_or(*transmission), *transmission);
  DRAY_CHECK(transaction.commit());
  return out;
}

}  // namespace dray::adapters
