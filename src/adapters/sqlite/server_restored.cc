// Numbers that are never used twice, also not by a server whose data folder was restored from an older
// backup.
//
// Such a server does not know what its lost later state has handed out: plan revisions, rollouts, artifacts,
// action ids. But it can tell how much time it has lost at most: since it was last in use, as its own
// database says. So after a longer absence every number goes on behind what can have been used in that time,
// and every site is asked for the state of all its subjects, which also brings back the lost reports. An
// ordinary long pause looks the same, and costs only that.
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"

namespace dray::adapters {

using namespace rows;
using server::SiteChanges;

namespace {

// Longer than a restart of the program and of its machine. In use is noted every few seconds.
constexpr Duration kLongestRestart{60'000};

// Of what can have been used in a time: a site makes less than one attempt a second over longer times, and
// less than one plan a millisecond; an operator less than one rollout a minute, a hundred in a burst.
std::int64_t actions_in(Duration time) { return time.count() / 1'000 + 1; }
std::int64_t revisions_in(Duration time) { return time.count(); }
std::int64_t things_in(Duration time) { return time.count() / 60'000 + 100; }

}  // namespace

Result<std::int64_t> SqliteServerStore::number_in_meta(std::string_view key) {
  auto& find = sql_("SELECT CAST(value AS INTEGER) FROM meta WHERE key=?1");
  find.bind(1, key);
  DRAY_TRY(const bool row, find.step());
  const std::int64_t out = row ? find.integer(0) : 0;
  find.reset();
  return out;
}

Result<> SqliteServerStore::set_number_in_meta(std::string_view key, std::int64_t number) {
  return sql_("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)")
      .bind(1, key)
      .bind(2, std::to_string(number))
      .run();
}

Result<> SqliteServerStore::note_in_use(const TimeMark& now) {
  DRAY_CHECK(set_number_in_meta("in_use_at", ms(now.time)));
  return sql_("INSERT OR REPLACE INTO meta(key, value) VALUES('in_use_boot', ?1)")
      .bind(1, std::to_string(now.at.time_since_epoch().count()) + " " + now.boot)
      .run();
}

// A value that can't be a time is none; without a boot only the time counts.
Result<std::optional<TimeMark>> SqliteServerStore::newest_time() {
  DRAY_TRY(const std::int64_t in_use_at, number_in_meta("in_use_at"));
  if (in_use_at <= 0 || in_use_at > ms(kWrittenMax)) return std::optional<TimeMark>{};
  DRAY_TRY(const std::int64_t at, number_in_meta("in_use_boot"));  // it begins with the number
  auto& find = sql_("SELECT substr(value, instr(value, ' ') + 1) FROM meta WHERE key='in_use_boot'");
  DRAY_TRY(const bool row, find.step());
  const bool sound = row && at >= 0 && at <= ms(kWrittenMax);
  TimeMark out{wall(in_use_at), SteadyTime{Duration{sound ? at : 0}}, sound ? find.text(0) : std::string{}};
  find.reset();
  return std::optional{std::move(out)};
}

Result<std::optional<Duration>> SqliteServerStore::note_start(const TimeMark& now, WallTime by_machine) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  // How far reports were taken: where that can't be read, everything is told again.
  DRAY_CHECK(sql_("UPDATE site SET seen_epoch=0, seen_seq=0, resync=1 WHERE typeof(seen_epoch)<>'integer' OR "
                  "typeof(seen_seq)<>'integer' OR seen_epoch NOT BETWEEN 0 AND 1000000000000 OR seen_seq NOT BETWEEN 0 AND ?1")
                 .bind(1, wire::kMostInteger)
                 .run());
  DRAY_TRY(const auto newest, newest_time());
  // A clock that was set back tells nothing about the time that is lost; so much at least is what it is wrong
  // by.
  const Duration away = newest ? Duration{std::chrono::abs(by_machine - newest->time)} : Duration{0};
  const bool long_away = away > kLongestRestart;
  if (long_away) DRAY_CHECK(skip_ahead(away));
  DRAY_CHECK(note_in_use(now));
  DRAY_CHECK(transaction.commit());
  return long_away ? std::optional{away} : std::nullopt;
}

Result<> SqliteServerStore::skip_ahead(Duration lost) {
  DRAY_CHECK(sql_("UPDATE site SET revision=revision+?1, next_action=next_action+?2, unsure=1, resync=1")
                 .bind(1, revisions_in(lost))
                 .bind(2, actions_in(lost))
                 .run());
  DRAY_TRY(const std::int64_t first, number_in_meta("first_action"));  // of a site that is made from now on
  DRAY_CHECK(set_number_in_meta("first_action", first + actions_in(lost)));
  for (const std::string_view table : {"rollout", "artifact"}) {
    DRAY_CHECK(sql_("INSERT INTO sqlite_sequence(name, seq) SELECT ?1, 0 WHERE NOT EXISTS("
                    "SELECT 1 FROM sqlite_sequence WHERE name=?1)")
                   .bind(1, table)
                   .run());
    DRAY_CHECK(sql_("UPDATE sqlite_sequence SET seq=seq+?2 WHERE name=?1")
                   .bind(1, table)
                   .bind(2, things_in(lost))
                   .run());
  }
  return {};
}

Result<SiteChanges> SqliteServerStore::note_newer_plan(const std::string& site, std::int64_t revision) {
  auto& up = sql_(
      "UPDATE site SET revision=?2+1, unsure=1, resync=1 WHERE name=?1 AND revision < ?2 RETURNING revision");
  up.bind(1, site).bind(2, revision);
  DRAY_TRY(const bool row, up.step());
  if (!row) return SiteChanges{};
  SiteChanges out{{site, up.integer(0)}};
  DRAY_TRY([[maybe_unused]] const bool more, up.step());
  return out;
}

}  // namespace dray::adapters
