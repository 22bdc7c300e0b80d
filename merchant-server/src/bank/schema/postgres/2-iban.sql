-- The numbers by which transfers from elsewhere and files name accounts.
ALTER TABLE account ADD COLUMN iban TEXT;
CREATE UNIQUE INDEX account_iban ON account (iban) WHERE iban IS NOT NULL;

-- The payer's name for a transfer, which travels with the money.
ALTER TABLE transfer ADD COLUMN end_to_end TEXT;
