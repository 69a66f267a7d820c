#include "adapters/sqlite/server_store.h"

#include <algorithm>
#include <utility>

#include "adapters/sqlite/server_leases.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_times.h"
#include "schema/server.h"

namespace dray::adapters {

using namespace rows;
using server::Made;
using server::Once;
using server::SiteChange;
using server::SiteChanges;

namespace {

constexpr auto kKeysKept = std::chrono::hours{24 * 7};

Error unknown(std::string_view field, std::string_view what, std::string_view name) {
  return Error{ErrorCode::kInvalid,
               std::string{field} + ": no such " + std::string{what} + ": '" + std::string{name} + "'"};
}
Error taken(std::string_view what, std::string_view name) {
  return Error{ErrorCode::kConflict,
               "there is a " + std::string{what} + " '" + std::string{name} + "' already"};
}

}  // namespace

Statement& StatementCache::operator()(std::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) {
    found->second.reset();
    return found->second;
  }
  return statements_.emplace(sql, Statement{db_, sql}).first->second;
}

SqliteServerStore::SqliteServerStore(Db db) : db_{std::move(db)} {}

Result<std::unique_ptr<SqliteServerStore>> SqliteServerStore::open(const Db::Options& options) {
  DRAY_TRY(Db db, Db::open(options));
  DRAY_CHECK(db.migrate(schema::kServer));
  return std::unique_ptr<SqliteServerStore>{new SqliteServerStore{std::move(db)}};
}

server::Saves SqliteServerStore::saves() const {
  const SaveCounts counts = db_.saves().counts();
  return {counts.failing, counts.failed, counts.last};
}

Result<std::optional<Made>> SqliteServerStore::done_before(const std::optional<Once>& once) {
  if (!once) return std::optional<Made>{};
  auto& find = sql_("SELECT fingerprint, made FROM idempotency WHERE key=?1");
  find.bind(1, once->key);
  DRAY_TRY(const bool row, find.step());
  if (!row) return std::optional<Made>{};
  const std::string fingerprint = find.text(0), made = find.text(1);
  find.reset();
  if (fingerprint != once->fingerprint)
    return Error{ErrorCode::kConflict, "this Idempotency-Key was used for another request"};
  return std::optional<Made>{Made{made, true, {}}};
}

Result<> SqliteServerStore::remember(const std::optional<Once>& once, const std::string& made, WallTime now) {
  if (!once) return {};
  DRAY_CHECK(sql_("DELETE FROM idempotency WHERE at < ?1").bind(1, ms(now - kKeysKept)).run());
  return sql_("INSERT INTO idempotency(key, fingerprint, made, at) VALUES(?1, ?2, ?3, ?4)")
      .bind(1, once->key)
      .bind(2, once->fingerprint)
      .bind(3, made)
      .bind(4, ms(now))
      .run();
}

Result<std::optional<std::int64_t>> SqliteServerStore::id_of(std::string_view query, std::string_view name) {
  auto& find = sql_(query);
  find.bind(1, name);
  DRAY_TRY(const bool row, find.step());
  if (!row) return std::optional<std::int64_t>{};
  const std::int64_t id = find.integer(0);
  find.reset();
  return std::optional<std::int64_t>{id};
}

