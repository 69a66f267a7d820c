// What the admin API shows of the times of a rollout's sites.
#include "adapters/sqlite/server_page.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_times.h"

namespace dray::adapters {

using namespace rows;

Result<wire::Page<wire::SiteTimesView>> SqliteServerLists::site_times(RolloutId rollout,
                                                                      const server::PageQuery& query) {
  static const std::string kPage =
      "SELECT a.id, s.name, (SELECT count(*) FROM job j WHERE j.assignment_id=a.id), EXISTS(SELECT 1 FROM rate t WHERE "
      "t.site_id=a.site_id AND t.link='wan' AND t.assumed=0), " +
      std::string{times::kColumns} +
      " FROM assignment a JOIN site s ON s.id=a.site_id WHERE a.id > ?1 AND a.rollout_id=?2 ORDER BY a.id";
  auto& rows = sql_(kPage);
  rows.bind(2, rollout_number(rollout.value()).value_or(0));
  return page<wire::SiteTimesView>(rows, query, [](const Statement& row) {
    wire::SiteTimesView view{.site = row.text(1), .devices = row.integer(2)};
    const auto planned = times::planned_at(row, 4);
    if (!planned) {
      view.misfit = "row_unreadable";
      view.sentence = "What was computed can't be read (" + planned.error().message() + "); it is computed anew.";
    } else if (*planned) {
      server::describe(**planned, view);
      view.assumed = row.integer(3) == 0;  // nobody has ever seen what its line carries
    }
    return std::optional{std::move(view)};
  });
}

Result<> SqliteServerLists::add_planning(wire::RolloutView& view) {
  const std::int64_t id = rollout_number(view.id.value()).value_or(0);
  auto& sum = sql_(
      "SELECT count(*), total(misfit<>''), total(missing), max(CASE WHEN misfit='' THEN finish_at END) FROM "
      "assignment WHERE rollout_id=?1 AND planned_at IS NOT NULL");
  sum.bind(1, id);
  DRAY_TRY([[maybe_unused]] const bool row, sum.step());
  view.planning.sites = sum.integer(0);
  view.planning.misfits = sum.integer(1);
  view.planning.bytes = static_cast<std::uint64_t>(sum.integer(2));
  view.planning.finish_at = time_at(sum, 3);
  sum.reset();
  if (view.planning.misfits == 0) return {};
  auto& one = sql_(
      "SELECT s.name, a.misfit, a.misfit_sentence FROM assignment a JOIN site s ON s.id=a.site_id WHERE "
      "a.rollout_id=?1 AND a.misfit<>'' ORDER BY a.id LIMIT 1");
  one.bind(1, id);
  DRAY_TRY([[maybe_unused]] const bool there, one.step());
  view.planning.site = one.text(0);
  view.planning.misfit = one.text(1);
  view.planning.sentence = one.text(2);
  one.reset();
  return {};
}

}  // namespace dray::adapters
