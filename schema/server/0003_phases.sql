-- Phases of rollouts. What was called a rollout's phase is its state. A rollout that was made before has one
-- phase, which has begun, and takes nobody who joins later.

ALTER TABLE rollout RENAME COLUMN phase TO state;
ALTER TABLE rollout RENAME COLUMN phase_at TO state_at;
ALTER TABLE rollout RENAME COLUMN aborted_by TO state_by;   -- who paused or aborted it
ALTER TABLE rollout RENAME COLUMN aborted_why TO state_why;
ALTER TABLE rollout ADD COLUMN pause_cause  TEXT NOT NULL DEFAULT '';  -- operator, failures
ALTER TABLE rollout ADD COLUMN before_pause TEXT NOT NULL DEFAULT '';  -- the state that a resume comes back to
ALTER TABLE rollout ADD COLUMN soak_until   INTEGER;
ALTER TABLE rollout ADD COLUMN released     INTEGER NOT NULL DEFAULT 1;  -- phases that have begun
ALTER TABLE rollout ADD COLUMN phases       INTEGER NOT NULL DEFAULT 1;
ALTER TABLE rollout ADD COLUMN late_joiners INTEGER NOT NULL DEFAULT 0;

CREATE TABLE rollout_phase(
  rollout_id   INTEGER NOT NULL REFERENCES rollout(id),
  number       INTEGER NOT NULL,            -- from 0
  terms        TEXT NOT NULL,
  accepted     INTEGER NOT NULL DEFAULT 0,  -- failures that an operator took into account when resuming
  released_at  INTEGER,
  reached_at   INTEGER,
  approved_at  INTEGER,
  approved_by  TEXT NOT NULL DEFAULT '',
  approved_why TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(rollout_id, number)
) WITHOUT ROWID;
INSERT INTO rollout_phase(rollout_id, number, terms, released_at) SELECT id, 0, '{}', created_at FROM rollout;

-- What happened to a rollout, and who asked for it.
CREATE TABLE rollout_event(
  id         INTEGER PRIMARY KEY,
  rollout_id INTEGER NOT NULL REFERENCES rollout(id),
  at         INTEGER NOT NULL,
  what       TEXT NOT NULL,
  phase      INTEGER,
  by         TEXT NOT NULL,
  why        TEXT NOT NULL
);
CREATE INDEX rollout_event_rollout ON rollout_event(rollout_id);

ALTER TABLE job ADD COLUMN phase      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;  -- counts the retries; part of its id from 2 on
ALTER TABLE job ADD COLUMN withheld   INTEGER NOT NULL DEFAULT 0;  -- ended before its phase began: in no plan ever
DROP INDEX job_open;
CREATE INDEX job_open ON job(rollout_id, assignment_id, phase) WHERE final = 0;

-- How many jobs of a phase are in a state; again = 1: not ended, and the last attempt failed. It repeats what
-- follows from the jobs, so that no report has to count a million of them.
CREATE TABLE phase_count(
  rollout_id INTEGER NOT NULL REFERENCES rollout(id),
  phase      INTEGER NOT NULL,
  state      TEXT NOT NULL,
  again      INTEGER NOT NULL,
  n          INTEGER NOT NULL,
  PRIMARY KEY(rollout_id, phase, state, again)
) WITHOUT ROWID;
INSERT INTO phase_count(rollout_id, phase, state, again, n)
  SELECT rollout_id, 0, state, final = 0 AND attempt > 1, count(*) FROM job GROUP BY 1, 3, 4;

-- The ended tries of jobs that were made anew.
CREATE TABLE job_past(
  job_id     INTEGER NOT NULL REFERENCES job(id),
  generation INTEGER NOT NULL,
  state      TEXT NOT NULL,
  reason     TEXT NOT NULL,
  sentence   TEXT NOT NULL,
  attempt    INTEGER NOT NULL,
  late       INTEGER NOT NULL,
  PRIMARY KEY(job_id, generation)
) WITHOUT ROWID;

ALTER TABLE assignment ADD COLUMN held INTEGER NOT NULL DEFAULT 0;  -- paused; changes only with the site's revision
ALTER TABLE device ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0;     -- may pass the filter of a running rollout now
CREATE INDEX device_fresh ON device(id) WHERE fresh = 1;