// A new revision; and what has ended at the site leaves its plan, which may only happen together with one.
Result<SiteChange> SqliteServerStore::bump(std::int64_t site_id) {
  static const std::string kLeave =
      "UPDATE assignment SET in_plan=0 WHERE site_id=?1 AND in_plan=1 AND NOT EXISTS("
      "SELECT 1 FROM job WHERE job.rollout_id=assignment.rollout_id AND job.assignment_id=assignment.id "
      "AND job.final=0 AND job.phase < (SELECT released FROM rollout r WHERE "
      "r.id=assignment.rollout_id)) "
      // Where it is not known which jobs are left, none is given up.
      "AND EXISTS(SELECT 1 FROM rollout r WHERE r.id=assignment.rollout_id) AND NOT EXISTS(SELECT 1 FROM job j WHERE "
      "j.assignment_id=assignment.id AND (j.rollout_id IS NOT assignment.rollout_id OR NOT " + std::string{kPhaseOfJIsSound} + " OR "
      "j.final IS NOT 0 AND j.final IS NOT 1)) AND NOT EXISTS(SELECT 1 FROM device d CROSS JOIN job j ON "
      "j.rollout_id=assignment.rollout_id AND j.device_id=d.id WHERE d.site_id=?1 AND j.assignment_id IS NOT "
      "assignment.id)";
  DRAY_CHECK(sql_(kLeave).bind(1, site_id).run());
  auto& up = sql_("UPDATE site SET revision=revision+1 WHERE id=?1 RETURNING name, revision");
  up.bind(1, site_id);
  DRAY_TRY(const bool row, up.step());
  if (!row) return Error{ErrorCode::kInternal, "a site is gone"};
  SiteChange out{up.text(0), up.integer(1)};
  DRAY_TRY([[maybe_unused]] const bool more, up.step());
  return out;
}

Result<> SqliteServerStore::sites_of(std::string_view query_of_site_ids, std::int64_t parameter,
                                     SiteIds& sites) {
  auto& find = sql_(query_of_site_ids);
  find.bind(1, parameter);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return {};
    sites.insert(find.integer(0));
  }
}

Result<SiteChanges> SqliteServerStore::bump_each(const SiteIds& sites) {
  SiteChanges out;
  for (const std::int64_t id : sites) {
    auto& find = sql_("SELECT 1 FROM site WHERE id=?1");  // a damaged row may name one that there is not
    find.bind(1, id);
    DRAY_TRY(const bool there, find.step());
    find.reset();
    if (!there) continue;
    DRAY_TRY(SiteChange change, bump(id));
    out.push_back(std::move(change));
  }
  return out;
}

Result<std::optional<std::string>> SqliteServerStore::admin_token_sha256() {
  auto& find = sql_("SELECT value FROM meta WHERE key='admin_token_sha256'");
  DRAY_TRY(const bool row, find.step());
  if (!row) return std::optional<std::string>{};
  std::string value = find.text(0);
  find.reset();
  return std::optional<std::string>{std::move(value)};
}

Result<> SqliteServerStore::set_admin_token(const std::string& sha256) {
  return sql_("INSERT OR REPLACE INTO meta(key, value) VALUES('admin_token_sha256', ?1)")
      .bind(1, sha256)
      .run();
}

Result<std::vector<server::SiteEntry>> SqliteServerStore::sites() {
  std::vector<server::SiteEntry> out;
  auto& all = sql_("SELECT name, token_sha256, revision, seen_epoch, seen_seq FROM site");
  for (;;) {
    DRAY_TRY(const bool row, all.step());
    if (!row) break;
    out.push_back({all.text(0), all.text(1), all.integer(2), {all.integer(3), all.integer(4)}});
  }
  DRAY_CHECK(load_holdings(out));
  return out;
}

Result<Made> SqliteServerStore::add_site(const wire::NewSite& site, const std::string& token_sha256,
                                         WallTime now, const std::optional<Once>& once) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(auto before, done_before(once));
  if (before) return *before;
  DRAY_TRY(const auto same, id_of("SELECT id FROM site WHERE name=?1", site.name));
  if (same) return taken("site", site.name);
  DRAY_TRY(const std::int64_t first_action, number_in_meta("first_action"));
  DRAY_CHECK(
      sql_("INSERT INTO site(name, time_zone, limits, token_sha256, created_at, transfer_windows, "
           "update_windows, black_outs, next_action) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
          .bind(1, site.name)
          .bind(2, site.time_zone)
          .bind(3, doc(site.limits))
          .bind(4, token_sha256)
          .bind(5, ms(now))
          .bind(6, doc(site.windows.transfer))
          .bind(7, doc(site.windows.update))
          .bind(8, doc(site.windows.black_outs))
          .bind(9, first_action + 1)
          .run());
  leases::Site leases{.id = db_.last_rowid()};
  DRAY_CHECK(leases::lease(sql_, leases, core::kIdsOfFirst, now));
  DRAY_CHECK(remember(once, site.name, now));
  DRAY_CHECK(transaction.commit());
  return Made{site.name, false, {{site.name, 1}}};
}

