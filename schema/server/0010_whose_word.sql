-- Where the devices of a type have their bytes from: 'gateway', or 'elsewhere' (their word counts then).
ALTER TABLE device_type ADD COLUMN bytes_from TEXT NOT NULL DEFAULT 'gateway';
