#include "adapters/sqlite/server_unreadable.h"

#include "adapters/sqlite/server_references.h"
#include "adapters/sqlite/server_times.h"
#include "core/rollout/match.h"

namespace dray::adapters {

using namespace rows;

namespace {

// 0: there is none.
Result<std::int64_t> site_number(StatementCache& sql, const std::string& name) {
  auto& find = sql("SELECT id FROM site WHERE name=?1");
  find.bind(1, name);
  DRAY_TRY(const bool row, find.step());
  const std::int64_t id = row ? find.integer(0) : 0;
  find.reset();
  return id;
}

Result<> check_rollouts(StatementCache& sql, wire::SiteView& site) {
  static const std::string kFind = "SELECT r.id, r.transfer, r.update_windows, a.held, a.fetch, r.priority, r.retry_limit, "
                                   "r.status_deferral, r.filter, r.late_joiners, " +
                                   std::string{kTermsColumnsOfR} + ", " + std::string{times::kColumns} +
                                   " FROM assignment a JOIN rollout r ON r.id=a.rollout_id JOIN site s ON "
                                   "s.id=a.site_id WHERE s.name=?1 AND a.in_plan=1 ORDER BY a.id";
  auto& find = sql(kFind);
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const std::string id = rollout_id(find.integer(0));
    const RowReader rollout{"rollout", id, site.unreadable};
    rollout("transfer", intervals(find.text(1)));
    rollout("update_windows", intervals(find.text(2)));
    check_numbers(rollout, find, 5);
    rollout("filter", filter_of(find.text(8)));
    rollout("late_joiners", flag(find, 9));
    check_terms(rollout, find, 10);
    const RowReader assignment{"assignment", id + "-" + site.name, site.unreadable};
    assignment("held", flag(find, 3));
    assignment("fetch", fetch_of(find.text(4)));
    assignment("computed times", times::planned_at(find, 10 + kTermsCount));
  }
}

Result<> check_steps(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT DISTINCT t.rollout_id, t.type, t.steps FROM job j JOIN rollout_type t ON "
      "t.id=j.rollout_type_id JOIN "
      "assignment a ON a.id=j.assignment_id JOIN site s ON s.id=a.site_id WHERE s.name=?1 AND a.in_plan=1");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    RowReader{"rollout_type", rollout_id(find.integer(0)) + "/" + find.text(1), site.unreadable}(
        "steps", steps(find.text(2)));
  }
}

Result<> check_types_of_site(StatementCache& sql, wire::SiteView& site) {
  static const std::string kFind =
      "SELECT " + std::string{kTypeColumns} +
      " FROM device_type WHERE name IN (SELECT d.type FROM device d JOIN site s ON "
      "s.id=d.site_id WHERE s.name=?1)";
  auto& find = sql(kFind);
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const wire::NewDeviceType type = type_at(find, 0);
    site.unreadable.insert(site.unreadable.end(), type.unreadable.begin(), type.unreadable.end());
  }
}

Result<> check_phases(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT n.rollout_id, n.number, n.terms, n.accepted, n.released_at, n.reached_at, n.approved_at FROM assignment a JOIN "
      "rollout_phase n ON n.rollout_id=a.rollout_id JOIN site s ON s.id=a.site_id WHERE s.name=?1 AND a.in_plan=1");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const std::string key = rollout_id(find.integer(0)) + "/" + std::to_string(find.integer(1) + 1);
    check_phase(RowReader{"rollout_phase", key, site.unreadable}, find, 2);
  }
}

// Of the releases of its rollouts: who joins late is not matched with them.
Result<> check_artifacts(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT DISTINCT f.sha256, f.device_types, b.size, b.sha1, b.md5, b.sha256, f.name, f.file, f.component, f.version FROM assignment a JOIN rollout r ON r.id=a.rollout_id JOIN "
      "release_artifact l ON l.release_id=r.release_id JOIN artifact f ON f.id=l.artifact_id LEFT JOIN blob b ON "
      "b.sha256=f.sha256 JOIN site s ON s.id=a.site_id WHERE s.name=?1 AND a.in_plan=1");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    RowReader{"artifact", find.text(0), site.unreadable}("device_types", strings(find.text(1)));
    check_file(find.text(0), site.unreadable, find, 5, 2);
    check_names(find.text(0), site.unreadable, find, 6);
  }
}