Result<> SqliteServerStore::set_site_token(const std::string& site, const std::string& token_sha256) {
  DRAY_CHECK(sql_("UPDATE site SET token_sha256=?2 WHERE name=?1").bind(1, site).bind(2, token_sha256).run());
  if (db_.changes() == 0) return no_such("site", site);
  return {};
}

// Members that are not given stay as they are; where those can't be read, all must be given.
Result<core::SiteLimits> SqliteServerStore::new_limits(const std::string& site, const wire::SitePatch& given) {
  core::SiteLimits out = *given.limits;
  const wire::LimitsGiven& has = given.limits_given;
  if (has.all()) return out;
  auto& find = sql_("SELECT limits FROM site WHERE name=?1");
  find.bind(1, site);
  DRAY_TRY([[maybe_unused]] const bool there, find.step());
  auto old = rows::limits(find.text(0));
  find.reset();
  if (!old)
    return Error{ErrorCode::kInvalid,
                 "limits: what is there can't be read (" + old.error().message() +
                     "), so nothing of it can stay: give all of wan, lan, concurrency and store"};
  if (!has.wan) out.wan = std::move(old->wan);
  if (!has.lan) out.lan = std::move(old->lan);
  if (!has.concurrency) out.concurrency = old->concurrency;
  if (!has.store) out.store = old->store;
  return out;
}

Result<SiteChanges> SqliteServerStore::change_site(const std::string& site, const wire::SitePatch& given,
                                                   std::optional<std::int64_t> if_revision) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(const auto id, id_of("SELECT id FROM site WHERE name=?1", site));
  if (!id) return no_such("site", site);
  std::optional<core::SiteLimits> limits;
  if (given.limits) {
    DRAY_TRY(limits, new_limits(site, given));
  }
  auto& change = sql_(
      "UPDATE site SET limits=coalesce(?2, limits), time_zone=coalesce(?3, time_zone), "
      "transfer_windows=coalesce(?5, transfer_windows), update_windows=coalesce(?6, update_windows), "
      "black_outs=coalesce(?7, black_outs) WHERE id=?1 AND (?4 IS NULL OR revision=?4)");
  change.bind(1, *id);
  for (int i = 2; i <= 7; ++i) change.bind_null(i);
  if (limits) change.bind(2, doc(*limits));
  if (given.time_zone) change.bind(3, *given.time_zone);
  if (if_revision) change.bind(4, *if_revision);
  if (given.transfer_windows) change.bind(5, doc(*given.transfer_windows));
  if (given.update_windows) change.bind(6, doc(*given.update_windows));
  if (given.black_outs) change.bind(7, doc(*given.black_outs));
  DRAY_CHECK(change.run());
  if (db_.changes() == 0) return Error{ErrorCode::kConflict, "the site has changed meanwhile"};
  DRAY_CHECK(times::ask_anew(sql_, *id));
  DRAY_TRY(SiteChange changed, bump(*id));
  DRAY_CHECK(transaction.commit());
  return SiteChanges{std::move(changed)};
}

Result<> SqliteServerStore::ask_resync(const std::string& site) {
  DRAY_CHECK(sql_("UPDATE site SET resync=1 WHERE name=?1").bind(1, site).run());
  if (db_.changes() == 0) return no_such("site", site);
  return {};
}

Result<> SqliteServerStore::note_contacts(const std::vector<std::pair<std::string, WallTime>>& contacts,
                                          const TimeMark& now) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_CHECK(note_in_use(now));
  for (const auto& [site, at] : contacts)
    DRAY_CHECK(sql_("UPDATE site SET contact_at=?2 WHERE name=?1").bind(1, site).bind(2, ms(at)).run());
  return transaction.commit();
}

