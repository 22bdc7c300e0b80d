-- The life of denominations: those that were revoked, and what became of their coins.

CREATE TABLE revocation (
    denomination BLOB PRIMARY KEY,
    reason       TEXT NOT NULL,
    revoked_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was left of coins of revoked denominations, and the reserves that it went into. `statement`: the coin's signed order.
CREATE TABLE recoup (
    number    INTEGER PRIMARY KEY,
    digest    BLOB NOT NULL UNIQUE,
    coin      INTEGER NOT NULL REFERENCES coin,
    reserve   BLOB NOT NULL,
    amount    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    statement TEXT NOT NULL
) STRICT;
CREATE INDEX recoup_by_coin ON recoup (coin);
CREATE INDEX recoup_by_reserve ON recoup (reserve);

-- A refresh whose outputs could no longer be signed when it was to be revealed: its amount is back in the coin.
ALTER TABLE melt ADD COLUMN void INTEGER NOT NULL DEFAULT 0;
