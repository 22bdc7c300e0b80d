-- The gateway that card payments go through, as it introduced itself.
CREATE TABLE gateway (
    url TEXT PRIMARY KEY,
    key BYTEA NOT NULL
);