namespace {

// A device that says the name of a type means that one: taken for two types, it would get what is for the other.
Result<> names_are_free(StatementCache& sql, const std::string& type, const std::vector<std::string>& also_called) {
  for (const std::string& name : also_called) {
    if (name == type) return Error{ErrorCode::kInvalid, "also_called: '" + name + "' is its own name"};
    auto& find = sql("SELECT id FROM device_type WHERE name=?1");
    find.bind(1, name);
    DRAY_TRY(const bool there, find.step());
    find.reset();
    if (there) return Error{ErrorCode::kInvalid, "also_called: '" + name + "' is a device type itself; a device of it is moved to it (drayctl device set NAME --type " + name + ")"};
  }
  return {};
}

}  // namespace

Result<Made> SqliteServerStore::add_device_type(const wire::NewDeviceType& type,
                                                const std::optional<Once>& once, WallTime now) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(auto before, done_before(once));
  if (before) return *before;
  const core::DeviceType& t = type.type;
  DRAY_TRY(const auto same, id_of("SELECT id FROM device_type WHERE name=?1", t.name));
  if (same) return taken("device type", t.name);
  DRAY_CHECK(names_are_free(sql_, t.name, t.also_called));
  DRAY_TRY(const auto other, id_of("SELECT t.id FROM device_type t, json_each(CASE WHEN json_valid(t.also_called) THEN t.also_called ELSE '[]' END) n WHERE n.value=?1", t.name));
  if (other) return Error{ErrorCode::kConflict, "name: another device type is also called '" + t.name + "'"};
  DRAY_CHECK(sql_("INSERT INTO device_type(name, client, components, steps, ask, ends_on, power_on_within, "
                  "probe, parts, created_at, bytes_from, also_called) "
                  "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")
                 .bind(1, t.name)
                 .bind(2, core::to_string(type.client))
                 .bind(3, doc(t.components))
                 .bind(4, doc(t.order))
                 .bind(5, t.ask == core::Ask::kConfirmation ? "confirmation" : "poll")
                 .bind(6, t.ends_on == core::EndsOn::kPowerOn ? "power_on" : "closed")
                 .bind(7, t.power_on_within.count())
                 .bind(8, t.probe)
                 .bind(9, doc(t.parts))
                 .bind(10, ms(now))
                 .bind(11, t.bytes_from == core::BytesFrom::kElsewhere ? "elsewhere" : "gateway")
                 .bind(12, doc(t.also_called))
                 .run());
  DRAY_CHECK(remember(once, t.name, now));
  DRAY_CHECK(transaction.commit());
  return Made{t.name, false, {}};
}

Result<SiteChanges> SqliteServerStore::set_other_names(const std::string& type, const std::vector<std::string>& also_called) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(const auto id, id_of("SELECT id FROM device_type WHERE name=?1", type));
  if (!id) return no_such("device type", type);
  DRAY_CHECK(names_are_free(sql_, type, also_called));
  DRAY_CHECK(sql_("UPDATE device_type SET also_called=?2 WHERE id=?1").bind(1, *id).bind(2, doc(also_called)).run());
  SiteIds sites;
  DRAY_CHECK(sites_of("SELECT DISTINCT d.site_id FROM device d JOIN device_type t ON t.name=d.type WHERE t.id=?1", *id, sites));
  DRAY_TRY(SiteChanges changed, bump_each(sites));
  DRAY_CHECK(transaction.commit());
  return changed;
}

