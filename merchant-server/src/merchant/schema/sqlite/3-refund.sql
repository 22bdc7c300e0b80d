-- Refunds, each stored before anybody is asked to give the money back.
-- state: 0 asked for, 1 done (`answer` is the merchant's order and what proves it, JSON), 2 refused (`answer` is the code).
CREATE TABLE refund (
    number     INTEGER PRIMARY KEY,
    serial     INTEGER NOT NULL REFERENCES deal,
    id         BLOB NOT NULL,
    amount     INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    answer     TEXT,
    UNIQUE (serial, id)
) STRICT;
CREATE INDEX refund_open ON refund (number) WHERE state = 0;
