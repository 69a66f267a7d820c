// Uploads and the files that have come of them.
#include "adapters/sqlite/server_rows.h"
#include "adapters/sqlite/server_store.h"

namespace dray::adapters {

using namespace rows;

Result<> SqliteServerStore::save_upload(const server::UploadEntry& upload) {
  return sql_(
             "INSERT INTO upload(sha256, size, touched_at, durable) VALUES(?1, ?2, ?3, ?4) "
             "ON CONFLICT(sha256) DO UPDATE SET size=?2, touched_at=?3, durable=max(durable, ?4)")
      .bind(1, upload.sha256.hex())
      .bind(2, static_cast<std::int64_t>(upload.size))
      .bind(3, ms(upload.touched_at))
      .bind(4, static_cast<std::int64_t>(upload.durable))
      .run();
}

Result<> SqliteServerStore::drop_upload(const Sha256& sha256) {
  return sql_("DELETE FROM upload WHERE sha256=?1").bind(1, sha256.hex()).run();
}

Result<server::Kept<server::UploadEntry>> SqliteServerStore::uploads() {
  server::Kept<server::UploadEntry> out;
  auto& all = sql_("SELECT sha256, size, touched_at, durable FROM upload");
  for (;;) {
    DRAY_TRY(const bool row, all.step());
    if (!row) return out;
    const std::size_t noted = out.unreadable.size();
    const RowReader read{"upload", all.text(0), out.unreadable};
    server::UploadEntry upload;
    upload.sha256 = read("sha256", Sha256::parse(all.text(0)));
    upload.size = read("size", size_at(all, 1));
    // How long it is kept, and where it goes on after a power cut: the least where that can't be read.
    upload.touched_at = or_empty(sure_time(all, 2));
    upload.durable = or_empty(size_at(all, 3));
    if (out.unreadable.size() == noted) out.rows.push_back(std::move(upload));
  }
}

Result<> SqliteServerStore::add_blob(const server::Blob& blob, WallTime now) {
  DRAY_TRY(Transaction transaction, Transaction::begin(db_));
  DRAY_CHECK(sql_("INSERT INTO blob(sha256, size, sha1, md5, stored_at) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(sha256) DO "
                  "UPDATE SET size=?2, sha1=?3, md5=?4")
                 .bind(1, blob.sha256.hex())
                 .bind(2, static_cast<std::int64_t>(blob.size))
                 .bind(3, blob.sha1)
                 .bind(4, blob.md5)
                 .bind(5, ms(now))
                 .run());
  DRAY_CHECK(drop_upload(blob.sha256));
  return transaction.commit();
}

Result<server::Kept<server::Blob>> SqliteServerStore::blobs() {
  server::Kept<server::Blob> out;
  auto& all = sql_("SELECT sha256, size, sha1, md5 FROM blob");
  for (;;) {
    DRAY_TRY(const bool row, all.step());
    if (!row) return out;
    const std::size_t noted = out.unreadable.size();
    const RowReader read{"blob", all.text(0), out.unreadable};
    server::Blob blob;
    blob.sha256 = read("sha256", Sha256::parse(all.text(0)));
    blob.size = read("size", size_at(all, 1));
    blob.sha1 = read("sha1", sha1_of(all.text(2)));
    blob.md5 = read("md5", md5_of(all.text(3)));
    if (out.unreadable.size() == noted) out.rows.push_back(std::move(blob));
  }
}

}  // namespace dray::adapters
