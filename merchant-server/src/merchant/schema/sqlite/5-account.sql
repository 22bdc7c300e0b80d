-- Invoices, one a deal. The sums are in minor units: due is amount - credited (nothing once cancelled), kept is received -
-- returned. They change only together with what they are the sums of.
-- terms: 0 prepaid, 1 pay later.
CREATE TABLE invoice (
    number      INTEGER PRIMARY KEY,
    deal        BLOB NOT NULL UNIQUE,
    reference   TEXT NOT NULL UNIQUE,
    terms       INTEGER NOT NULL,
    statement   TEXT NOT NULL,
    amount      INTEGER NOT NULL,
    credited    INTEGER NOT NULL DEFAULT 0,
    received    INTEGER NOT NULL DEFAULT 0,
    returned    INTEGER NOT NULL DEFAULT 0,
    cancelled   INTEGER NOT NULL DEFAULT 0,
    issued_at   INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    reminders   INTEGER NOT NULL DEFAULT 0,
    reminded_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX invoice_open ON invoice (due_at) WHERE cancelled = 0 AND received - returned < amount - credited;

-- What was booked on the account, each transfer once, whatever files it stood in.
-- state: 0 waits for a person, 1 an invoice's, 2 sent back, 3 a debit.
CREATE TABLE entry (
    number      INTEGER PRIMARY KEY,
    key         BLOB NOT NULL UNIQUE,
    credit      INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    returned    INTEGER NOT NULL DEFAULT 0,
    booked_on   TEXT NOT NULL,
    name        TEXT NOT NULL,
    iban        TEXT,
    remittance  TEXT NOT NULL,
    end_to_end  TEXT,
    state       INTEGER NOT NULL,
    invoice     INTEGER,
    imported_at INTEGER NOT NULL
) STRICT;
CREATE INDEX entry_waiting ON entry (number) WHERE state = 0;
CREATE INDEX entry_invoice ON entry (invoice) WHERE invoice IS NOT NULL;

-- Refunds that were credited to an invoice, each once.
CREATE TABLE credit_note (
    invoice INTEGER NOT NULL,
    refund  BLOB NOT NULL,
    amount  INTEGER NOT NULL,
    PRIMARY KEY (invoice, refund)
) STRICT, WITHOUT ROWID;

-- Money that is to be sent back. state: 0 to be ordered, 1 in a file, 2 booked by the bank.
CREATE TABLE outgoing (
    number  INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    entry   INTEGER NOT NULL,
    invoice INTEGER,
    amount  INTEGER NOT NULL,
    name    TEXT NOT NULL,
    iban    TEXT NOT NULL,
    text    TEXT NOT NULL,
    state   INTEGER NOT NULL DEFAULT 0,
    file    TEXT,
    made_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outgoing_open ON outgoing (number) WHERE state = 0;

-- Files of orders that were made (pain.001): the same name is the same file.
CREATE TABLE outgoing_file (
    id      TEXT PRIMARY KEY,
    made_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far the bank's notifications were read.
CREATE TABLE bank_cursor (
    account TEXT PRIMARY KEY,
    after   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
