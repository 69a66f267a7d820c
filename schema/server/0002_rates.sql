-- What is known of a link over the whole week, made from its rows of `rate` whenever they change: siblings that were
-- never measured take the median of the newest ones as their prior. Only what the link itself showed, never a cap.
CREATE TABLE link_rate(
  site_id INTEGER NOT NULL REFERENCES site(id),
  link    TEXT NOT NULL,
  device  TEXT NOT NULL,
  type    TEXT NOT NULL,  -- the device's; of the WAN ''
  rate    INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY(site_id, link, device)
) WITHOUT ROWID;
CREATE INDEX link_rate_sibling ON link_rate(link, type, at);

INSERT INTO link_rate
  SELECT r.site_id, r.link, r.device, coalesce((SELECT d.type FROM device d WHERE d.name=r.device), ''),
         CAST(total(1.0 * r.rate * max(r.samples, 1)) / total(max(r.samples, 1)) AS INTEGER), max(r.at)
  FROM rate r WHERE r.assumed=0 AND r.capped=0 GROUP BY r.site_id, r.link, r.device;
