// Who needs an artifact, and which ones share a version.
#include <algorithm>

#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"

namespace dray::adapters {

using namespace rows;

Result<SqliteServerLists::Needing> SqliteServerLists::needing(const Sha256& sha256) {
  Needing out;
  auto& all = sql_(
      "SELECT DISTINCT s.name, j.rollout_id FROM rollout_type t JOIN job j ON j.rollout_id=t.rollout_id AND "
      "j.rollout_type_id=t.id AND j.final=0 JOIN assignment a ON a.id=j.assignment_id JOIN site s ON "
      "s.id=a.site_id WHERE instr(t.steps, ?1) > 0");
  all.bind(1, sha256.hex());
  for (;;) {
    DRAY_TRY(const bool row, all.step());
    if (!row) break;
    out.sites.push_back(all.text(0));
    out.rollouts.emplace_back(rollout_id(all.integer(1)));
  }
  return out;
}

Result<std::vector<Sha256>> SqliteServerLists::same_version(const wire::NewArtifact& artifact) {
  constexpr std::size_t kMost = 3;
  std::vector<Sha256> out;
  auto& all = sql_("SELECT sha256, device_types FROM artifact WHERE component=?1 AND version=?2 AND sha256<>?3 ORDER BY id DESC");
  all.bind(1, artifact.component).bind(2, artifact.version).bind(3, artifact.sha256.hex());
  while (out.size() < kMost) {
    DRAY_TRY(const bool row, all.step());
    if (!row) break;
    const auto types = rows::strings(all.text(1));
    const bool shared = types && std::find_first_of(types->begin(), types->end(), artifact.device_types.begin(), artifact.device_types.end()) != types->end();
    const auto sha = Sha256::parse(all.text(0));
    if (shared && sha) out.push_back(*sha);  // one that can't be read is said where it is listed
  }
  all.reset();
  return out;
}

}  // namespace dray::adapters
