//! The protocol's decoders.

use std::str;

use semper_shared::commerce::deal::Order;
use semper_shared::commerce::offer::Offer;
use semper_shared::foundation::{Amount, Currency, Digest, UnixSeconds, base64, json};
use semper_shared::items::information::{Commitment, ContentKey, InclusionPath, Opener, PLAINTEXT_SIZE, merkle};
use semper_shared::items::party::Party;
use semper_shared::items::payment::card::{CardNumber, Expiry};
use semper_shared::items::payment::dummy::DummyPayee;
use semper_shared::items::payment::ecash::mint::{check_deposit, check_melt, check_withdrawal};
use semper_shared::items::payment::ecash::transfer::{Link, read_transfer};
use semper_shared::items::payment::ecash::{
    Confirmation, DepositBody, EcashPayee, KeySet, Melt, MeltBody, MintKeys, Permission, TrustedMint, Withdrawal,
    WithdrawalBody,
};
use semper_shared::items::payment::{Answer, Bill, Payment, PaymentError, Registry, Step};
use semper_shared::items::statement::{Compact, Signed, Statement};
use semper_shared::security::sealing::{self, Purpose};
use semper_shared::security::{Portable, PublicKey, Signer as _, SigningKey};
use semper_wallet::core::Words;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kinds::{self, STATEMENTS};

/// When the vectors take place.
const NOW: UnixSeconds = UnixSeconds(1_700_000_100);

fn key(number: u8) -> Option<SigningKey> {
    SigningKey::from_bytes(&[number; 32]).ok()
}

/// What is read is written and read again as the same.
pub(super) fn again<T: Serialize + DeserializeOwned>(input: &[u8]) -> Option<T> {
    let read: T = json::from_slice(input).ok()?;
    let written = serde_json::to_vec(&read);
    assert!(written.is_ok(), "what was read cannot be written");
    let written = written.ok()?;
    let second = json::from_slice::<T>(&written);
    assert!(second.is_ok(), "what was written cannot be read: {}", String::from_utf8_lossy(&written));
    let rewritten = second.ok().and_then(|second| serde_json::to_vec(&second).ok());
    assert!(rewritten.is_some_and(|rewritten| rewritten == written), "it is another one the second time");
    Some(read)
}

/// A struct's other form in serde, the list of its members, is nobody's message.
pub(super) fn no_list<T: DeserializeOwned>(input: &[u8]) {
    let is_list = serde_json::from_slice::<Value>(input).is_ok_and(|value| value.is_array());
    assert!(!is_list || json::from_slice::<T>(input).is_err(), "a list was taken for a message");
}

pub(super) fn json(input: &[u8]) {
    let Some(read) = again::<Value>(input) else { return };
    // Whatever else, it is JSON to everybody.
    assert!(
        serde_json::from_slice::<Value>(input).is_ok_and(|other| other == read),
        "another reader reads it otherwise"
    );
}

pub(super) fn amount(input: &[u8]) {
    again::<Amount>(input);
    no_list::<Amount>(input);
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(currency) = text.parse::<Currency>() {
        assert_eq!(currency.as_str(), text);
    }
    let (currency, decimal) = text.split_once(' ').unwrap_or(("EUR", text));
    let Ok(currency) = currency.parse::<Currency>() else { return };
    if let Ok(amount) = Amount::parse_decimal(decimal, currency) {
        let shown = amount.to_string();
        let shown = shown.split_once(' ').map_or(shown.as_str(), |(_, number)| number);
        assert_eq!(Amount::parse_decimal(shown, currency), Ok(amount), "{decimal} is shown as {shown}");
    }
}

