// Jobs that a newer rollout has overtaken before they came into a plan: where that one has ended, its site's plan does not
// hold it any more, so their gateway could not know (core/update/supersede.h says which they are).
#include <map>
#include <utility>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "core/update/supersede.h"

namespace dray::adapters {

using namespace rows;

namespace {

// A job that no gateway has reported on, and a newer one of its device that has ended well.
struct Pair {
  std::int64_t job = 0, winner = 0;
  core::DeviceOrder own, of_winner;
};

// The components of steps, as they are stored; each text is looked at once.
class ComponentsOf {
 public:
  explicit ComponentsOf(StatementCache& sql) : sql_{sql} {}
  Result<std::set<std::string>> operator()(const std::string& text) {
    auto [found, added] = known_.try_emplace(text);
    if (!added) return found->second;
    const auto read = steps(text);  // what can't be read is named elsewhere, and takes the place of nothing
    if (!read) return found->second;
    for (const core::Step& step : *read)
      for (const Sha256& sha : step) {
        auto& find = sql_("SELECT component FROM artifact WHERE sha256=?1");
        find.bind(1, sha.hex());
        DRAY_TRY(const bool there, find.step());
        if (there) found->second.insert(find.text(0));
        find.reset();
      }
    return found->second;
  }

 private:
  StatementCache& sql_;
  std::map<std::string, std::set<std::string>> known_;
};

Result<std::vector<Pair>> pairs_of(StatementCache& sql, std::int64_t rollout) {
  struct Row {
    Pair pair;
    std::string steps, of_winner;
  };
  std::vector<Row> rows;
  static const std::string kFind =
      "SELECT j.id, n.rollout_id, r.priority, o.priority, t.steps, u.steps FROM job j JOIN rollout r ON r.id=j.rollout_id JOIN "
      "rollout_type t ON t.id=j.rollout_type_id JOIN job n ON n.device_id=j.device_id JOIN rollout o ON o.id=n.rollout_id JOIN "
      "rollout_type u ON u.id=n.rollout_type_id WHERE j.rollout_id=?1 AND j.final=0 AND j.reported_at IS NULL AND j.phase < r.released "
      "AND n.rollout_id > j.rollout_id AND n.state='" + std::string{core::to_string(core::JobState::kSucceeded)} +
      "' AND " + std::string{kPhaseOfJIsSound} + " ORDER BY j.id, n.rollout_id";
  auto& find = sql(kFind);
  find.bind(1, rollout);
  for (;;) {
    DRAY_TRY(const bool more, find.step());
    if (!more) break;
    const auto own = priority_at(find, 2), of_winner = priority_at(find, 3);
    if (!own || !of_winner) continue;
    rows.push_back({{find.integer(0), find.integer(1), {*own, rollout, {}}, {*of_winner, find.integer(1), {}}}, find.text(4), find.text(5)});
  }
  std::vector<Pair> out;
  ComponentsOf components{sql};
  for (Row& row : rows) {
    DRAY_TRY(row.pair.own.components, components(row.steps));
    DRAY_TRY(row.pair.of_winner.components, components(row.of_winner));
    if (core::keeps_out(row.pair.of_winner, row.pair.own)) out.push_back(std::move(row.pair));
  }
  return out;
}

struct OvertakenBy {
  std::int64_t winner = 0;
  std::set<std::string> left;
};

}  // namespace

Result<bool> SqliteServerStore::end_overtaken(std::int64_t rollout) {
  DRAY_TRY(const std::vector<Pair> pairs, pairs_of(sql_, rollout));
  std::map<std::int64_t, OvertakenBy> jobs;
  for (const Pair& pair : pairs) {
    OvertakenBy& of = jobs.try_emplace(pair.job, OvertakenBy{pair.winner, pair.own.components}).first->second;
    of.winner = pair.winner;  // the newest of them
    for (const std::string& component : pair.of_winner.components) of.left.erase(component);
  }
  for (const auto& [job, of] : jobs)
    DRAY_CHECK(sql_("UPDATE job SET state=?2, final=1, reason='superseded', sentence=?3, withheld=1 WHERE id=?1")
                   .bind(1, job)
                   .bind(2, core::to_string(core::JobState::kCancelled))
                   .bind(3, "superseded by " + core::superseded_by(rollout_id(of.winner), of.left))
                   .run());
  if (!jobs.empty()) DRAY_CHECK(recount(rollout));
  return !jobs.empty();
}

}  // namespace dray::adapters
