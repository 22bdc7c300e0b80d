-- The mint's ledger. Amounts are minor units of the mint's one currency; times are seconds since the epoch.

-- Denominations by a small number, since every coin names one.
CREATE TABLE denomination (
    number INTEGER PRIMARY KEY,
    id     BLOB NOT NULL UNIQUE,
    value  INTEGER NOT NULL
) STRICT;

CREATE TABLE reserve (
    key     BLOB PRIMARY KEY,
    balance INTEGER NOT NULL CHECK (balance >= 0)
) STRICT, WITHOUT ROWID;

-- How far the bank's history has been read.
CREATE TABLE funding (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    cursor INTEGER NOT NULL
) STRICT;
INSERT INTO funding VALUES (1, 0);

-- Transfers that named a reserve, by the bank's serial number. Who sent them is the bank's knowledge alone.
CREATE TABLE credit (
    serial  INTEGER PRIMARY KEY,
    reserve BLOB NOT NULL,
    amount  INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

-- Transfers that did not: to be sent back.
CREATE TABLE stray_transfers (
    serial       INTEGER PRIMARY KEY,
    transfer     TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    currency     TEXT NOT NULL,
    amount       INTEGER NOT NULL,
    subject      TEXT NOT NULL,
    at           INTEGER NOT NULL
) STRICT;

-- Batches signed for a reserve. `batch`: for each planchet its denomination's number (2 bytes) and blinded message (256).
-- `proof`: the request's signature, from which with the rest its text is rebuilt; or the text.
CREATE TABLE withdrawal (
    number       INTEGER PRIMARY KEY,
    digest       BLOB NOT NULL UNIQUE,
    reserve      BLOB NOT NULL,
    amount       INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    batch        BLOB NOT NULL,
    signatures   BLOB NOT NULL,
    proof        BLOB NOT NULL
) STRICT;
CREATE INDEX withdrawal_by_reserve ON withdrawal (reserve);

-- Merchants and where they are paid.
CREATE TABLE account (
    number        INTEGER PRIMARY KEY,
    merchant      BLOB NOT NULL UNIQUE,
    account       TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    registration  TEXT NOT NULL
) STRICT;

-- Coins seen, and how much of each is spent or melted.
CREATE TABLE coin (
    number       INTEGER PRIMARY KEY,
    key          BLOB NOT NULL UNIQUE,
    denomination INTEGER NOT NULL REFERENCES denomination,
    signature    BLOB NOT NULL,
    spent        INTEGER NOT NULL
) STRICT;

-- Deals paid. `signature` is that of the confirmation, whose text is rebuilt from the rest.
CREATE TABLE deposit (
    number       INTEGER PRIMARY KEY,
    deal         BLOB NOT NULL,
    merchant     INTEGER NOT NULL REFERENCES account,
    amount       INTEGER NOT NULL,
    confirmed_at INTEGER NOT NULL,
    wire_by      INTEGER NOT NULL,
    signature    BLOB NOT NULL,
    payout       INTEGER REFERENCES payout,
    UNIQUE (deal, merchant)
) STRICT;
CREATE INDEX deposit_owed ON deposit (merchant, wire_by) WHERE payout IS NULL;
CREATE INDEX deposit_by_payout ON deposit (payout) WHERE payout IS NOT NULL;

-- The coins of a deposit. `proof`: the permission's signature, from which with the rest its text is rebuilt; or the text.
CREATE TABLE spend (
    deposit   INTEGER NOT NULL REFERENCES deposit,
    position  INTEGER NOT NULL,
    coin      INTEGER NOT NULL REFERENCES coin,
    amount    INTEGER NOT NULL,
    refund_by INTEGER NOT NULL,
    proof     BLOB NOT NULL,
    PRIMARY KEY (deposit, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX spend_by_coin ON spend (coin);

-- Refreshes. `outputs`: the numbers of the denominations, 2 bytes each. The last two are there once it is revealed.
CREATE TABLE melt (
    number          INTEGER PRIMARY KEY,
    digest          BLOB NOT NULL UNIQUE,
    coin            INTEGER NOT NULL REFERENCES coin,
    sequence        INTEGER NOT NULL,
    amount          INTEGER NOT NULL,
    outputs         BLOB NOT NULL,
    commitment      BLOB NOT NULL,
    proof           BLOB NOT NULL,
    gamma           INTEGER NOT NULL,
    confirmation    BLOB NOT NULL,
    transfer_public BLOB,
    signatures      BLOB,
    UNIQUE (coin, sequence)
) STRICT;

-- Transfers to merchants, each recorded before it is sent. `state`: 0 to be sent, 1 sent, 2 refused and to be tried again.
CREATE TABLE payout (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    merchant INTEGER NOT NULL REFERENCES account,
    account  TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    made_at  INTEGER NOT NULL,
    next_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX payout_open ON payout (next_at) WHERE state <> 1;
