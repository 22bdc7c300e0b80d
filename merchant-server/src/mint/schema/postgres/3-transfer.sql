-- The columns are described in the script of the same name for SQLite.

-- Spread by name, as coins are by key.
CREATE SEQUENCE transfer_number CACHE 32;
CREATE TABLE transfer (
    number       BIGINT NOT NULL DEFAULT nextval('transfer_number'),
    name         BYTEA NOT NULL PRIMARY KEY,
    digest       BYTEA NOT NULL,
    signer       BYTEA NOT NULL,
    statement    TEXT NOT NULL,
    coins        BYTEA NOT NULL,
    amount       BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    state        BIGINT NOT NULL,
    reserve      BYTEA,
    decision     TEXT,
    decided_at   BIGINT,
    confirmed_at BIGINT NOT NULL,
    signature    BYTEA NOT NULL
) PARTITION BY HASH (name);
CREATE TABLE transfer_0 PARTITION OF transfer FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE transfer_1 PARTITION OF transfer FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE transfer_2 PARTITION OF transfer FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE transfer_3 PARTITION OF transfer FOR VALUES WITH (MODULUS 4, REMAINDER 3);
CREATE INDEX transfer_by_number ON transfer (number);
CREATE INDEX transfer_pending ON transfer (expires_at) WHERE state = 0;

CREATE TABLE transfer_spend (
    transfer BIGINT NOT NULL,
    position BIGINT NOT NULL,
    coin     BIGINT NOT NULL,
    amount   BIGINT NOT NULL,
    proof    BYTEA NOT NULL,
    PRIMARY KEY (transfer, position)
);
CREATE INDEX transfer_spend_by_coin ON transfer_spend (coin);
