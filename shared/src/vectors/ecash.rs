//! `ecash/`: names, derivations and messages that a wallet must find again, and what a mint must refuse.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Hex, Performed, on, unknown};
use crate::foundation::{Amount, Code, Currency, Digest, UnixSeconds};
use crate::items::payment::ecash::mint::{check_deposit, check_refund};
use crate::items::payment::ecash::{
    Candidate, CoinSecret, Denomination, DenominationKey, DepositAccount, DepositBody, EcashError, EcashPayer, KeySet,
    MintKeys, Payout, PayoutRequest, PlanchetMessage, RefundConfirmation, check_confirmation, check_deposit_account,
    check_payout, check_payout_request, commitment, spread,
};
use crate::items::payment::{PaymentError, Refund};
use crate::items::statement::Compact;
use crate::security::{Portable, PublicKey, Seed, Signer as _};

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "denomination" => on(input, denomination),
        "reserve" => on(input, reserve),
        "planchet" => on(input, planchet),
        "refresh" => on(input, refresh),
        "link" => on(input, link),
        "keys" => on(input, keys),
        "split" => on(input, split),
        "check-deposit" => on(input, deposit),
        "check-payout" => on(input, payout),
        "check-payout-request" => on(input, payout_request),
        "check-deposit-account" => on(input, deposit_account),
        "spread-refund" => on(input, spread_refund),
        "check-refund" => on(input, refund),
        "check-refund-confirmation" => on(input, refund_confirmation),
        "check-withdrawal" | "check-melt" | "check-reveal" => super::issue::perform(operation, input),
        "opening" | "check-recoup" | "check-solvency" => super::life::perform(operation, input),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct Named {
    currency: Currency,
    key: DenominationKey,
}

impl Named {
    fn denomination(&self) -> Result<Denomination, EcashError> {
        Ok(Denomination {
            id: self.key.id(self.currency),
            value: Amount::new(self.currency, self.key.value_minor)?,
            key: self.key.n.clone(),
            issue_from: self.key.issue_from,
            issue_until: self.key.issue_until,
            spend_until: self.key.spend_until,
            fees: self.key.fees,
            revoked: false,
        })
    }
}

#[derive(Serialize)]
struct Id {
    id: Digest,
}

fn denomination(input: Named) -> Result<Id, EcashError> {
    Ok(Id { id: input.denomination()?.id })
}

fn seed_of(seed: &Hex) -> Result<Seed, EcashError> {
    seed.array(EcashError::Malformed("seed")).map(Seed::new)
}

#[derive(Deserialize)]
struct PayoutOf {
    payout: Compact<Payout>,
    mint: PublicKey,
    merchant: Digest,
}

#[derive(Serialize)]
struct PaidOut {
    payout: Digest,
    amount: Amount,
    deals: Vec<Digest>,
}

fn payout(input: PayoutOf) -> Result<PaidOut, EcashError> {
    let payout = check_payout(&input.payout, &input.mint, &input.merchant, &Portable)?;
    let deals = payout.deals.iter().map(|paid| paid.deal).collect();
    Ok(PaidOut { payout: payout.payout, amount: payout.amount, deals })
}

#[derive(Deserialize)]
struct Asking {
    keys: Compact<MintKeys>,
    request: Compact<PayoutRequest>,
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Merchant {
    merchant: Digest,
}

fn payout_request(input: Asking) -> Result<Merchant, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    Ok(Merchant { merchant: check_payout_request(&keys, &input.request, input.now, &Portable)? })
}

#[derive(Deserialize)]
struct Directed {
    keys: Compact<MintKeys>,
    account: Compact<DepositAccount>,
    merchant: Digest,
    deal: Digest,
}

#[derive(Serialize)]
struct Label {
    label: String,
}

fn deposit_account(input: Directed) -> Result<Label, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let (account, _) = check_deposit_account(&keys, &input.account, &input.merchant, &input.deal, &Portable)?;
    Ok(Label { label: account.label.clone() })
}

#[derive(Deserialize)]
struct ReserveOf {
    seed: Hex,
    mint: Digest,
    index: u32,
}

#[derive(Serialize)]
struct ReserveKey {
    reserve: String,
}

fn reserve(input: ReserveOf) -> Result<ReserveKey, EcashError> {
    let wallet = EcashPayer::new(seed_of(&input.seed)?);
    Ok(ReserveKey { reserve: wallet.reserve_key(&input.mint, input.index).public_key().to_text() })
}

#[derive(Deserialize)]
struct CoinOf {
    seed: Hex,
    mint: Digest,
    reserve: u32,
    index: u32,
    denomination: Named,
}

#[derive(Serialize)]
struct PlanchetOf {
    coin: String,
    planchet: PlanchetMessage,
}

fn planchet(input: CoinOf) -> Result<PlanchetOf, EcashError> {
    let secret = CoinSecret::derive_withdrawn(&seed_of(&input.seed)?, &input.mint, input.reserve, input.index);
    let planchet = secret.planchet(&input.denomination.denomination()?)?;
    Ok(PlanchetOf { coin: secret.key().public_key().to_text(), planchet: planchet.into() })
}

