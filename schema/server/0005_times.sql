-- When sites may be used, and the times that are computed for each rollout at each site.

ALTER TABLE site ADD COLUMN transfer_windows TEXT NOT NULL DEFAULT '[]';  -- [] = always; local time of the site
ALTER TABLE site ADD COLUMN update_windows   TEXT NOT NULL DEFAULT '[]';
ALTER TABLE site ADD COLUMN black_outs       TEXT NOT NULL DEFAULT '[]';

ALTER TABLE rollout ADD COLUMN computed INTEGER NOT NULL DEFAULT 0;  -- else its times were given

-- plan_asked counts the events that may change the times, plan_seen those that the planner has answered.
ALTER TABLE assignment ADD COLUMN plan_asked      INTEGER NOT NULL DEFAULT 1;
ALTER TABLE assignment ADD COLUMN plan_seen       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignment ADD COLUMN look_at         INTEGER;  -- when time alone may be a cause
ALTER TABLE assignment ADD COLUMN planned_at      INTEGER;  -- NULL: never; the columns below mean nothing then
ALTER TABLE assignment ADD COLUMN transmit_at     INTEGER;
ALTER TABLE assignment ADD COLUMN update_at       INTEGER;  -- NULL: nothing is to start
ALTER TABLE assignment ADD COLUMN fetched_at      INTEGER;
ALTER TABLE assignment ADD COLUMN finish_at       INTEGER;
ALTER TABLE assignment ADD COLUMN transfer        TEXT NOT NULL DEFAULT '[]';  -- as in the plan: [] = always
ALTER TABLE assignment ADD COLUMN update_windows  TEXT NOT NULL DEFAULT '[]';
ALTER TABLE assignment ADD COLUMN shares          TEXT NOT NULL DEFAULT '[]';  -- of the server's egress
ALTER TABLE assignment ADD COLUMN misfit          TEXT NOT NULL DEFAULT '';
ALTER TABLE assignment ADD COLUMN misfit_sentence TEXT NOT NULL DEFAULT '';
-- What they were computed from.
ALTER TABLE assignment ADD COLUMN wan_rate        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignment ADD COLUMN lan_rate        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignment ADD COLUMN missing         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignment ADD COLUMN devices         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignment ADD COLUMN deferred_until  INTEGER;
ALTER TABLE assignment ADD COLUMN terms           TEXT NOT NULL DEFAULT '';

CREATE INDEX assignment_asked ON assignment(rollout_id) WHERE in_plan = 1 AND plan_asked > plan_seen;
CREATE INDEX assignment_look ON assignment(look_at) WHERE in_plan = 1 AND look_at IS NOT NULL;
CREATE INDEX assignment_hold ON assignment(transmit_at) WHERE fetch = 'hold' AND transmit_at IS NOT NULL;
CREATE INDEX assignment_shares ON assignment(id) WHERE in_plan = 1 AND shares <> '[]';

-- How long devices of a type took from their last byte to their end, the newest ones.
ALTER TABLE job ADD COLUMN installing_at INTEGER;
CREATE TABLE install_time(
  id   INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  took INTEGER NOT NULL  -- ms
);
CREATE INDEX install_time_type ON install_time(type, id);
