-- Gateways that have called with a site's token, and which of them answers for it: src/core/identity/holder.h.
CREATE TABLE instance(
  site_id    INTEGER NOT NULL REFERENCES site(id),
  name       TEXT NOT NULL,     -- '' = calls without one
  role       TEXT NOT NULL,     -- holds, waits, replaced
  since      INTEGER NOT NULL,  -- in this role
  heard_at   INTEGER NOT NULL,
  refused_at INTEGER,           -- first, of calls without a silence between them
  returned   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(site_id, name)
) WITHOUT ROWID;