pub(super) fn base64(input: &[u8]) {
    assert_eq!(base64::decode(&base64::encode(input)).as_deref(), Some(input));
    let Ok(text) = str::from_utf8(input) else { return };
    if let Some(bytes) = base64::decode(text) {
        assert_eq!(base64::encode(&bytes), text, "two texts for the same bytes");
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
}

pub(super) fn jwk(input: &[u8]) {
    if let Some(key) = again::<PublicKey>(input) {
        assert_eq!(PublicKey::from_sec1(&key.to_compressed()).ok(), Some(key));
    }
    no_list::<PublicKey>(input);
    if let Ok(key) = PublicKey::from_sec1(input) {
        assert_eq!(PublicKey::from_text(&key.to_text()).ok(), Some(key));
    }
}

/// A statement that anybody may have written.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
struct Note {
    text: String,
}

impl Statement for Note {
    const TYP: &'static str = "semper-note+jwt";
}

/// Verifies as every kind there is; what one kind takes, no other does.
pub(super) fn statement(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let mut taken = 0;
    taken += u8::from(verifies::<Note>(text));
    taken += u8::from(verifies::<Order>(text));
    taken += u8::from(verifies::<Permission>(text));
    taken += u8::from(verifies::<Melt>(text));
    taken += u8::from(verifies::<Withdrawal>(text));
    assert!(taken <= 1, "a statement of two kinds: {text}");
    if let Some(mint) = key(1) {
        let wrong = Signed::<Confirmation>::verify(text, mint.public_key(), &Portable);
        assert!(wrong.is_err(), "nobody signed this: {text}");
    }
}

fn verifies<T: Statement + Serialize + DeserializeOwned>(text: &str) -> bool {
    let Ok((signed, key)) = Signed::<T>::verify_self_keyed(text, &Portable) else { return false };
    assert_eq!(signed.compact(), text);
    assert!(Signed::<T>::verify(text, &key, &Portable).is_ok(), "it verifies by its own key alone");
    assert!(Compact::<T>::new(text.to_owned()).peek_unverified().is_ok());
    true
}

/// The payload of every statement.
pub(super) fn payload(input: &[u8]) {
    STATEMENTS.iter().for_each(|(_, read)| _ = read(input));
}

pub(super) fn offer(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    for origin in ["http://localhost:8480", "https://shop.example"] {
        if let Ok(offer) = Offer::verify(text, origin, NOW, &Portable) {
            assert!(offer.items.iter().all(|item| item.price.currency() == offer.total.currency()));
        }
    }
    // Consistency is checked before the signature can matter, too.
    if let (Ok(offer), Some(merchant)) = (json::from_slice::<Offer>(input), key(2)) {
        let mut offer = offer;
        offer.merchant.key = merchant.public_key().clone();
        let origin = offer.merchant.url.clone();
        let signed = Signed::sign(offer, &merchant);
        let _either = Offer::verify(signed.compact(), &origin, NOW, &Portable);
    }
}

pub(super) fn party(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(party) = Party::verify(text, "https://shop.example", NOW, &Portable) {
        assert!(NOW <= party.expires_at);
    }
}

pub(super) fn mint_keys(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input) {
        let _either = KeySet::verify(&Compact::new(text.to_owned()), &Portable);
    }
    // A document that its mint signed, whatever it says.
    if let (Ok(mut document), Some(mint)) = (json::from_slice::<MintKeys>(input), key(3)) {
        document.key = mint.public_key().clone();
        if let Ok(keys) = KeySet::new(Signed::sign(document, &mint)) {
            assert!(keys.denominations().all(|one| one.value.currency() == keys.currency()));
            if let Ok(amount) = Amount::new(keys.currency(), 1_234) {
                // What is left over is less than one more of any of these coins costs.
                let costs: Vec<u64> = keys
                    .withdrawal(amount, NOW)
                    .map(|coins| coins.iter().map(|coin| coin.value.minor() + coin.fees.withdraw).collect())
                    .unwrap_or_default();
                let left = amount.minor().checked_sub(costs.iter().sum());
                let left = left.expect("coins that cost more than there is");
                assert!(costs.iter().all(|cost| left < *cost), "a split that leaves a coin's worth over");
            }
        }
    }
}

/// Every body that goes over the wire.
pub(super) fn bodies(input: &[u8]) {
    kinds::bodies().for_each(|(_, read)| _ = read(input));
}

