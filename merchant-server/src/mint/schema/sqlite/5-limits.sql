-- What each reserve gave on each day (days since the epoch), where the mint limits that.
CREATE TABLE reserve_day (
    reserve BLOB NOT NULL,
    day     INTEGER NOT NULL,
    amount  INTEGER NOT NULL,
    PRIMARY KEY (reserve, day)
) STRICT, WITHOUT ROWID;

-- Strays go back to where they came from. `state`: 0 to be sent back, 1 sent, 2 refused and to be tried again, 3 kept.
ALTER TABLE stray_transfers ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stray_transfers ADD COLUMN next_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX stray_open ON stray_transfers (next_at) WHERE state = 0 OR state = 2;
