-- The gateway that card payments go through, as it introduced itself.
CREATE TABLE gateway (
    url TEXT PRIMARY KEY,
    key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
