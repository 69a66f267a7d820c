#include "adapters/sqlite/gateway_store.h"

#include <array>

namespace dray::adapters {
namespace {

constexpr std::array<std::string_view, 1> kMigrations{
    "CREATE TABLE document(kind TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY(kind, id)) "
    "WITHOUT ROWID, STRICT"};

}  // namespace

Result<std::unique_ptr<GatewayStore>> GatewayStore::open(const Db::Options& options) {
  DRAY_TRY(auto db, Db::open(options));
  DRAY_CHECK(db.migrate(kMigrations));
  return std::unique_ptr<GatewayStore>{new GatewayStore{std::move(db)}};
}

GatewayStore::GatewayStore(Db db)
    : db_{std::move(db)},
      select_{db_, "SELECT kind, id, text FROM document ORDER BY kind, id"},
      put_{db_,
           "INSERT INTO document(kind, id, text) VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET text = "
           "excluded.text"},
      erase_{db_, "DELETE FROM document WHERE kind = ?1 AND id = ?2"} {}

Result<std::vector<gateway::Document>> GatewayStore::load() {
  std::vector<gateway::Document> out;
  for (;;) {
    DRAY_TRY(const bool row, select_.step());
    if (!row) return out;
    out.push_back({select_.text(0), select_.text(1), select_.text(2)});
  }
}

Result<> GatewayStore::commit(const std::vector<gateway::Writes>& batch) {
  DRAY_TRY(auto transaction, Transaction::begin(db_));
  for (const gateway::Writes& writes : batch)
    for (const gateway::Write& write : writes) {
      DRAY_CHECK(write.text ? put_.bind(1, write.kind).bind(2, write.id).bind(3, *write.text).run()
                            : erase_.bind(1, write.kind).bind(2, write.id).run());
    }
  return transaction.commit();
}

}  // namespace dray::adapters
