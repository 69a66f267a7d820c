-- Of the jobs of a device: which one began to update it, or ended well, after which. 0: it has done neither, or did before
-- this was kept; among those the row ids tell.
ALTER TABLE job ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
