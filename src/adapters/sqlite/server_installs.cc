#include "adapters/sqlite/server_installs.h"

#include <utility>
#include <vector>

namespace dray::adapters::installs {
namespace {

constexpr std::int64_t kKeptOfSite = 20, kKeptOfType = 1'000;
constexpr char kSite = '\n';  // no name holds one

}  // namespace

Result<> save(StatementCache& sql, std::int64_t site_id, const std::string& type, Duration took) {
  if (!core::is_install_time(took)) return {};
  const std::string key = type + kSite + std::to_string(site_id);
  DRAY_CHECK(sql("INSERT INTO install_time(type, took) VALUES(?1, ?2)").bind(1, key).bind(2, took.count()).run());
  DRAY_CHECK(sql("DELETE FROM install_time WHERE type=?1 AND id <= (SELECT id FROM install_time WHERE type=?1 "
                 "ORDER BY id DESC LIMIT 1 OFFSET ?2)")
                 .bind(1, key)
                 .bind(2, kKeptOfSite)
                 .run());
  return sql("DELETE FROM install_time WHERE type > ?1 AND type < ?2 AND id <= (SELECT id FROM install_time "
             "WHERE type > ?1 AND type < ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)")
      .bind(1, type + kSite)
      .bind(2, type + static_cast<char>(kSite + 1))
      .bind(3, kKeptOfType)
      .run();
}

Result<core::InstallTimes> of_type(StatementCache& sql, const std::string& type) {
  core::InstallTimes out;
  auto& find = sql("SELECT type, took FROM install_time WHERE type=?1 OR (type > ?2 AND type < ?3)")
                   .bind(1, type)
                   .bind(2, type + kSite)
                   .bind(3, type + static_cast<char>(kSite + 1));
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    const std::string key = find.text(0);
    out[key.size() > type.size() ? key.substr(type.size() + 1) : ""].emplace_back(find.integer(1));
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
