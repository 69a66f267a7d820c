-- What lets a server that was restored from an older backup never use a number twice: server_restored.cc.
ALTER TABLE site ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;  -- 1: a lost later state may have leased more action ids
ALTER TABLE action_block ADD COLUMN leased_at INTEGER NOT NULL DEFAULT 0;
