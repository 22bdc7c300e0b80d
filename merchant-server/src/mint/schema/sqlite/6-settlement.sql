-- Settlement: several accounts a merchant, the signed list of a payout's deals, and fees.

-- A merchant's further accounts, each under its label; the one without a label stands in `account`.
CREATE TABLE payee (
    number        INTEGER PRIMARY KEY,
    merchant      INTEGER NOT NULL REFERENCES account,
    label         TEXT NOT NULL,
    account       TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    registration  TEXT NOT NULL,
    UNIQUE (merchant, label)
) STRICT;

-- Which account a deposit goes to: 0 is the one without a label. `direction`: the signature of the merchant's word for it, from
-- which with the rest its text is rebuilt; or the text.
ALTER TABLE deposit ADD COLUMN payee INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deposit ADD COLUMN direction BLOB;
DROP INDEX deposit_owed;
CREATE INDEX deposit_owed ON deposit (merchant, payee, wire_by) WHERE payout IS NULL AND refunded < amount;

-- `signature`: that of the payout's statement, whose text is rebuilt from the rest; none until somebody asked for it.
ALTER TABLE payout ADD COLUMN payee INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payout ADD COLUMN signature BLOB;
CREATE INDEX payout_by_merchant ON payout (merchant, number);

-- What the mint kept: of a withdrawal's and of a melt's amount, and beside what a coin gave to a deposit or a transfer.
ALTER TABLE withdrawal ADD COLUMN fee INTEGER NOT NULL DEFAULT 0;
ALTER TABLE melt ADD COLUMN fee INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spend ADD COLUMN fee INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer_spend ADD COLUMN fee INTEGER NOT NULL DEFAULT 0;
