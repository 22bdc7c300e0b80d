-- Goods as last imported. A good that was removed stays, unlisted.
CREATE TABLE good (
    id     TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    listed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Encrypted contents; the stream of each lies in a file of its ciphertext's name. Found again by the plaintext's hash.
CREATE TABLE content (
    plaintext  BLOB PRIMARY KEY,
    ciphertext BLOB NOT NULL UNIQUE,
    size       INTEGER NOT NULL,
    root       BLOB NOT NULL,
    key_hash   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What opens the contents. Secret.
CREATE TABLE content_key (
    ciphertext BLOB PRIMARY KEY,
    key        BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Which content a generator made, by the edition it was asked for.
CREATE TABLE generated (
    name      TEXT NOT NULL,
    edition   TEXT NOT NULL,
    plaintext BLOB NOT NULL REFERENCES content,
    PRIMARY KEY (name, edition)
) STRICT, WITHOUT ROWID;

CREATE TABLE picture (
    name   TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    digest BLOB NOT NULL,
    bytes  BLOB NOT NULL
) STRICT;

-- Every offer that was ever signed: deals refer to them.
CREATE TABLE offer (
    serial     INTEGER PRIMARY KEY,
    digest     BLOB NOT NULL UNIQUE,
    good       TEXT NOT NULL,
    compact    TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- The mints whose coins are taken, as they introduced themselves.
CREATE TABLE mint (
    url TEXT PRIMARY KEY,
    key BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Statements are packed: base64url is stored as the bytes it stands for.
-- state: 0 ordered, 1 delivered, 2 acknowledged, 3 refused.
CREATE TABLE deal (
    serial  INTEGER PRIMARY KEY,
    deal    BLOB NOT NULL UNIQUE,
    state   INTEGER NOT NULL,
    offer   INTEGER NOT NULL REFERENCES offer,
    request BLOB NOT NULL,
    opened_at INTEGER NOT NULL,
    statement BLOB NOT NULL
) STRICT;
CREATE INDEX deal_open ON deal (serial) WHERE state = 0;

-- The payment of a deal, as long as it is not settled: the confirmation then names the same coins.
CREATE TABLE payment (
    serial INTEGER PRIMARY KEY REFERENCES deal,
    body   TEXT NOT NULL
) STRICT;

CREATE TABLE outcome (
    serial    INTEGER PRIMARY KEY REFERENCES deal,
    closed_at INTEGER NOT NULL,
    receipt   BLOB NOT NULL,
    delivery  BLOB NOT NULL,
    proofs    BLOB NOT NULL
) STRICT;

CREATE TABLE refusal (
    serial    INTEGER PRIMARY KEY REFERENCES deal,
    closed_at INTEGER NOT NULL,
    code      TEXT NOT NULL,
    extra     TEXT NOT NULL
) STRICT;

CREATE TABLE acknowledgement (
    serial    INTEGER PRIMARY KEY REFERENCES deal,
    statement BLOB NOT NULL
) STRICT;
