-- Other names by which the devices of a type may call it (attribute dray.type); they are held where they say another one.
ALTER TABLE device_type ADD COLUMN also_called TEXT NOT NULL DEFAULT '[]';
