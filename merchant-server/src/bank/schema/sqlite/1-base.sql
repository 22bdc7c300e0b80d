-- The one currency of these books.
CREATE TABLE book (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    currency TEXT NOT NULL
) STRICT;

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- SHA-256 of the token; nobody has the token of an account without one.
    token_hash BLOB CHECK (token_hash IS NULL OR length(token_hash) = 32),
    balance INTEGER NOT NULL DEFAULT 0,
    floor INTEGER NOT NULL DEFAULT 0 CHECK (floor <= 0),
    CHECK (balance >= floor)
) STRICT;

CREATE TABLE transfer (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    payer INTEGER NOT NULL REFERENCES account (id),
    payee INTEGER NOT NULL REFERENCES account (id),
    minor INTEGER NOT NULL CHECK (minor > 0),
    subject TEXT NOT NULL,
    at INTEGER NOT NULL,
    CHECK (payer <> payee),
    UNIQUE (payer, id)
) STRICT;

-- Two of a transfer, which cancel out.
CREATE TABLE posting (
    account INTEGER NOT NULL REFERENCES account (id),
    transfer INTEGER NOT NULL REFERENCES transfer (serial),
    minor INTEGER NOT NULL CHECK (minor <> 0),
    PRIMARY KEY (account, transfer)
) STRICT, WITHOUT ROWID;