/// An operation of the published vectors: the module's name in the first line, a vector in the rest. Whatever a party checks
/// of what another sent is one of them. A vector that was changed says so, or gives what it gave.
pub(super) fn operation(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (module, vector) = text.split_once('\n').unwrap_or((text, ""));
    if let Err(error) = semper_shared::vectors::run(module, vector) {
        assert!(!error.is_empty());
    }
}

/// What goes from person to person by other ways than these programs: a link, words on paper, a card's number.
pub(super) fn by_hand(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(link) = Link::parse(text) {
        let spelt = link.to_string();
        let again = Link::parse(&spelt).map(|again| again.to_string());
        assert!(again.is_ok_and(|again| again == spelt), "{text} is another link the second time");
    }
    if let Ok(number) = text.parse::<CardNumber>() {
        assert!(number.digits().parse::<CardNumber>().is_ok_and(|again| again.digits() == number.digits()));
        assert!(number.digits().ends_with(number.last_four()));
    }
    if let Ok(expiry) = text.parse::<Expiry>() {
        let (month, year) = expiry.month_and_year();
        assert!((1..=12).contains(&month) && year >= 2000, "{text} is {month} of {year}");
    }
    if let Ok(words) = Words::parse(text) {
        assert!(Words::parse(&words.text()).is_ok_and(|again| again.text() == words.text()));
    }
    if let Ok(read) = read_transfer(text, &Portable) {
        assert!(!read.terms.amount.is_zero());
    }
}

fn registry() -> Option<Registry> {
    let trusted = TrustedMint { url: "http://localhost:8482".to_owned(), key: key(1)?.public_key().clone() };
    Some(Registry::new().with(EcashPayee::new([trusted])).with(DummyPayee))
}

fn bill() -> Option<Bill> {
    let total = Amount::new(Currency::EUR, 320).ok()?;
    Some(Bill { deal: Digest::of(b"deal"), payee: key(2)?.public_key().thumbprint(), total, refund_by: NOW })
}

/// Payments with the bodies of all modules: cash is asked for, never taken unasked; a list is no body.
pub(super) fn payment(input: &[u8]) {
    let (Some(registry), Some(bill)) = (registry(), bill()) else { return };
    let Ok(payment) = json::from_slice::<Payment>(input) else { return };
    let step = registry.check(&bill, &payment, NOW);
    let not_read =
        matches!(step, Err(PaymentError::Invalid("the body is not the module's") | PaymentError::Unsupported(_)));
    assert!(not_read || !payment.body.is_array(), "a list was taken for a payment's body");
    if payment.module.as_str() == "ecash" {
        assert!(!matches!(step, Ok(Step::Settled(_))), "settled without the mint");
    }
}

/// What a mint may answer to a deposit, with a status in the first line; nothing of it was signed by the mint.
pub(super) fn deposit_answer(input: &[u8]) {
    let (Some(registry), Some(bill)) = (registry(), bill()) else { return };
    let (status, body) = status_and_body(input);
    let mint = key(1).map(|key| key.public_key().thumbprint());
    let body_of = serde_json::json!({"mint": mint, "permissions": []});
    let Ok(payment) =
        json::from_value::<Payment>(serde_json::json!({"module": "ecash", "version": 1, "body": body_of}))
    else {
        return;
    };
    let answer = Answer { status, body: body.to_vec() };
    let step = registry.resume(&bill, &payment, &answer, &Portable);
    assert!(step.is_err(), "no mint signed this: {step:?}");
}

/// `200\n…`: a status and what comes with it.
pub(super) fn status_and_body(input: &[u8]) -> (u16, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let status = str::from_utf8(&input[..end]).ok().and_then(|text| text.trim().parse().ok());
    (status.unwrap_or(200), input.get(end + 1..).unwrap_or_default())
}

