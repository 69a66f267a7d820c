// Who answers for a site, in the table `instance`; and what the API says of it.
#include <algorithm>
#include <utility>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"

namespace dray::adapters {

using namespace rows;

namespace {

constexpr std::string_view kInstanceColumns = "i.name, i.role, i.since, i.heard_at, i.refused_at, i.returned";

core::Instance instance_at(const Statement& row, int first) {
  // A role that can't be read holds nothing.
  return {row.text(first),
          core::parse_role(row.text(first + 1)).value_or(core::InstanceRole::kReplaced),
          wall(row.integer(first + 2)),
          wall(row.integer(first + 3)),
          time_at(row, first + 4),
          row.integer(first + 5) != 0,
          wall(row.integer(first + 3))};
}

Result<> save_instance(StatementCache& sql, std::int64_t site_id, const core::Instance& one) {
  auto& put = sql(
      "INSERT INTO instance(site_id, name, role, since, heard_at, refused_at, returned) VALUES(?1, ?2, ?3, ?4, ?5, ?6, "
      "?7)");
  put.bind(1, site_id).bind(2, one.name).bind(3, core::role_name(one.role)).bind(4, ms(one.since));
  put.bind(5, ms(one.heard));
  bind_time(put, 6, one.refused);
  return put.bind(7, one.returned ? 1 : 0).run();
}

}  // namespace

Result<> SqliteServerStore::load_holdings(std::vector<server::SiteEntry>& sites) {
  static const std::string kAll =
      "SELECT s.name, " + std::string{kInstanceColumns} + " FROM instance i JOIN site s ON s.id=i.site_id ORDER BY s.id";
  std::map<std::string, core::Holding> found;
  auto& all = sql_(kAll);
  for (;;) {
    DRAY_TRY(const bool row, all.step());
    if (!row) break;
    found[all.text(0)].instances.push_back(instance_at(all, 1));
  }
  for (server::SiteEntry& site : sites)
    if (const auto at = found.find(site.name); at != found.end()) site.holding = std::move(at->second);
  return {};
}

Result<> SqliteServerStore::save_holdings(const std::vector<std::pair<std::string, core::Holding>>& holdings) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  for (const auto& [site, holding] : holdings) {
    DRAY_TRY(const auto id, id_of("SELECT id FROM site WHERE name=?1", site));
    if (!id) continue;
    DRAY_CHECK(sql_("DELETE FROM instance WHERE site_id=?1").bind(1, *id).run());
    for (const core::Instance& one : holding.instances) DRAY_CHECK(save_instance(sql_, *id, one));
  }
  return transaction.commit();
}

Result<> SqliteServerLists::add_identity(wire::SiteView& site) {
  static const std::string kOf = "SELECT " + std::string{kInstanceColumns} +
                                 " FROM instance i JOIN site s ON s.id=i.site_id WHERE s.name=?1 ORDER BY i.since DESC";
  auto& of = sql_(kOf);
  of.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, of.step());
    if (!row) break;
    core::Instance one = instance_at(of, 0);
    // When the one that holds was heard is noted with the site; here only when it began.
    if (one.role == core::InstanceRole::kHolds && site.contact_at) one.heard = std::max(one.heard, *site.contact_at);
    site.holding.instances.push_back(std::move(one));
  }
  auto& doubted = sql_("SELECT d.name FROM device d JOIN site s ON s.id=d.site_id WHERE s.name=?1 AND d.status='two_agents' ORDER BY d.name");
  doubted.bind(1, site.name);
  for (;;) {
    DRAY_TRY(const bool row, doubted.step());
    if (!row) return {};
    site.two_agents.push_back(doubted.text(0));
  }
}

}  // namespace dray::adapters
