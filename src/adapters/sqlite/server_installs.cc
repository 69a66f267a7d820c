#include "adapters/sqlite/server_installs.h"

#include <utility>
#include <vector>

namespace dray::adapters::installs {
namespace {

constexpr std::int64_t kKeptOfSite = 20, kKeptOfType = 1'000;
}  // namespace

Result<> save(StatementCache& sql, std::int64_t site_id, const std::string& type, Duration took) {
  if (!core::is_install_time(took)) return {};
  DRAY_CHECK(sql("INSERT INTO install_time(type, site_id, took) VALUES(?1, ?2, ?3)")
                 .bind(1, type)
                 .bind(2, site_id)
                 .bind(3, took.count())
                 .run());
  DRAY_CHECK(sql("DELETE FROM install_time WHERE type=?1 AND site_id=?2 AND id <= (SELECT id FROM install_time "
                 "WHERE type=?1 AND site_id=?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)")
                 .bind(1, type)
                 .bind(2, site_id)
                 .bind(3, kKeptOfSite)
                 .run());
  return sql("DELETE FROM install_time WHERE type=?1 AND id <= (SELECT id FROM install_time WHERE type=?1 "
             "ORDER BY id DESC LIMIT 1 OFFSET ?2)")
      .bind(1, type)
      .bind(2, kKeptOfType)
      .run();
}

Result<core::InstallTimes> of_type(StatementCache& sql, const std::string& type) {
  core::InstallTimes out;
  auto& find = sql("SELECT site_id, took FROM install_time WHERE type=?1").bind(1, type);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    const std::int64_t site = find.integer(0);
    out[site == 0 ? "" : std::to_string(site)].emplace_back(find.integer(1));
  }
}

Result<> find_far_off(StatementCache& sql, wire::SiteView& site) {
  std::vector<std::pair<std::string, std::string>> types;  // with the site's id
  auto& find = sql("SELECT DISTINCT d.type, d.site_id FROM device d JOIN site s ON s.id=d.site_id WHERE s.name=?1")
                   .bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) break;
    types.emplace_back(find.text(0), std::to_string(find.integer(1)));
  }
  for (const auto& [type, id] : types) {
    DRAY_TRY(const core::InstallTimes times, of_type(sql, type));
    if (const auto off = core::far_off(times, id)) site.far_off.push_back({type, *off});
  }
  return {};
}

}  // namespace dray::adapters::installs
