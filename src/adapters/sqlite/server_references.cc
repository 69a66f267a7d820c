#include "adapters/sqlite/server_references.h"

#include <array>

namespace dray::adapters {

using namespace rows;

namespace {

constexpr std::int64_t kMostOfAKind = 100;

// A query gives the key of each damaged row; these are its table, the column, and what is wrong with it.
struct Reference {
  std::string_view table, column, why, find;
};

constexpr std::string_view kNoSite = "there is no such site", kNoRollout = "there is no such rollout",
                           kNoRelease = "there is no such release", kNoArtifact = "there is no such artifact",
                           kNoType = "there is no such device type", kNoDevice = "there is no such device";

// Of one site, ?1.
constexpr std::array kOfSite{
    Reference{"assignment", "rollout_id", kNoRollout,
              "SELECT a.id FROM assignment a WHERE a.site_id=?1 AND a.in_plan=1 AND NOT EXISTS(SELECT 1 FROM rollout r "
              "WHERE r.id=a.rollout_id)"},
    Reference{"assignment", "site_id", kNoSite,
              "SELECT DISTINCT a.id FROM assignment a CROSS JOIN job j ON j.assignment_id=a.id CROSS JOIN device d ON "
              "d.id=j.device_id WHERE a.in_plan=1 AND a.site_id > (SELECT max(id) FROM site) AND d.site_id=?1 UNION "
              "SELECT DISTINCT a.id FROM assignment a CROSS JOIN job j ON j.assignment_id=a.id CROSS JOIN device d ON "
              "d.id=j.device_id WHERE a.in_plan=1 AND a.site_id < 1 AND d.site_id=?1"},
    Reference{"job", "rollout_id", "it is not the one of its assignment",
              "SELECT j.id FROM assignment a CROSS JOIN job j ON j.assignment_id=a.id WHERE a.site_id=?1 AND a.in_plan=1 AND "
              "j.rollout_id IS NOT a.rollout_id AND EXISTS(SELECT 1 FROM rollout r WHERE r.id=a.rollout_id)"},
    Reference{"job", "device_id", "there is no such device at the site",
              "SELECT j.id FROM assignment a CROSS JOIN job j ON j.assignment_id=a.id LEFT JOIN device d ON d.id=j.device_id "
              "WHERE a.site_id=?1 AND a.in_plan=1 AND (d.id IS NULL OR (d.site_id<>a.site_id AND d.site_id IN (SELECT id "
              "FROM site)))"},
    Reference{"device", "site_id", kNoSite,
              "SELECT DISTINCT d.name FROM assignment a CROSS JOIN job j ON j.assignment_id=a.id CROSS JOIN device d ON "
              "d.id=j.device_id WHERE a.site_id=?1 AND a.in_plan=1 AND NOT EXISTS(SELECT 1 FROM site s WHERE s.id=d.site_id)"},
    Reference{"job", "rollout_type_id", "there are no such steps of its rollout",
              "SELECT j.id FROM assignment a CROSS JOIN job j ON j.assignment_id=a.id LEFT JOIN rollout_type t ON "
              "t.id=j.rollout_type_id WHERE a.site_id=?1 AND a.in_plan=1 AND (t.id IS NULL OR (t.rollout_id<>j.rollout_id AND "
              "j.rollout_id=a.rollout_id AND t.rollout_id IN (SELECT id FROM rollout)))"},
    Reference{"device", "type", kNoType, "SELECT name FROM device WHERE site_id=?1 AND type NOT IN (SELECT name FROM device_type)"},
    Reference{"job", "assignment_id", "it is not the one of its site and rollout",
              "SELECT j.id FROM assignment a CROSS JOIN device d ON d.site_id=a.site_id CROSS JOIN job j ON "
              "j.rollout_id=a.rollout_id AND j.device_id=d.id WHERE a.site_id=?1 AND a.in_plan=1 AND j.assignment_id IS NOT "
              "a.id"},
};

// Of one site, ?1: they keep who joins late from being matched.
constexpr std::array kOfReleases{
    Reference{"rollout", "release_id", kNoRelease,
              "SELECT 'r'||r.id FROM assignment a JOIN rollout r ON r.id=a.rollout_id WHERE a.site_id=?1 AND a.in_plan=1 AND "
              "r.release_id NOT IN (SELECT id FROM release)"},
    Reference{"release_artifact", "artifact_id", kNoArtifact,
              "SELECT DISTINCT l.release_id||'/'||l.position FROM assignment a JOIN rollout r ON r.id=a.rollout_id JOIN "
              "release_artifact l ON l.release_id=r.release_id WHERE a.site_id=?1 AND a.in_plan=1 AND l.artifact_id NOT IN "
              "(SELECT id FROM artifact)"},
};

// Of one rollout, ?1: jobs that may be anybody's, so that who has none of it can't be told.
constexpr std::array kOfNobody{
    Reference{"job", "device_id", kNoDevice,
              "SELECT id FROM job WHERE rollout_id=?1 AND device_id > (SELECT max(id) FROM device) UNION ALL SELECT id FROM job "
              "WHERE rollout_id=?1 AND device_id < 1"},
    Reference{"job", "rollout_id", kNoRollout,
              "SELECT id FROM job WHERE ?1 AND rollout_id > (SELECT max(id) FROM rollout) UNION ALL SELECT id FROM job WHERE ?1 "
              "AND rollout_id < 1"},
};

// Of all sites.
constexpr std::array kEverywhere{
    Reference{"device", "site_id", kNoSite, "SELECT name FROM device WHERE site_id NOT IN (SELECT id FROM site)"},
    Reference{"device", "type", kNoType, "SELECT name FROM device WHERE type NOT IN (SELECT name FROM device_type)"},
    Reference{"deferral", "site_id", kNoSite,
              "SELECT 'd'||id FROM deferral WHERE site_id NOT IN (SELECT id FROM site) AND withdrawn_at IS NULL"},
    Reference{"rollout", "release_id", kNoRelease,
              "SELECT 'r'||id FROM rollout WHERE release_id NOT IN (SELECT id FROM release)"},
    Reference{"release_artifact", "artifact_id", kNoArtifact,
              "SELECT release_id||'/'||position FROM release_artifact WHERE artifact_id NOT IN (SELECT id FROM artifact)"},
    Reference{"assignment", "rollout_id", kNoRollout, "SELECT id FROM assignment WHERE rollout_id NOT IN (SELECT id FROM rollout)"},
    Reference{"assignment", "site_id", kNoSite, "SELECT id FROM assignment WHERE site_id NOT IN (SELECT id FROM site)"},
    Reference{"job", "rollout_id", kNoRollout, "SELECT id FROM job WHERE rollout_id NOT IN (SELECT id FROM rollout)"},
    Reference{"job", "device_id", kNoDevice, "SELECT id FROM job WHERE device_id NOT IN (SELECT id FROM device)"},
    Reference{"job", "rollout_type_id", "there are no such steps",
              "SELECT id FROM job WHERE rollout_type_id NOT IN (SELECT id FROM rollout_type)"},
    Reference{"job", "assignment_id", "there is no such assignment",
              "SELECT id FROM job WHERE assignment_id NOT IN (SELECT id FROM assignment)"},
};

Result<> note(Statement& find, const Reference& reference, std::vector<wire::Unreadable>& notes) {
  for (std::int64_t i = 0; i < kMostOfAKind; ++i) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    notes.push_back({std::string{reference.table}, find.text(0), std::string{reference.column}, std::string{reference.why}});
  }
  find.reset();
  return {};
}

Result<bool> there(const Statement& row, int column, std::string_view why) {
  if (row.integer(column) != 0) return true;
  return Error{ErrorCode::kInvalid, std::string{why}};
}

}  // namespace

