-- Bytes of an upload's part that survive a power cut; the file may be longer, and torn behind them.
ALTER TABLE upload ADD COLUMN durable INTEGER NOT NULL DEFAULT 0;
