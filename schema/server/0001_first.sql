-- The server's first schema. Times are milliseconds since 1970 UTC; lists and maps that are only ever read and
-- written whole are JSON. "final" repeats what follows from "state", for the partial index.

CREATE TABLE meta(
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- A POST that was already done: a repeated one with the same key gets the same thing again.
CREATE TABLE idempotency(
  key         TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  made        TEXT NOT NULL,
  at          INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency(at);

CREATE TABLE site(
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  time_zone     TEXT NOT NULL,
  limits        TEXT NOT NULL,
  token_sha256  TEXT NOT NULL UNIQUE,
  revision      INTEGER NOT NULL DEFAULT 1,
  seen_epoch    INTEGER NOT NULL DEFAULT 0,
  seen_seq      INTEGER NOT NULL DEFAULT 0,
  action_epoch  INTEGER NOT NULL DEFAULT 0,  -- the gateway epoch that the newest action_block belongs to; 0: not yet known
  next_action   INTEGER NOT NULL DEFAULT 1,  -- no block ever begins below this again
  attempts      INTEGER NOT NULL DEFAULT 0,  -- reported in this epoch: about how many ids are used
  resync        INTEGER NOT NULL DEFAULT 0,  -- 1: asked for, 2: told with resync_epoch/seq, waiting for what follows
  resync_epoch  INTEGER NOT NULL DEFAULT 0,
  resync_seq    INTEGER NOT NULL DEFAULT 0,
  storage       TEXT,
  contact_at    INTEGER,
  created_at    INTEGER NOT NULL
);

-- DDI action ids leased to a site. Never deleted: ids are unique per site for ever.
CREATE TABLE action_block(
  site_id INTEGER NOT NULL REFERENCES site(id),
  epoch   INTEGER NOT NULL,
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL,
  PRIMARY KEY(site_id, first)
) WITHOUT ROWID;

CREATE TABLE device_type(
  id              INTEGER PRIMARY KEY,
  name            TEXT NOT NULL UNIQUE,
  client          TEXT NOT NULL,
  components      TEXT NOT NULL,
  steps           TEXT NOT NULL,  -- the order of the components
  ask             TEXT NOT NULL,
  ends_on         TEXT NOT NULL,
  power_on_within INTEGER NOT NULL,
  probe           TEXT NOT NULL,
  parts           TEXT NOT NULL,
  created_at      INTEGER NOT NULL
);

CREATE TABLE device(
  id           INTEGER PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  site_id      INTEGER NOT NULL REFERENCES site(id),
  type         TEXT NOT NULL REFERENCES device_type(name),
  token_sha256 TEXT NOT NULL,
  attributes   TEXT NOT NULL,             -- the operator's
  reported     TEXT NOT NULL DEFAULT '{}', -- the device's own
  running      TEXT NOT NULL DEFAULT '{}',
  boot_id      TEXT NOT NULL DEFAULT '',
  status       TEXT NOT NULL DEFAULT '',
  seen_at      INTEGER,
  job_id       INTEGER,                   -- the newest
  created_at   INTEGER NOT NULL
);
CREATE INDEX device_site ON device(site_id);

-- Devices that gateways have seen and nobody has added.
CREATE TABLE registered(
  id         INTEGER PRIMARY KEY,
  site_id    INTEGER NOT NULL REFERENCES site(id),
  name       TEXT NOT NULL,
  attributes TEXT NOT NULL,
  at         INTEGER NOT NULL,
  UNIQUE(site_id, name)
);

CREATE TABLE upload(
  sha256     TEXT PRIMARY KEY,
  size       INTEGER NOT NULL,
  touched_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE blob(
  sha256    TEXT PRIMARY KEY,
  size      INTEGER NOT NULL,
  sha1      TEXT NOT NULL,
  md5       TEXT NOT NULL,
  stored_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE artifact(
  id           INTEGER PRIMARY KEY AUTOINCREMENT,  -- the DDI module id: stable, never reused
  sha256       TEXT NOT NULL UNIQUE REFERENCES blob(sha256),
  name         TEXT NOT NULL,
  file         TEXT NOT NULL,
  component    TEXT NOT NULL,
  version      TEXT NOT NULL,
  device_types TEXT NOT NULL,
  created_at   INTEGER NOT NULL
);

CREATE TABLE release(
  id         INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  version    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE(name, version)
);
CREATE TABLE release_artifact(
  release_id  INTEGER NOT NULL REFERENCES release(id),
  position    INTEGER NOT NULL,
  artifact_id INTEGER NOT NULL REFERENCES artifact(id),
  PRIMARY KEY(release_id, position)
) WITHOUT ROWID;

CREATE TABLE rollout(
  id              INTEGER PRIMARY KEY AUTOINCREMENT,  -- "r12"
  release_id      INTEGER NOT NULL REFERENCES release(id),
  filter          TEXT NOT NULL,
  delivery        TEXT NOT NULL,
  transmit_at     INTEGER,
  update_at       INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL,
  transfer        TEXT NOT NULL,
  update_windows  TEXT NOT NULL,
  retry_limit     INTEGER,
  priority        INTEGER NOT NULL,
  status_deferral INTEGER NOT NULL,
  phase           TEXT NOT NULL,
  phase_at        INTEGER NOT NULL,
  wake_at         INTEGER,               -- when time alone changes something next
  aborted_by      TEXT NOT NULL DEFAULT '',
  aborted_why     TEXT NOT NULL DEFAULT '',
  created_at      INTEGER NOT NULL
);
CREATE INDEX rollout_wake ON rollout(wake_at) WHERE wake_at IS NOT NULL;

-- What matching made of the release for a type: the same steps for all its devices.
CREATE TABLE rollout_type(
  id         INTEGER PRIMARY KEY,
  rollout_id INTEGER NOT NULL REFERENCES rollout(id),
  type       TEXT NOT NULL,
  steps      TEXT NOT NULL,  -- [] = incompatible
  UNIQUE(rollout_id, type)
);

-- One rollout at one site.
CREATE TABLE assignment(
  id         INTEGER PRIMARY KEY,
  rollout_id INTEGER NOT NULL REFERENCES rollout(id),
  site_id    INTEGER NOT NULL REFERENCES site(id),
  fetch      TEXT NOT NULL,
  in_plan    INTEGER NOT NULL,  -- changes only together with the site's revision
  UNIQUE(rollout_id, site_id)
);
CREATE INDEX assignment_plan ON assignment(site_id) WHERE in_plan = 1;

-- One device's share of a rollout, as its gateway reported it last.
CREATE TABLE job(
  id              INTEGER PRIMARY KEY,
  rollout_id      INTEGER NOT NULL REFERENCES rollout(id),
  assignment_id   INTEGER NOT NULL REFERENCES assignment(id),
  device_id       INTEGER NOT NULL REFERENCES device(id),
  rollout_type_id INTEGER NOT NULL REFERENCES rollout_type(id),
  state           TEXT NOT NULL,
  final           INTEGER NOT NULL,
  reason          TEXT NOT NULL DEFAULT '',
  sentence        TEXT NOT NULL DEFAULT '',
  until           INTEGER,
  update_at       INTEGER,
  step            INTEGER NOT NULL DEFAULT 0,
  attempt         INTEGER NOT NULL DEFAULT 0,
  bytes           INTEGER NOT NULL DEFAULT 0,
  running         TEXT NOT NULL DEFAULT '{}',
  late            INTEGER NOT NULL DEFAULT 0,
  cancel_id       TEXT NOT NULL DEFAULT '',
  cancel_answer   TEXT NOT NULL DEFAULT '',
  reported_at     INTEGER,
  cancel_at       INTEGER,               -- somebody asked for a cancel
  cancel_by       TEXT NOT NULL DEFAULT '',
  cancel_why      TEXT NOT NULL DEFAULT '',
  UNIQUE(rollout_id, device_id)
);
CREATE INDEX job_assignment ON job(assignment_id);
CREATE INDEX job_open ON job(rollout_id, assignment_id) WHERE final = 0;

CREATE TABLE log_line(
  id      INTEGER PRIMARY KEY,
  job_id  INTEGER NOT NULL REFERENCES job(id),
  attempt INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  text    TEXT NOT NULL
);
CREATE INDEX log_line_job ON log_line(job_id);

-- Measured rates, the newest a link and hour of the week.
CREATE TABLE rate(
  site_id      INTEGER NOT NULL REFERENCES site(id),
  link         TEXT NOT NULL,
  device       TEXT NOT NULL,
  hour_of_week INTEGER NOT NULL,
  rate         INTEGER NOT NULL,
  low          INTEGER NOT NULL,
  samples      INTEGER NOT NULL,
  age          INTEGER NOT NULL,
  assumed      INTEGER NOT NULL,
  capped       INTEGER NOT NULL,
  at           INTEGER NOT NULL,
  PRIMARY KEY(site_id, link, device, hour_of_week)
) WITHOUT ROWID;

-- Deferrals that were asked for at the site.
CREATE TABLE site_deferral(
  site_id    INTEGER NOT NULL REFERENCES site(id),
  id         TEXT NOT NULL,
  device     TEXT NOT NULL,
  assignment TEXT NOT NULL,
  until      INTEGER NOT NULL,
  by         TEXT NOT NULL,
  why        TEXT NOT NULL,
  withdrawn  INTEGER NOT NULL,
  PRIMARY KEY(site_id, id)
) WITHOUT ROWID;
