-- How far a payment over two modules had come when its deal ended, or has come while it is ordered: JSON.
CREATE TABLE split (
    serial BIGINT PRIMARY KEY,
    phase  TEXT NOT NULL
);