// They pass no filter.
Result<> check_devices(StatementCache& sql, wire::SiteView& site) {
  auto& find = sql(
      "SELECT d.name, d.attributes, d.reported, d.running, d.token_sha256, d.id FROM device d JOIN site s ON s.id=d.site_id WHERE s.name=?1 "
      "ORDER BY d.id");
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const RowReader device{"device", find.text(0), site.unreadable};
    device("attributes", string_map(find.text(1)));
    device("reported", string_map(find.text(2)));
    device("running", running(find.text(3)));
    device("token_sha256", token_hash_of(find.text(4)));
    RowReader{"device", std::to_string(find.integer(5)), site.unreadable}("name", device_name_of(find.text(0)));
  }
}

Result<> check_deferrals(StatementCache& sql, wire::SiteView& site) {
  static const std::string kFind = "SELECT " + std::string{kDeferralColumns} + " FROM deferral WHERE " +
                                   std::string{kMayBeAboutSite} + " AND " + std::string{kStands} + " ORDER BY id";
  DRAY_TRY(const std::int64_t id, site_number(sql, site.name));
  auto& find = sql(kFind);
  find.bind(1, id);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    check_deferral(find, site.unreadable);
  }
}

// Those of the site itself hold at its gateway, whatever is kept here.
Result<> check_site_deferrals(StatementCache& sql, wire::SiteView& site) {
  static const std::string kFind =
      "SELECT f.id, f.until, f.withdrawn FROM site_deferral f JOIN site s ON s.id=f.site_id WHERE s.name=?1 AND "
      "(NOT " + is_time("f.until") + " OR f.withdrawn IS NOT 0 AND f.withdrawn IS NOT 1)";
  auto& find = sql(kFind);
  find.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    const RowReader deferral{"site_deferral", site.name + "/" + find.text(0), site.unreadable};
    deferral("until", sure_time(find, 1));
    deferral("withdrawn", flag(find, 2));
  }
}

// Of rollouts that go on: those that have ended are not asked about.
Result<> check_assignments(StatementCache& sql, const std::string& site, std::vector<wire::Unreadable>& notes) {
  auto& find = sql(
      "SELECT a.rollout_id, a.in_plan FROM rollout r CROSS JOIN assignment a ON a.rollout_id=r.id JOIN site s ON "
      "s.id=a.site_id WHERE s.name=?1 AND r.state NOT IN ('finished', 'aborted') AND a.in_plan NOT IN (0, 1)");
  find.bind(1, site);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    RowReader{"assignment", rollout_id(find.integer(0)) + "-" + site, notes}("in_plan", flag(find, 1));
  }
}

Result<> check_jobs(StatementCache& sql, const std::string& site, std::vector<wire::Unreadable>& notes) {
  static const std::string kFind =
      "SELECT j.rollout_id, d.name, " + std::string{kJobNumbersOfJ} + ", " + std::string{kPhasesOfJ} + ", " + std::string{kPastOfJ} +
      " FROM assignment a JOIN job j ON j.assignment_id=a.id JOIN device d ON d.id=j.device_id JOIN site s ON s.id=a.site_id WHERE "
      "s.name=?1 AND a.in_plan=1 AND (NOT " + std::string{kPhaseOfJIsSound} + " OR NOT " + std::string{kGenerationOfJIsSound} +
      " OR j.withheld IS NOT 0 AND j.withheld IS NOT 1 OR j.final IS NOT 0 AND j.final IS NOT 1 OR NOT (j.cancel_at IS NULL OR " + is_time("j.cancel_at") + ")) ORDER BY j.id";
  auto& find = sql(kFind);
  find.bind(1, site);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    check_job(RowReader{"job", rollout_id(find.integer(0)) + "-" + find.text(1), notes}, find, 2);
  }
}

}  // namespace

Result<> rows::find_what_holds(StatementCache& sql, wire::SiteView& site) {
  DRAY_CHECK(check_rollouts(sql, site));
  DRAY_CHECK(check_steps(sql, site));
  DRAY_CHECK(check_types_of_site(sql, site));
  DRAY_CHECK(check_phases(sql, site));
  DRAY_CHECK(check_artifacts(sql, site));
  DRAY_CHECK(check_devices(sql, site));
  DRAY_CHECK(check_deferrals(sql, site));
  DRAY_CHECK(check_site_deferrals(sql, site));
  DRAY_TRY(const std::int64_t id, site_number(sql, site.name));
  DRAY_CHECK(check_releases(sql, id, site.unreadable));
  return check_membership(sql, site.name, site.unreadable);
}

Result<> rows::check_membership(StatementCache& sql, const std::string& site, std::vector<wire::Unreadable>& notes) {
  DRAY_TRY(const std::int64_t id, site_number(sql, site));
  DRAY_CHECK(check_references(sql, id, notes));
  DRAY_CHECK(check_assignments(sql, site, notes));
  return check_jobs(sql, site, notes);
}

}  // namespace dray::adapters
