-- What this adapter has asked Stripe. No card number rests here. Times are seconds since the epoch.

-- Holds, by our key; the payment intent as soon as it is known.
CREATE TABLE intent (
    key       BLOB PRIMARY KEY,
    reference TEXT,
    asked_at  INTEGER NOT NULL
) STRICT;

-- Captures, cancellations and refunds, by our key.
CREATE TABLE movement (
    key      BLOB PRIMARY KEY,
    asked_at INTEGER NOT NULL,
    done     INTEGER NOT NULL
) STRICT;
