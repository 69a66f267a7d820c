-- What keeps a gateway that is damaged, doubled or hostile from using up its site's numbers: server_leases.cc.

-- New epochs and new leases within 24 hours: the first, how many, the last (core::Paced).
ALTER TABLE site ADD COLUMN epochs_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN epochs      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN epochs_last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN leases_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN leases      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN leases_last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN epoch_waits INTEGER;                        -- until then a new epoch is told to come later
ALTER TABLE site ADD COLUMN wide_ids    INTEGER NOT NULL DEFAULT 0;     -- an operator allowed ids of more than 31 bits
ALTER TABLE site ADD COLUMN ids_ended   INTEGER NOT NULL DEFAULT 0;     -- 1: more were needed than are left

-- Entries of its reports that could not be taken, and the last of them.
ALTER TABLE site ADD COLUMN refused      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN refused_at   INTEGER;
ALTER TABLE site ADD COLUMN refused_what TEXT NOT NULL DEFAULT '';
ALTER TABLE site ADD COLUMN refused_why  TEXT NOT NULL DEFAULT '';

-- 1: in a plan that somebody may have got. Never again for another epoch then.
ALTER TABLE action_block ADD COLUMN delivered INTEGER NOT NULL DEFAULT 1;

-- Numbers that were taken before they had bounds. A site whose epoch is one of them begins anew with its next report.
UPDATE job SET attempt = min(max(attempt, 0), 1000000), step = min(max(step, 0), 9007199254740991),
  bytes = min(max(bytes, 0), 9007199254740991)
  WHERE attempt NOT BETWEEN 0 AND 1000000 OR step NOT BETWEEN 0 AND 9007199254740991
  OR bytes NOT BETWEEN 0 AND 9007199254740991;
UPDATE rate SET age = min(max(age, 0), 316224000) WHERE age NOT BETWEEN 0 AND 316224000;
UPDATE rate SET samples = min(max(samples, 1), 1000000000) WHERE samples NOT BETWEEN 1 AND 1000000000;
UPDATE rate SET rate = min(rate, 1099511627776), low = min(low, 1099511627776) WHERE rate > 1099511627776;
UPDATE site SET attempts = min(max(attempts, 0), 1000000000) WHERE attempts NOT BETWEEN 0 AND 1000000000;
UPDATE site SET seen_epoch = 0, seen_seq = 0, action_epoch = 0, resync = 1
  WHERE seen_epoch > 1000000000000 OR seen_seq > 9007199254740991 OR action_epoch > 1000000000000;
