#include "adapters/sqlite/server_rates.h"

#include <algorithm>

#include "adapters/sqlite/server_rows.h"
#include "wire/limits.h"

namespace dray::adapters::link_rates {

using namespace rows;
using core::HourRate;
using core::LinkRate;
using core::PriorOf;

namespace {

constexpr std::string_view kWan = "wan", kLan = "lan";
// The newest: enough for a median, however large the fleet; of one site so many that it is not all that is seen.
constexpr int kSiblings = 500, kLookedAt = 10'000;
constexpr std::size_t kSiblingsOfSite = 20;

constexpr std::string_view kHours = "hour_of_week, rate, low, samples, age, capped, at";

HourRate hour_at(const Statement& row, int first) {
  HourRate out;
  out.hour = static_cast<int>(row.integer(first));
  // Older programs kept whatever a gateway said.
  const auto within = [&](int column, std::int64_t most) {
    return std::clamp<std::int64_t>(row.integer(first + column), 0, most);
  };
  out.value = static_cast<std::uint64_t>(within(1, wire::kMostRate));
  out.low = static_cast<std::uint64_t>(within(2, wire::kMostRate));
  out.samples = static_cast<double>(within(3, wire::kMostSamples));
  out.as_of = std::clamp(wall(row.integer(first + 6)), kWrittenMin, kWrittenMax);
  out.newest = out.as_of - std::chrono::seconds{within(4, wire::kMostSeconds)};
  out.capped = row.integer(first + 5) != 0;
  return out;
}

Result<std::vector<HourRate>> hours_of(StatementCache& sql, std::int64_t site_id, std::string_view link,
                                       const std::string& device) {
  static const std::string kOne =
      "SELECT " + std::string{kHours} + " FROM rate WHERE site_id=?1 AND link=?2 AND device=?3";
  auto& rows = sql(kOne).bind(1, site_id).bind(2, link).bind(3, device);
  std::vector<HourRate> out;
  for (;;) {
    DRAY_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back(hour_at(rows, 0));
  }
}

Result<std::vector<std::uint64_t>> numbers(Statement& rows) {
  std::vector<std::uint64_t> out;
  for (;;) {
    DRAY_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back(static_cast<std::uint64_t>(bounded(rows, 0, wire::kMostRate)));
  }
}

// Of siblings anywhere, by site: the type of a device, or '' for the WANs of sites.
Result<std::map<std::int64_t, std::vector<std::uint64_t>>> siblings(StatementCache& sql,
                                                                    std::string_view link,
                                                                    const std::string& type) {
  std::map<std::int64_t, std::vector<std::uint64_t>> out;
  auto& rows = sql("SELECT site_id, rate FROM link_rate WHERE link=?1 AND type=?2 ORDER BY at DESC LIMIT ?3")
                   .bind(1, link)
                   .bind(2, type)
                   .bind(3, kLookedAt);
  for (int kept = 0; kept < kSiblings;) {
    DRAY_TRY(const bool row, rows.step());
    if (!row) return out;
    auto& of_site = out[rows.integer(0)];
    if (of_site.size() >= kSiblingsOfSite) continue;
    of_site.push_back(static_cast<std::uint64_t>(bounded(rows, 1, wire::kMostRate)));
    ++kept;
  }
  rows.reset();
  return out;
}

Result<LinkRate> wan_prior(StatementCache& sql) {
  DRAY_TRY(const auto others, siblings(sql, kWan, ""));
  return core::assume_rate_of_sites(others, PriorOf::kSites);
}

// The same type at the site, the same type anywhere, any device of the site, a guess.
Result<LinkRate> lan_prior(StatementCache& sql, std::int64_t site_id, const std::string& type) {
  DRAY_TRY(auto here,
           numbers(sql("SELECT rate FROM link_rate WHERE site_id=?1 AND link='lan' AND type=?2 LIMIT ?3")
                       .bind(1, site_id)
                       .bind(2, type)
                       .bind(3, kSiblings)));
  if (!here.empty()) return core::assume_rate(std::move(here), PriorOf::kTypeAtSite);
  DRAY_TRY(const auto alike, siblings(sql, kLan, type));
  if (!alike.empty()) return core::assume_rate_of_sites(alike, PriorOf::kType);
  DRAY_TRY(auto beside, numbers(sql("SELECT rate FROM link_rate WHERE site_id=?1 AND link='lan' LIMIT ?2")
                                    .bind(1, site_id)
                                    .bind(2, kSiblings)));
  return beside.empty() ? core::guess_rate(false) : core::assume_rate(std::move(beside), PriorOf::kSite);
}

Result<LinkRate> wan_of(StatementCache& sql, std::int64_t site_id, WallTime at, WallTime now) {
  DRAY_TRY(const auto hours, hours_of(sql, site_id, kWan, ""));
  if (const auto measured = core::estimate_rate(hours, core::hour_of_week(at), now)) return *measured;
  return wan_prior(sql);
}

Result<std::int64_t> site_id_of(StatementCache& sql, const std::string& site) {
  auto& find = sql("SELECT id FROM site WHERE name=?1").bind(1, site);
  DRAY_TRY(const bool row, find.step());
  if (!row) return Error{ErrorCode::kNotFound, "no such site: '" + site + "'"};
  const std::int64_t id = find.integer(0);
  find.reset();
  return id;
}

}  // namespace

Result<bool> save(StatementCache& sql, std::int64_t site_id, const wire::Report& report,
                  const wire::RateReport& rate, WallTime now) {
  if (rate.assumed || rate.rate == 0) return false;
  if (rate.link != kWan && rate.link != kLan) return false;
  if ((rate.link == kWan) != rate.device.empty()) return false;
  if (rate.link == kLan) {
    auto& find = sql("SELECT 1 FROM device WHERE name=?1 AND site_id=?2")
                     .bind(1, rate.device.value())
                     .bind(2, site_id);
    DRAY_TRY(const bool known, find.step());
    if (!known) return false;
    find.reset();
  }
  constexpr std::uint64_t most{wire::kMostRate};
  DRAY_CHECK(sql("INSERT OR REPLACE INTO rate(site_id, link, device, hour_of_week, rate, low, samples, age, "
                 "assumed, "
                 "capped, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10)")
                 .bind(1, site_id)
                 .bind(2, rate.link)
                 .bind(3, rate.device.value())
                 .bind(4, rate.hour_of_week)
                 .bind(5, static_cast<std::int64_t>(std::min(rate.rate, most)))
                 .bind(6, static_cast<std::int64_t>(std::min({rate.low, rate.rate, most})))
                 .bind(7, std::clamp<std::int64_t>(rate.samples, 1, wire::kMostSamples))
                 .bind(8, std::clamp<std::int64_t>(rate.age, 0, wire::kMostSeconds))
                 .bind(9, rate.capped ? 1 : 0)
                 .bind(10, ms(std::min(report.at, now)))
                 .run());
  return true;
}

Result<> summarize(StatementCache& sql, std::int64_t site_id, const std::string& link,
                   const std::string& device, WallTime now) {
  DRAY_TRY(const auto hours, hours_of(sql, site_id, link, device));
  const auto rate = core::estimate_rate(hours, {}, now);
  if (!rate || rate->capped) return {};
  return sql("INSERT OR REPLACE INTO link_rate(site_id, link, device, type, rate, at) "
             "VALUES(?1, ?2, ?3, coalesce((SELECT type FROM device WHERE name=?3), ''), ?4, ?5)")
      .bind(1, site_id)
      .bind(2, link)
      .bind(3, device)
      .bind(4, static_cast<std::int64_t>(rate->value))
      .bind(5, ms(rate->newest.value_or(now)))
      .run();
}

Result<LinkRate> wan(StatementCache& sql, const std::string& site, WallTime at, WallTime now) {
  DRAY_TRY(const std::int64_t id, site_id_of(sql, site));
  return wan_of(sql, id, at, now);
}

Result<LinkRate> lan(StatementCache& sql, const std::string& device, WallTime at, WallTime now) {
  auto& find = sql("SELECT site_id, type FROM device WHERE name=?1").bind(1, device);
  DRAY_TRY(const bool row, find.step());
  if (!row) return Error{ErrorCode::kNotFound, "no such device: '" + device + "'"};
  const std::int64_t site_id = find.integer(0);
  const std::string type = find.text(1);
  find.reset();
  DRAY_TRY(const auto hours, hours_of(sql, site_id, kLan, device));
  if (const auto measured = core::estimate_rate(hours, core::hour_of_week(at), now)) return *measured;
  return lan_prior(sql, site_id, type);
}

Result<core::SiteRates> site(StatementCache& sql, const std::string& site, WallTime at, WallTime now) {
  DRAY_TRY(const std::int64_t id, site_id_of(sql, site));
  core::SiteRates out;
  DRAY_TRY(out.wan, wan_of(sql, id, at, now));
  std::map<std::string, std::vector<HourRate>> measured;
  static const std::string kAll =
      "SELECT device, " + std::string{kHours} + " FROM rate WHERE site_id=?1 AND link='lan'";
  auto& rows = sql(kAll).bind(1, id);
  for (;;) {
    DRAY_TRY(const bool row, rows.step());
    if (!row) break;
    measured[rows.text(0)].push_back(hour_at(rows, 1));
  }
  std::vector<std::pair<std::string, std::string>> without;
  auto& devices = sql("SELECT name, type FROM device WHERE site_id=?1").bind(1, id);
  for (;;) {
    DRAY_TRY(const bool row, devices.step());
    if (!row) break;
    const std::string name = devices.text(0);
    if (const auto rate = core::estimate_rate(measured[name], core::hour_of_week(at), now))
      out.devices[name] = *rate;
    else
      without.emplace_back(name, devices.text(1));
  }
  std::map<std::string, LinkRate> priors;  // a type's, asked for once
  for (const auto& [name, type] : without) {
    if (!priors.contains(type)) {
      DRAY_TRY(priors[type], lan_prior(sql, id, type));
    }
    out.devices[name] = priors[type];
  }
  return out;
}

}  // namespace dray::adapters::link_rates

namespace dray::adapters {

Result<core::SiteRates> SqliteServerStore::rates(const std::string& site, WallTime at, WallTime now) {
  return link_rates::site(sql_, site, at, now);
}
Result<core::LinkRate> SqliteServerLists::wan_rate(const std::string& site, WallTime now) {
  return link_rates::wan(sql_, site, now, now);
}
Result<core::LinkRate> SqliteServerLists::device_rate(const std::string& device, WallTime now) {
  return link_rates::lan(sql_, device, now, now);
}

}  // namespace dray::adapters
