//! The table of stable error codes: what scripts, pages and other implementations may rely on.
//!
//! Each has the HTTP status it travels with (RFC 9457 problem details) and one sentence that says what to do next.
//! `spec/errors.md` publishes the same table, and a test holds the two equal.

use core::fmt;

/// A stable error code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static Entry);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Entry {
    name: &'static str,
    status: u16,
    advice: &'static str,
}

/// An error that has a stable code.
pub trait Coded {
    /// The code under which the error is published.
    fn code(&self) -> Code;
}

impl Code {
    /// The code as text, such as `coin-already-spent`.
    pub const fn as_str(&self) -> &'static str {
        self.0.name
    }

    /// The HTTP status it travels with.
    pub const fn status(&self) -> u16 {
        self.0.status
    }

    /// What whoever meets it can do next, in one sentence. Empty in the browser, where the pages say it in the reader's
    /// language.
    pub const fn advice(&self) -> &'static str {
        self.0.advice
    }

    /// The code that `name` stands for.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|code| code.as_str() == name).copied()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! codes {
    ($($constant:ident = $name:literal, $status:literal, $advice:literal;)*) => {
        impl Code {
            $(
                #[doc = concat!("`", $name, "` (", stringify!($status), "): ", $advice)]
                pub const $constant: Self = Self(&Entry {
                    name: $name,
                    status: $status,
                    advice: if cfg!(target_arch = "wasm32") { "" } else { $advice },
                });
            )*

            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
        }
    };
}

