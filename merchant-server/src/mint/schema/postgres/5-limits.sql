-- The columns are described in the script of the same name for SQLite.

CREATE TABLE reserve_day (
    reserve BYTEA NOT NULL,
    day     BIGINT NOT NULL,
    amount  BIGINT NOT NULL,
    PRIMARY KEY (reserve, day)
);

ALTER TABLE stray_transfers ADD COLUMN state BIGINT NOT NULL DEFAULT 0;
ALTER TABLE stray_transfers ADD COLUMN next_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX stray_open ON stray_transfers (next_at) WHERE state = 0 OR state = 2;