/// What is asked of a mint: its key document in the first line, a request in the second.
pub(super) fn mint_requests(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (document, request) = text.split_once('\n').unwrap_or(("", text));
    let Ok(keys) = KeySet::verify(&Compact::new(document.to_owned()), &Portable) else { return };
    if let Ok(body) = json::from_slice::<DepositBody>(request.as_bytes())
        && let Ok(checked) = check_deposit(&keys, &body, NOW, &Portable)
    {
        let sum: u64 = checked.permissions.iter().map(|one| one.permission.amount.minor()).sum();
        assert_eq!(checked.total.minor(), sum);
    }
    if let Ok(body) = json::from_slice::<WithdrawalBody>(request.as_bytes()) {
        let _either = check_withdrawal(&keys, &body.request, NOW, &Portable);
    }
    if let Ok(body) = json::from_slice::<MeltBody>(request.as_bytes()) {
        let _either = check_melt(&keys, &body.melt, NOW, &Portable);
    }
}

/// Contents (RFC 8188): key, then a commitment's JSON in a line, then the stream. What opens is what was committed to.
pub(super) fn content(input: &[u8]) {
    let Some((key, rest)) = input.split_at_checked(16) else { return };
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return };
    let (line, stream) = (&rest[..end], &rest[end + 1..]);
    let Ok(key) = <[u8; 16]>::try_from(key) else { return };
    let Ok(commitment) = json::from_slice::<Commitment>(line) else { return };
    let Ok(mut opener) = Opener::new(&commitment, &ContentKey::from_bytes(key)) else { return };
    let mut opened = Vec::new();
    for part in stream.chunks(777) {
        match opener.push(part) {
            Ok(bytes) => opened.extend(bytes),
            Err(_) => return,
        }
    }
    let Ok(last) = opener.finish() else { return };
    opened.extend(last);
    let mut tree = merkle::Tree::default();
    for record in opened.chunks(PLAINTEXT_SIZE) {
        tree.push(merkle::leaf(record));
    }
    if opened.is_empty() {
        tree.push(merkle::leaf(&[]));
    }
    assert_eq!(tree.root(), Some(commitment.plaintext_root), "it opened and is not what was promised");
}

/// A path of a Merkle tree: JSON in a line, then the record. Only the tree's own records lead to its root.
pub(super) fn record_proof(input: &[u8]) {
    const RECORDS: [&[u8]; 5] = [b"", b"\0", b"\x10", b"\x20\x21", b"\x30\x31"];
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let Ok(path) = json::from_slice::<InclusionPath>(&input[..end]) else { return };
    let record = input.get(end + 1..).unwrap_or_default();
    let mut tree = merkle::Tree::default();
    RECORDS.iter().for_each(|record| tree.push(merkle::leaf(record)));
    let Some(root) = tree.root() else { return };
    let leads = path.leads(merkle::leaf(record), 5, &root);
    let mine = usize::try_from(path.index).ok().and_then(|index| RECORDS.get(index));
    assert!(!leads || mine == Some(&record), "a record that the tree does not have: {path:?}");
    // Whatever the count, it ends.
    let _either = path.leads(merkle::leaf(record), path.index.wrapping_add(u64::try_from(end).unwrap_or(1)), &root);
}

/// Sealed boxes (HPKE): the recipient's key, a context, the box. What opens is what was sealed.
pub(super) fn sealed(input: &[u8]) {
    const SEALED: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let Some((recipient, rest)) = input.split_at_checked(32) else { return };
    let Some((context, sealed)) = rest.split_at_checked(32) else { return };
    let (Ok(recipient), Ok(context)) = (<[u8; 32]>::try_from(recipient), base64::encode(context).parse::<Digest>())
    else {
        return;
    };
    let Ok(recipient) = SigningKey::from_bytes(&recipient) else { return };
    let opened = sealing::open(Purpose::ContentKey, &context, &recipient, sealed);
    let known = |opened: Vec<u8>| opened.is_empty() || opened == SEALED;
    assert!(opened.is_err() || opened.is_ok_and(known), "it opened to something else");
}