void rows::check_deferral(const Statement& row, std::vector<wire::Unreadable>& notes) {
  const RowReader read{"deferral", "d" + std::to_string(row.integer(0)), notes};
  read("site_id", there(row, 7, kNoSite));
  read("device", there(row, 8, kNoDevice));
  read("rollout_id", there(row, 9, kNoRollout));
  read("until", stamp(row, 3));
  read("withdrawn_at", maybe_stamp(row, 4));
}

core::Deferral rows::deferral_of(const Statement& row, const SiteId& site) {
  core::Deferral out;
  out.id = "d" + std::to_string(row.integer(0));
  if (row.integer(8) != 0) out.device = DeviceId{row.text(1)};
  if (row.integer(9) != 0 && row.is_integer(2)) out.assignment = AssignmentId{rollout_id(row.integer(2)) + "-" + site.value()};
  const auto until = stamp(row, 3);
  out.until = until ? *until : kWrittenMax;
  out.by = row.text(5);
  out.why = row.text(6);
  return out;
}

Result<> rows::check_references(StatementCache& sql, std::int64_t site_id, std::vector<wire::Unreadable>& notes) {
  for (const Reference& one : kOfSite) DRAY_CHECK(note(sql(one.find).bind(1, site_id), one, notes));
  return {};
}

Result<> rows::check_releases(StatementCache& sql, std::int64_t site_id, std::vector<wire::Unreadable>& notes) {
  for (const Reference& one : kOfReleases) DRAY_CHECK(note(sql(one.find).bind(1, site_id), one, notes));
  return {};
}

Result<> rows::check_owners(StatementCache& sql, std::int64_t rollout_id) {
  std::vector<wire::Unreadable> notes;
  for (const Reference& one : kOfNobody) DRAY_CHECK(note(sql(one.find).bind(1, rollout_id), one, notes));
  return readable(notes);
}

Result<std::vector<wire::Unreadable>> rows::find_dangling(StatementCache& sql) {
  std::vector<wire::Unreadable> out;
  for (const Reference& one : kEverywhere) DRAY_CHECK(note(sql(one.find), one, out));
  return out;
}

Result<std::vector<wire::Unreadable>> SqliteServerStore::dangling() { return find_dangling(sql_); }

}  // namespace dray::adapters
