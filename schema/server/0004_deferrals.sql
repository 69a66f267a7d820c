-- Deferrals that were asked for at the server. They stand until they are withdrawn; one that is over is withdrawn by time.
CREATE TABLE deferral(
  id           INTEGER PRIMARY KEY AUTOINCREMENT,  -- "d5"
  site_id      INTEGER NOT NULL REFERENCES site(id),
  device       TEXT NOT NULL,  -- '' = every one
  rollout_id   INTEGER REFERENCES rollout(id),  -- NULL = every one
  until        INTEGER NOT NULL,
  by           TEXT NOT NULL,
  why          TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  withdrawn_at INTEGER
);
CREATE INDEX deferral_standing ON deferral(site_id) WHERE withdrawn_at IS NULL;