#[derive(Deserialize)]
struct RefreshOf {
    coin_seed: Hex,
    sequence: u32,
    outputs: Vec<Named>,
}

#[derive(Serialize)]
struct Refreshed {
    candidates: Vec<CandidateOf>,
    commitment: Digest,
}

#[derive(Serialize)]
struct CandidateOf {
    transfer_public: PublicKey,
    coins: Vec<String>,
    digest: Digest,
}

fn refresh(input: RefreshOf) -> Result<Refreshed, EcashError> {
    let coin = CoinSecret::from_seed(seed_of(&input.coin_seed)?);
    let outputs = input.outputs.iter().map(Named::denomination).collect::<Result<Vec<_>, _>>()?;
    let outputs: Vec<_> = outputs.iter().collect();
    let candidates = (0..3)
        .map(|number| {
            let transfer = coin.transfer_key(input.sequence, number);
            let candidate = Candidate::derive(&transfer, coin.key().public_key(), &outputs)?;
            Ok(CandidateOf {
                digest: candidate.digest(),
                coins: names(&candidate.secrets),
                transfer_public: candidate.transfer_public,
            })
        })
        .collect::<Result<Vec<_>, EcashError>>()?;
    let digests: Vec<_> = candidates.iter().map(|candidate| candidate.digest).collect();
    Ok(Refreshed { commitment: commitment(&digests), candidates })
}

#[derive(Deserialize)]
struct LinkOf {
    coin_seed: Hex,
    transfer_public: PublicKey,
    outputs: usize,
}

#[derive(Serialize)]
struct Linked {
    coins: Vec<String>,
}

fn link(input: LinkOf) -> Result<Linked, EcashError> {
    let coin = CoinSecret::from_seed(seed_of(&input.coin_seed)?);
    Ok(Linked { coins: names(&Candidate::link(&coin.key(), &input.transfer_public, input.outputs)) })
}

fn names(secrets: &[CoinSecret]) -> Vec<String> {
    secrets.iter().map(|secret| secret.key().public_key().to_text()).collect()
}

#[derive(Deserialize)]
struct KeysOf {
    keys: Compact<MintKeys>,
}

#[derive(Serialize)]
struct Keys {
    mint: Digest,
    denominations: Vec<Digest>,
}

fn keys(input: KeysOf) -> Result<Keys, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let denominations = keys.document().denominations.iter().map(|key| key.id(keys.currency())).collect();
    Ok(Keys { mint: keys.mint(), denominations })
}

#[derive(Deserialize)]
struct SplitOf {
    keys: Compact<MintKeys>,
    amount: Amount,
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Split {
    values_minor: Vec<u64>,
}

fn split(input: SplitOf) -> Result<Split, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let coins = keys.withdrawal(input.amount, input.now)?;
    Ok(Split { values_minor: coins.iter().map(|denomination| denomination.value.minor()).collect() })
}

#[derive(Deserialize)]
struct DepositOf {
    keys: Compact<MintKeys>,
    body: DepositBody,
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Deposit {
    merchant: Digest,
    deal: Digest,
    total: Amount,
    coins: Vec<String>,
}

fn deposit(input: DepositOf) -> Result<Deposit, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let deposit = check_deposit(&keys, &input.body, input.now, &Portable)?;
    Ok(Deposit {
        merchant: deposit.merchant,
        deal: deposit.deal,
        total: deposit.total,
        coins: deposit.permissions.iter().map(|permission| permission.coin.to_text()).collect(),
    })
}

#[derive(Deserialize)]
struct SpreadOf {
    given: Vec<u64>,
    already: u64,
    amount: u64,
}

#[derive(Serialize)]
struct Spread {
    shares: Vec<(usize, u64)>,
}

fn spread_refund(input: SpreadOf) -> Result<Spread, Code> {
    let shares = spread(&input.given, input.already, input.amount).ok_or(Code::REFUND_EXCESSIVE)?;
    Ok(Spread { shares })
}

#[derive(Deserialize)]
struct RefundOf {
    keys: Compact<MintKeys>,
    refund: Compact<Refund>,
}

#[derive(Serialize)]
struct Refunded {
    digest: Digest,
    merchant: Digest,
    deal: Digest,
    amount: Amount,
}

fn refund(input: RefundOf) -> Result<Refunded, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let refund = check_refund(&keys, &input.refund, &Portable)?;
    Ok(Refunded { digest: refund.digest(), merchant: refund.merchant, deal: refund.deal, amount: refund.amount })
}

#[derive(Deserialize)]
struct ConfirmationOf {
    #[serde(flatten)]
    refund: RefundOf,
    confirmation: Compact<RefundConfirmation>,
}

fn refund_confirmation(input: ConfirmationOf) -> Result<(), PaymentError> {
    let refused = |_| PaymentError::Invalid("the refund");
    let keys = KeySet::verify(&input.refund.keys, &Portable).map_err(refused)?;
    let refund = check_refund(&keys, &input.refund.refund, &Portable).map_err(refused)?;
    check_confirmation(&refund, &input.confirmation, &keys.document().key, &Portable).map(|_| ())
}
