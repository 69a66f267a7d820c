// What the admin API shows of artifacts and releases, read-only.
#include "adapters/sqlite/server_page.h"
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/sqlite/server_unreadable.h"

namespace dray::adapters {

using namespace rows;
using server::PageQuery;
using wire::Page;

namespace {

constexpr std::string_view kArtifacts =
    "SELECT a.id, a.sha256, b.size, b.sha1, b.md5, a.name, a.file, a.component, a.version, a.device_types, "
    "a.created_at, b.sha256 "
    "FROM artifact a LEFT JOIN blob b ON b.sha256=a.sha256 ";

wire::ArtifactView artifact_at(const Statement& row) {
  wire::ArtifactView out;
  core::Artifact& a = out.artifact;
  a.module_id = row.integer(0);
  if (const auto sha = Sha256::parse(row.text(1))) a.sha256 = *sha;
  check_file(row.text(1), out.unreadable, row, 11, 2);
  check_names(row.text(1), out.unreadable, row, 5);
  a.size = or_empty(size_at(row, 2));
  a.sha1 = row.text(3);
  a.md5 = row.text(4);
  a.name = row.text(5);
  a.file = row.text(6);
  a.component = row.text(7);
  a.version = row.text(8);
  const RowReader read{"artifact", row.text(1), out.unreadable};
  out.device_types = read("device_types", strings(row.text(9)));
  out.created_at = wall(row.integer(10));
  return out;
}

}  // namespace

Result<Page<wire::ArtifactView>> SqliteServerLists::artifacts(const PageQuery& query) {
  static const std::string kPage = std::string{kArtifacts} + "WHERE a.id > ?1 ORDER BY a.id";
  return page<wire::ArtifactView>(sql_(kPage), query,
                                  [](const Statement& row) { return std::optional{artifact_at(row)}; });
}

Result<wire::ArtifactView> SqliteServerLists::artifact(const Sha256& sha256) {
  static const std::string kOne = std::string{kArtifacts} + "WHERE a.sha256 = ?1";
  return single<wire::ArtifactView>(sql_(kOne).bind(1, sha256.hex()), no_such("artifact", sha256.hex()),
                                    artifact_at);
}

Result<std::vector<wire::ArtifactView>> SqliteServerLists::artifacts_of(std::int64_t release_id) {
  static const std::string kAll =
      std::string{kArtifacts} +
      "JOIN release_artifact l ON l.artifact_id=a.id WHERE l.release_id=?1 ORDER BY l.position";
  auto& rows = sql_(kAll);
  rows.bind(1, release_id);
  std::vector<wire::ArtifactView> out;
  for (;;) {
    DRAY_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back(artifact_at(rows));
  }
}

Result<Page<wire::ReleaseView>> SqliteServerLists::releases(const PageQuery& query) {
  static constexpr std::string_view kPage =
      "SELECT id, name, version, created_at FROM release WHERE id > ?1 ORDER BY id";
  std::vector<std::int64_t> ids;
  DRAY_TRY(auto out, page<wire::ReleaseView>(sql_(kPage), query, [&](const Statement& row) {
             ids.push_back(row.integer(0));
             return std::optional{wire::ReleaseView{row.text(1), row.text(2), {}, wall(row.integer(3))}};
           }));
  for (std::size_t i = 0; i < out.items.size(); ++i) {
    DRAY_TRY(out.items[i].artifacts, artifacts_of(ids[i]));
  }
  return out;
}

Result<wire::ReleaseView> SqliteServerLists::release(const std::string& name, const std::string& version) {
  auto& find = sql_("SELECT id, created_at FROM release WHERE name=?1 AND version=?2");
  find.bind(1, name).bind(2, version);
  DRAY_TRY(const bool row, find.step());
  if (!row) return no_such("release", name + "/" + version);
  wire::ReleaseView out{name, version, {}, wall(find.integer(1))};
  const std::int64_t id = find.integer(0);
  find.reset();
  DRAY_TRY(out.artifacts, artifacts_of(id));
  return out;
}

}  // namespace dray::adapters
