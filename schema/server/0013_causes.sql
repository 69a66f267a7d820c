-- Beside a job's state: what went wrong last, or what it waited for at its expiry. Of earlier tries as well.
ALTER TABLE job ADD COLUMN cause_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE job_past ADD COLUMN cause_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE job_past ADD COLUMN cause TEXT NOT NULL DEFAULT '';
-- A device that no longer runs what this job ended well with: since when, and what runs instead (component -> version).
ALTER TABLE job ADD COLUMN drifted_at INTEGER;
ALTER TABLE job ADD COLUMN drifted TEXT NOT NULL DEFAULT '{}';
CREATE INDEX job_drifted ON job(rollout_id) WHERE drifted_at IS NOT NULL;
CREATE INDEX job_device ON job(device_id);
