-- What mints have paid out: their signed lists of deals, as they came, each held against our own deals when it is looked at.
CREATE TABLE payout (
    serial     INTEGER PRIMARY KEY,
    mint       BLOB NOT NULL,
    id         BLOB NOT NULL,
    fetched_at INTEGER NOT NULL,
    statement  TEXT NOT NULL,
    UNIQUE (mint, id)
) STRICT;

-- The payout that a deal was in first: it should be in no other.
CREATE TABLE payout_deal (
    deal   BLOB PRIMARY KEY,
    payout INTEGER NOT NULL REFERENCES payout
) STRICT, WITHOUT ROWID;

-- Every account that mints were told to pay out to, by its label; the first has none.
CREATE TABLE payout_account (
    label   TEXT NOT NULL,
    account TEXT NOT NULL,
    PRIMARY KEY (label, account)
) STRICT, WITHOUT ROWID;
