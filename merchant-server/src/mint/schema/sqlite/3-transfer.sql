-- Transfers from person to person, paid in by coins. `name`: the thumbprint of a transfer's key, or the digest of a request.
-- `state`: 0 pending, 1 accepted, 2 returned. `reserve`: the one that was credited. `coins`: a hash of the permissions, so that
-- a repetition is known. `decision`: the statement that decided, where it was not time. `signature`: the confirmation's.
CREATE TABLE transfer (
    number       INTEGER PRIMARY KEY,
    name         BLOB NOT NULL UNIQUE,
    digest       BLOB NOT NULL,
    signer       BLOB NOT NULL,
    statement    TEXT NOT NULL,
    coins        BLOB NOT NULL,
    amount       INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    reserve      BLOB,
    decision     TEXT,
    decided_at   INTEGER,
    confirmed_at INTEGER NOT NULL,
    signature    BLOB NOT NULL
) STRICT;
CREATE INDEX transfer_pending ON transfer (expires_at) WHERE state = 0;

-- The coins of a transfer. `proof`: the permission's signature, from which with the rest its text is rebuilt; or the text.
CREATE TABLE transfer_spend (
    transfer INTEGER NOT NULL REFERENCES transfer,
    position INTEGER NOT NULL,
    coin     INTEGER NOT NULL REFERENCES coin,
    amount   INTEGER NOT NULL,
    proof    BLOB NOT NULL,
    PRIMARY KEY (transfer, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX transfer_spend_by_coin ON transfer_spend (coin);