codes! {
    AMOUNT_INVALID = "amount-invalid", 400, "Send an ISO 4217 code and a whole number of minor units within bounds.";
    CURRENCY_MISMATCH = "currency-mismatch", 400, "Use the currency that the other party deals in.";
    JSON_MALFORMED = "json-malformed", 400, "Send well-formed JSON with the documented members, each once.";
    BODY_TOO_LARGE = "body-too-large", 413, "Send less in one request.";
    REQUEST_INVALID = "request-invalid", 400, "Correct the request as its detail says.";
    NOT_FOUND = "not-found", 404, "Check the address.";
    METHOD_NOT_ALLOWED = "method-not-allowed", 405, "Use a method that the address accepts.";
    RATE_LIMITED = "rate-limited", 429, "Wait for as long as Retry-After says, then try again.";
    BUSY = "busy", 503, "Wait for as long as Retry-After says, then send the same request again.";
    TIMED_OUT = "timed-out", 408, "Send the request again, more quickly.";
    IN_PROGRESS = "in-progress", 409, "The same request is still running: ask again after Retry-After.";
    REQUEST_CONFLICT = "request-conflict", 409, "Another request was made under the same name: use a new one.";
    OUTCOME_UNKNOWN = "outcome-unknown", 503, "Send the same request again: it is safe, and nothing is paid twice.";
    INTERNAL = "internal", 500, "Try again later; nothing was lost.";
    STATEMENT_MALFORMED = "statement-malformed", 400, "Send a compact JWS as the specification describes it.";
    STATEMENT_TOO_LARGE = "statement-too-large", 413, "Keep a statement within 64 KiB.";
    ALGORITHM_UNSUPPORTED = "algorithm-unsupported", 400, "Sign with ES256.";
    STATEMENT_TYPE_MISMATCH = "statement-type-mismatch", 400, "Send the type of statement that is asked for here.";
    SIGNATURE_INVALID = "signature-invalid", 400, "Do not trust it: it is not what its signer signed.";
    KEY_INVALID = "key-invalid", 400, "Send a public key on P-256.";
    SEALED_INVALID = "sealed-invalid", 400, "Ask for it to be sealed again: it was not sealed for this purpose and recipient.";
    TOKEN_INVALID = "token-invalid", 401, "Send the token of the account.";
    ACCOUNT_UNKNOWN = "account-unknown", 404, "Check the account's name.";
    FUNDS_INSUFFICIENT = "funds-insufficient", 402, "Add money first, or pay less.";
    COINS_TOO_MANY = "coins-too-many", 402, "Pay less at a time, or in another way: the cash is in too many small coins for one payment, and exchanging them costs fees.";
    OFFER_INVALID = "offer-invalid", 400, "Do not buy: the offer is not what its merchant signed.";
    OFFER_EXPIRED = "offer-expired", 410, "Open the offer again to see its present terms.";
    OFFER_EARLY = "offer-early", 400, "Check the clock of this device: by it, the offer is of the future.";
    OFFER_UNKNOWN = "offer-unknown", 404, "Choose an offer that the merchant publishes.";
    ORDER_INVALID = "order-invalid", 400, "Make the order again from the merchant's present offer.";
    ORDER_EXPIRED = "order-expired", 410, "Check the clock of this device and order again: the order came too late, and nothing was paid.";
    PRICE_MISMATCH = "price-mismatch", 400, "Pay exactly what the offer says.";
    MERCHANT_MISMATCH = "merchant-mismatch", 400, "Deal with the merchant that the statement names.";
    MODULE_UNSUPPORTED = "module-unsupported", 400, "Choose a payment system that both sides have.";
    SPLIT_INVALID = "split-invalid", 400, "Split the price into two parts, each of a module that the offer lets share it.";
    SPLIT_UNDONE = "split-undone", 409, "Pay in another way: one part could not be taken, and the other was given back.";
    PAYMENT_INVALID = "payment-invalid", 400, "Make the payment again as the offer asks.";
    PAYMENT_MISSING = "payment-missing", 402, "Send the payment with the order.";
    POLICY_INVALID = "policy-invalid", 400, "Ask its authority for a policy that is whole.";
    POLICY_AUTHORITY = "policy-authority", 409, "Compare the authority's key with what it says elsewhere; then confirm it, or keep what is in force.";
    POLICY_EXPIRED = "policy-expired", 403, "Renew the policy: nothing is paid under one that has run out.";
    POLICY_FORBIDS = "policy-forbids", 403, "Choose another way to pay: a policy does not allow this one here.";
    SPENDING_LIMIT = "spending-limit", 403, "Pay less, or wait: the policy limits what is spent within 24 hours.";
    CONFIRMATION_REQUIRED = "confirmation-required", 409, "Confirm the payment: the policy asks for it.";
    DOWNGRADE_REFUSED = "downgrade-refused", 403, "Do not pay: the shop hides a way to pay that it takes, or offers an old version of it.";
    DEAL_UNKNOWN = "deal-unknown", 404, "Check the deal, or send its order first.";
    RECEIPT_INVALID = "receipt-invalid", 502, "Keep the evidence: the merchant's receipt does not fit the deal.";
    DELIVERY_INVALID = "delivery-invalid", 502, "Keep the evidence: what was delivered is not what was offered.";
    CONTENT_INVALID = "content-invalid", 502, "Keep the evidence: the content is not what the offer promised.";
    REFUND_INVALID = "refund-invalid", 502, "Keep the evidence: the merchant's refund does not fit the deal.";
    REFUND_EXCESSIVE = "refund-excessive", 409, "Give back at most what is left of the payment.";
    REFUND_TOO_LATE = "refund-too-late", 410, "Pay the customer back in another way: the deadline for refunds has passed.";
    ALREADY_PAID_OUT = "already-paid-out", 409, "Pay the customer back in another way: the mint has paid the money out.";
    DENOMINATION_UNKNOWN = "denomination-unknown", 400, "Fetch the mint's present keys.";
    DENOMINATION_EXPIRED = "denomination-expired", 410, "Exchange the coin for one of a present denomination.";
    DENOMINATION_REVOKED = "denomination-revoked", 410, "Fetch the mint's present keys, and have the coin recouped.";
    COIN_INVALID = "coin-invalid", 400, "Do not accept it: the mint did not sign this coin.";
    COIN_ALREADY_SPENT = "coin-already-spent", 409, "Use another coin; the answer holds the proof of the earlier spending.";
    COIN_UNKNOWN = "coin-unknown", 404, "The mint has not seen this coin: it is unspent.";
    RESERVE_UNKNOWN = "reserve-unknown", 404, "Wait for the transfer that names the reserve to arrive.";
    MINT_MISMATCH = "mint-mismatch", 400, "Send it to the mint that it names.";
    MINT_UNTRUSTED = "mint-untrusted", 400, "Pay with coins of a mint that the merchant accepts.";
    MELT_UNKNOWN = "melt-unknown", 404, "Melt the coin first.";
    REVEAL_INVALID = "reveal-invalid", 400, "Reveal what the melt committed to.";
    PAYOUT_ACCOUNT_MISSING = "payout-account-missing", 409, "Register the account that the mint shall pay out to.";
    PAYOUT_UNKNOWN = "payout-unknown", 404, "Check the payout's name, or ask again once the bank has taken it.";
    PAYOUT_MISMATCH = "payout-mismatch", 502, "Compare the payout's deals with your own, and ask the mint: keep its signed statement.";
    TRANSFER_UNKNOWN = "transfer-unknown", 404, "Check the link, or ask the sender to send the money again.";
    TRANSFER_EXPIRED = "transfer-expired", 410, "Ask for a new link: the time of this one is over.";
    TRANSFER_ACCEPTED = "transfer-accepted", 409, "Ask for a new link: the money of this one was taken already.";
    TRANSFER_RETURNED = "transfer-returned", 410, "Ask for a new link: the money of this one is back with its sender.";
    WITHDRAWAL_LIMIT = "withdrawal-limit", 403, "Withdraw less at a time: the limits stand in the mint's key document.";
    RESERVE_LIMIT = "reserve-limit", 403, "Hold less in one reserve: the limits stand in the mint's key document.";
    DAY_LIMIT = "day-limit", 403, "Withdraw the rest tomorrow: the limits stand in the mint's key document.";
    TRANSFER_LIMIT = "transfer-limit", 403, "Send less at a time: the limits stand in the mint's key document.";
    CARD_NUMBER_INVALID = "card-number-invalid", 400, "Check the card's number: a digit is wrong.";
    CARD_EXPIRED = "card-expired", 402, "Use another card: this one's last month is over.";
    CARD_DECLINED = "card-declined", 402, "Use another card, or ask the bank that issued this one.";
    CARD_NOT_ENROLLED = "card-not-enrolled", 402, "Enrol the card with the gateway first.";
    CARD_LEVEL_INSUFFICIENT = "card-level-insufficient", 400, "Pay at the level that the offer asks for: enrol the card.";
    STEP_UP_REQUIRED = "step-up-required", 402, "Approve the payment as the challenge says, then send the same request again.";
    GATEWAY_MISMATCH = "gateway-mismatch", 400, "Send it to the gateway that it names.";
    AUTHORISATION_UNKNOWN = "authorisation-unknown", 404, "Have the payment authorised first.";
    AUTHORISATION_EXPIRED = "authorisation-expired", 410, "Ask the customer to pay again: what was held has been let go.";
    AUTHORISATION_CLOSED = "authorisation-closed", 409, "Look how the authorisation stands: this cannot be done with it any more.";
    CAPTURE_EXCESSIVE = "capture-excessive", 409, "Take or give back at most what is left of the authorisation.";
    PAYMENT_AWAITED = "payment-awaited", 402, "Transfer the money as the invoice says; the goods come when it has arrived.";
    INVOICE_UNKNOWN = "invoice-unknown", 404, "Check the reference or the deal.";
    INVOICE_CANCELLED = "invoice-cancelled", 410, "Order again: the time to pay this invoice is over, and money that still arrives is sent back.";
    CREDIT_REFUSED = "credit-refused", 402, "Pay before the delivery, or in another way.";
    IBAN_INVALID = "iban-invalid", 400, "Check the account's number: a character is wrong.";
    REFERENCE_INVALID = "reference-invalid", 400, "Check the reference: a character is wrong.";
    BANK_FILE_INVALID = "bank-file-invalid", 400, "Import the file as the bank wrote it: camt.053, camt.054 or pain.001, whole.";
    ENTRY_UNKNOWN = "entry-unknown", 404, "Look at the list again: there is no such entry.";
    ENTRY_CLOSED = "entry-closed", 409, "Look at the list again: this entry was assigned or sent back.";
    WALLET_LOCKED = "wallet-locked", 423, "Unlock the wallet with its passphrase.";
    WALLET_EMPTY = "wallet-empty", 409, "Set the wallet up first.";
    WALLET_EXISTS = "wallet-exists", 409, "There is a wallet already: use it, or choose another place.";
    WALLET_TAKEN_OVER = "wallet-taken-over", 409, "Go on with the other device, or take the money over to this one.";
    PASSPHRASE_WRONG = "passphrase-wrong", 403, "Try the passphrase again.";
    WORDS_INVALID = "words-invalid", 400, "Check the recovery words: each must be from the list, in the right order.";
    BACKUP_INVALID = "backup-invalid", 400, "Choose an unharmed backup, and the passphrase it was made with.";
    STORE_CONFLICT = "store-conflict", 409, "Another window changed the wallet: try again.";
    BOOKS_UNBALANCED = "books-unbalanced", 500, "Look at what the audit says is off, row by row; stop the mint if it is money.";
    STORE_FAILED = "store-failed", 500, "Free some space or check the disk, then try again; nothing was lost.";
    NETWORK_FAILED = "network-failed", 503, "Check the connection, then try again; your money is safe.";
    PEER_INVALID = "peer-invalid", 502, "The other side's answer breaks the protocol: try later or tell its operator.";
    CATALOGUE_INVALID = "catalogue-invalid", 400, "Correct the catalogue's file as the detail says.";
    CONFIG_INVALID = "config-invalid", 400, "Correct the configuration as the detail says.";
    USAGE = "usage", 400, "See --help.";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published page, read row by row, is this table.
    #[test]
    fn equals_the_specification() {
        let page = include_str!("../../spec/errors.md");
        let published: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|row| {
                let mut cells = row.trim_end_matches(" |").split(" | ");
                Some((
                    cells.next()?.trim_end_matches('`').to_owned(),
                    cells.next()?.parse().ok()?,
                    cells.next()?.to_owned(),
                ))
            })
            .collect();
        let ours: Vec<_> =
            Code::ALL.iter().map(|c| (c.as_str().to_owned(), c.status(), c.advice().to_owned())).collect();
        assert_eq!(published, ours);
    }

    #[test]
    fn names_are_unique() {
        for code in Code::ALL {
            assert_eq!(Code::ALL.iter().filter(|c| c.as_str() == code.as_str()).count(), 1, "{code}");
            assert_eq!(Code::find(code.as_str()), Some(*code));
        }
    }
}