Result<Made> SqliteServerStore::add_devices(const std::vector<wire::NewDevice>& devices,
                                            const std::vector<std::string>& token_sha256s, WallTime now,
                                            const std::optional<Once>& once) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(auto before, done_before(once));
  if (before) return *before;
  std::vector<std::int64_t> sites;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto& device = devices[i];
    const std::string where = devices.size() == 1 ? "" : "devices[" + std::to_string(i) + "].";
    DRAY_TRY(const auto site, id_of("SELECT id FROM site WHERE name=?1", device.site));
    if (!site) return unknown(where + "site", "site", device.site);
    DRAY_TRY(const auto type, id_of("SELECT id FROM device_type WHERE name=?1", device.type));
    if (!type) return unknown(where + "type", "device type", device.type);
    DRAY_TRY(const auto same, id_of("SELECT id FROM device WHERE name=?1", device.name));
    if (same) return taken("device", device.name);
    DRAY_CHECK(
        sql_("INSERT INTO device(name, site_id, type, token_sha256, attributes, created_at, fresh) "
             "VALUES(?1, ?2, ?3, ?4, ?5, ?6, EXISTS(SELECT 1 FROM rollout WHERE late_joiners=1 AND state "
             "NOT IN ('finished', 'aborted')))")
            .bind(1, device.name)
            .bind(2, *site)
            .bind(3, device.type)
            .bind(4, token_sha256s[i])
            .bind(5, doc(device.attributes))
            .bind(6, ms(now))
            .run());
    DRAY_CHECK(sql_("DELETE FROM registered WHERE name=?1 AND site_id=?2")
                   .bind(1, device.name)
                   .bind(2, *site)
                   .run());
    if (std::find(sites.begin(), sites.end(), *site) == sites.end()) sites.push_back(*site);
  }
  const std::string made =
      devices.size() == 1 ? devices[0].name : std::to_string(devices.size()) + " devices";
  Made out{made, false, {}};
  for (const std::int64_t site : sites) {
    DRAY_TRY(SiteChange change, bump(site));
    out.changed.push_back(std::move(change));
  }
  DRAY_CHECK(remember(once, made, now));
  DRAY_CHECK(transaction.commit());
  return out;
}

Result<SiteChanges> SqliteServerStore::set_device_token(const std::string& device,
                                                        const std::string& token_sha256) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(const auto site, id_of("SELECT site_id FROM device WHERE name=?1", device));
  if (!site) return no_such("device", device);
  DRAY_CHECK(
      sql_("UPDATE device SET token_sha256=?2 WHERE name=?1").bind(1, device).bind(2, token_sha256).run());
  DRAY_TRY(SiteChange change, bump(*site));
  DRAY_CHECK(transaction.commit());
  return SiteChanges{std::move(change)};
}

Result<Made> SqliteServerStore::add_artifact(const wire::NewArtifact& artifact, WallTime now,
                                             const std::optional<Once>& once) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_TRY(auto before, done_before(once));
  if (before) return *before;
  const std::string& sha = artifact.sha256.hex();
  auto& have = sql_("SELECT name, file, component, version, device_types FROM artifact WHERE sha256=?1");
  have.bind(1, sha);
  DRAY_TRY(const bool there, have.step());
  if (there) {
    const bool same = have.text(0) == artifact.name && have.text(1) == artifact.file &&
                      have.text(2) == artifact.component && have.text(3) == artifact.version &&
                      have.text(4) == doc(artifact.device_types);
    have.reset();
    if (same) return Made{sha, true, {}};
    return Error{ErrorCode::kConflict,
                 "these bytes are described already, and differently: an artifact does not change"};
  }
  DRAY_TRY(const auto blob, id_of("SELECT size FROM blob WHERE sha256=?1", sha));
  if (!blob) return unknown("sha256", "uploaded file", sha);
  for (const std::string& name : artifact.device_types) {
    auto& find = sql_("SELECT components FROM device_type WHERE name=?1");
    find.bind(1, name);
    DRAY_TRY(const bool known, find.step());
    if (!known) return unknown("device_types", "device type", name);
    std::vector<wire::Unreadable> notes;
    const auto components = RowReader{"device_type", name, notes}("components", strings(find.text(0)));
    find.reset();
    DRAY_CHECK(readable(notes));
    if (std::find(components.begin(), components.end(), artifact.component) == components.end())
      return Error{ErrorCode::kInvalid,
                   "component: device type '" + name + "' has no component '" + artifact.component + "'"};
  }
  DRAY_CHECK(sql_("INSERT INTO artifact(sha256, name, file, component, version, device_types, created_at) "
                  "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                 .bind(1, sha)
                 .bind(2, artifact.name)
                 .bind(3, artifact.file)
                 .bind(4, artifact.component)
                 .bind(5, artifact.version)
                 .bind(6, doc(artifact.device_types))
                 .bind(7, ms(now))
                 .run());
  DRAY_CHECK(remember(once, sha, now));
  DRAY_CHECK(transaction.commit());
  return Made{sha, false, {}};
}

}  // namespace dray::adapters
