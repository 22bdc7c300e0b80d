-- Refunds: what returned of deposits to the coins that paid them, before the merchant was paid out.

-- How much of it returned. Refund and payout decide on this row: whichever comes first.
ALTER TABLE deposit ADD COLUMN refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount);
DROP INDEX deposit_owed;
CREATE INDEX deposit_owed ON deposit (merchant, wire_by) WHERE payout IS NULL AND refunded < amount;

-- `id` is the merchant's name for it, `digest` that of its order; both are kept as signed texts.
CREATE TABLE refund (
    number       INTEGER PRIMARY KEY,
    deposit      INTEGER NOT NULL REFERENCES deposit,
    id           BLOB NOT NULL,
    digest       BLOB NOT NULL UNIQUE,
    amount       INTEGER NOT NULL,
    confirmed_at INTEGER NOT NULL,
    statement    TEXT NOT NULL,
    confirmation TEXT NOT NULL,
    UNIQUE (deposit, id)
) STRICT;

-- What of a refund returned to which coin.
CREATE TABLE refund_share (
    refund INTEGER NOT NULL REFERENCES refund,
    coin   INTEGER NOT NULL REFERENCES coin,
    amount INTEGER NOT NULL,
    PRIMARY KEY (refund, coin)
) STRICT, WITHOUT ROWID;
CREATE INDEX refund_share_by_coin ON refund_share (coin);
