-- The gateway's books. No card number rests here: of a card, a keyed digest and its last four digits.
-- Amounts are minor units; times are seconds since the epoch.

-- Merchants with an account, by address; the key that was seen first stays.
CREATE TABLE merchant (
    url        TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    thumbprint BLOB NOT NULL UNIQUE,
    key        BLOB NOT NULL
) STRICT;

-- Enrolled cards, by the thumbprint of the card's key. `tag`: HMAC of number and expiry under the gateway's secret.
CREATE TABLE card (
    holder      BLOB PRIMARY KEY,
    tag         BLOB NOT NULL,
    certificate TEXT NOT NULL
) STRICT;

-- What was asked to be authorised, by the digest of its terms. A deal is authorised once.
-- `state`: 0 asked, 1 the cardholder is to approve, 2 authorised, 3 captured, 4 voided, 5 refunded, 6 charged back, 7 declined.
CREATE TABLE authorisation (
    common     BLOB PRIMARY KEY,
    merchant   BLOB NOT NULL,
    deal       BLOB NOT NULL,
    currency   TEXT NOT NULL,
    amount     INTEGER NOT NULL,
    level      INTEGER NOT NULL,
    holder     BLOB,
    state      INTEGER NOT NULL,
    capture_by INTEGER NOT NULL,
    captured   INTEGER NOT NULL,
    refunded   INTEGER NOT NULL,
    approval   INTEGER,
    reference  TEXT,
    answer     TEXT,
    asked_at   INTEGER NOT NULL,
    UNIQUE (merchant, deal)
) STRICT;
CREATE INDEX authorisation_open ON authorisation (asked_at) WHERE state = 0;

-- Orders to capture, void and refund. `operation` is its JSON. `state`: 0 begun, 1 done, 2 refused.
CREATE TABLE card_order (
    common    BLOB NOT NULL REFERENCES authorisation,
    id        BLOB NOT NULL,
    operation TEXT NOT NULL,
    kind      TEXT NOT NULL,
    amount    INTEGER NOT NULL,
    state     INTEGER NOT NULL,
    done      TEXT,
    made_at   INTEGER NOT NULL,
    batch     INTEGER,
    PRIMARY KEY (common, id)
) STRICT;
CREATE INDEX card_order_open ON card_order (made_at) WHERE state = 0;
CREATE INDEX card_order_uncleared ON card_order (made_at) WHERE state = 1 AND batch IS NULL;

-- Clearances: each a file of orders.
CREATE TABLE batch (
    number   INTEGER PRIMARY KEY,
    made_at  INTEGER NOT NULL,
    orders   INTEGER NOT NULL,
    captured INTEGER NOT NULL,
    refunded INTEGER NOT NULL
) STRICT;
