CREATE TABLE hold (
    key         BLOB PRIMARY KEY,
    outcome     TEXT NOT NULL,
    amount      INTEGER NOT NULL,
    moved       INTEGER NOT NULL,
    charge_back INTEGER NOT NULL
) STRICT;

CREATE TABLE movement (
    key    BLOB PRIMARY KEY,
    hold   BLOB NOT NULL REFERENCES hold,
    kind   TEXT NOT NULL,
    amount INTEGER NOT NULL
) STRICT;
