-- At which site it was: what one site says never spoils what other sites are planned with. 0: from before this column.
ALTER TABLE install_time ADD COLUMN site_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX install_time_site ON install_time(type, site_id, id);
