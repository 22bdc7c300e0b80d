//! The merchant: the shipped seller and registry over a store in memory, dying between its steps.

use std::collections::BTreeMap;

use semper_server::crypto::Native;
use semper_shared::commerce::deal::{DealBody, DealStatus, Opened, State};
use semper_shared::commerce::offer::{
    DeliveryTerms, Exchange, Item, Merchant as Name, Offer, Part, Terms, vat_included,
};
use semper_shared::foundation::{Code, Coded, Digest, UnixSeconds};
use semper_shared::items::information::{ContentKey, Sealer};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::ecash::{EcashPayee, TrustedMint};
use semper_shared::items::payment::{Answer, Payment, PaymentError, Registry, Settlement, Step};
use semper_shared::items::statement::Signed;
use semper_shared::security::{PublicKey, Signer, SigningKey};

use super::bank::cents;
use super::chance::Chance;
use super::mint::Mint;
use super::network::{MERCHANT, MINT, Reply, Weather};
use crate::Outcome;

/// The prices of the goods, in cents; the good's name is its price.
pub(super) const PRICES: [u64; 5] = [0, 1, 40, 320, 777];

/// A deal as it is stored.
struct Deal {
    body: DealBody,
    status: DealStatus,
    refusal: Option<Reply>,
}

/// The merchant and its store.
pub(super) struct Merchant {
    signer: SigningKey,
    verifier: Native,
    registry: Registry,
    offers: BTreeMap<String, Signed<Offer>>,
    deals: BTreeMap<Digest, Deal>,
}

impl Merchant {
    pub(super) fn new(mint: &PublicKey, now: UnixSeconds) -> Outcome<Self> {
        let signer = SigningKey::from_bytes(&[12; 32])?;
        let registry = Registry::new().with(EcashPayee::new([TrustedMint { url: MINT.to_owned(), key: mint.clone() }]));
        let mut offers = BTreeMap::new();
        for price in PRICES {
            offers.insert(price.to_string(), Signed::sign(offer(price, &signer, &registry, now)?, &signer));
        }
        Ok(Self { signer, verifier: Native::new()?, registry, offers, deals: BTreeMap::new() })
    }

    /// Answers one request.
    pub(super) fn answer(
        &mut self,
        path: &str,
        body: &[u8],
        mint: &mut Mint,
        chance: &mut Chance,
        weather: Weather,
        now: UnixSeconds,
    ) -> Reply {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            [".well-known", "semper"] => Reply::text(&self.introduction(now)),
            ["offers", id] => match self.offers.get(*id) {
                Some(offer) => Reply::text(offer.compact()),
                None => Reply::problem(Code::OFFER_UNKNOWN),
            },
            ["deals"] => match serde_json::from_slice::<DealBody>(body) {
                Ok(body) => self.deal(body, mint, chance, weather, now),
                Err(_) => Reply::problem(Code::JSON_MALFORMED),
            },
            ["deals", deal] => match deal.parse().ok().and_then(|deal: Digest| self.deals.get(&deal)) {
                Some(deal) => Reply::json(&deal.status),
                None => Reply::problem(Code::DEAL_UNKNOWN),
            },
            ["deals", _, "acknowledgement"] => Reply::json(&serde_json::json!({})),
            _ => Reply::problem(Code::NOT_FOUND),
        }
    }

    fn introduction(&self, now: UnixSeconds) -> String {
        let party = Party {
            name: "The shop".to_owned(),
            role: Role::Merchant,
            url: MERCHANT.to_owned(),
            key: self.signer.public_key().clone(),
            modules: Vec::new(),
            endpoints: BTreeMap::new(),
            issued_at: now,
            expires_at: now.plus(86_400),
        };
        Signed::sign(party, &self.signer).compact().to_owned()
    }

    /// Takes an order and its payment. It may die after each stored step; then there is no answer.
    fn deal(
        &mut self,
        body: DealBody,
        mint: &mut Mint,
        chance: &mut Chance,
        weather: Weather,
        now: UnixSeconds,
    ) -> Reply {
        let Some(offer) = body.order.peek_unverified().ok().and_then(|order| self.offer(&order.offer)) else {
            return Reply::problem(Code::OFFER_UNKNOWN);
        };
        let opened = match Opened::open(&body.order, &offer, now, &self.verifier) {
            Ok(opened) => opened,
            Err(error) => return Reply::problem(error.code()),
        };
        let deal = opened.deal();
        if let Some(known) = self.deals.get(&deal) {
            if known.body != body {
                return Reply::problem(Code::REQUEST_CONFLICT);
            }
            if let Some(refusal) = &known.refusal {
                return refusal.clone();
            }
            if known.status.state == State::Delivered {
                return Reply::json(&known.status);
            }
        }
        let status = DealStatus { deal, state: State::Ordered, receipt: None, delivery: None, proofs: Vec::new(), refunds: Vec::new() };
        self.deals.insert(deal, Deal { body: body.clone(), status, refusal: None });
        if chance.percent(weather.crash) {
            return Reply::problem(Code::OUTCOME_UNKNOWN);
        }
        let settlement = match self.settle(&opened, body.payment.as_ref(), mint, chance, weather, now) {
            Ok(settlement) => settlement,
            Err(PaymentError::Unknown) => return Reply::problem(Code::OUTCOME_UNKNOWN),
            Err(error) => return self.refuse(&deal, &error),
        };
        if chance.percent(weather.crash) {
            return Reply::problem(Code::OUTCOME_UNKNOWN);
        }
        self.close(&opened, settlement.as_ref(), chance, now)
    }

    fn offer(&self, digest: &Digest) -> Option<Signed<Offer>> {
        self.offers.values().find(|offer| offer.digest() == *digest).cloned()
    }

    fn settle(
        &self,
        opened: &Opened,
        payment: Option<&Payment>,
        mint: &mut Mint,
        chance: &mut Chance,
        weather: Weather,
        now: UnixSeconds,
    ) -> Result<Option<Settlement>, PaymentError> {
        if opened.bill().total.is_zero() {
            return Ok(None);
        }
        let payment = payment.ok_or(PaymentError::Invalid("there is none"))?;
        let mut step = self.registry.check(opened.bill(), payment, now)?;
        loop {
            match step {
                Step::Settled(settlement) => return Ok(Some(settlement)),
                Step::Ask(request) => {
                    let answer = ask(mint, &request.body, chance, weather, now)?;
                    step = self.registry.resume(opened.bill(), payment, &answer, &self.verifier)?;
                }
            }
        }
    }

    fn refuse(&mut self, deal: &Digest, error: &PaymentError) -> Reply {
        let extra = match error {
            PaymentError::Refused { extra, .. } if extra.is_object() => extra.clone(),
            _ => serde_json::json!({}),
        };
        let reply = Reply::problem_with(error.code(), extra);
        if let Some(known) = self.deals.get_mut(deal) {
            known.status.state = State::Refused;
            known.refusal = Some(reply.clone());
        }
        reply
    }

    fn close(
        &mut self,
        opened: &Opened,
        settlement: Option<&Settlement>,
        chance: &mut Chance,
        now: UnixSeconds,
    ) -> Reply {
        let keys = [("a.txt".to_owned(), content_key())];
        let closed = match opened.close(settlement, &keys, &self.signer, now, chance) {
            Ok(closed) => closed,
            Err(error) => return Reply::problem(error.code()),
        };
        let status = DealStatus {
            refunds: Vec::new(),
            deal: opened.deal(),
            state: State::Delivered,
            receipt: Some(closed.receipt.to_compact()),
            delivery: Some(closed.delivery.to_compact()),
            proofs: settlement.map(|settlement| settlement.statements.clone()).unwrap_or_default(),
        };
        let reply = Reply::json(&status);
        if let Some(known) = self.deals.get_mut(&opened.deal()) {
            known.status = status;
        }
        reply
    }

    /// Repeats every deposit whose outcome is not known, as the server does when it starts.
    pub(super) fn recover(&mut self, mint: &mut Mint, chance: &mut Chance, now: UnixSeconds) {
        let open = self.deals.values().filter(|deal| deal.status.state == State::Ordered);
        let bodies: Vec<DealBody> = open.map(|deal| deal.body.clone()).collect();
        for body in bodies {
            self.deal(body, mint, chance, Weather::CLEAR, now);
        }
    }

    /// The deals that were delivered, and what each cost.
    pub(super) fn delivered(&self) -> BTreeMap<Digest, u64> {
        let done = self.deals.iter().filter(|(_, deal)| deal.status.state == State::Delivered);
        done.filter_map(|(name, deal)| Some((*name, deal.body.order.peek_unverified().ok()?.total.minor()))).collect()
    }
}

/// The merchant's request to the mint, over the same bad network.
fn ask(
    mint: &mut Mint,
    body: &serde_json::Value,
    chance: &mut Chance,
    weather: Weather,
    now: UnixSeconds,
) -> Result<Answer, PaymentError> {
    let body = serde_json::to_vec(body).map_err(|_| PaymentError::Invalid("it does not serialize"))?;
    if chance.percent(weather.lost_request) {
        return Err(PaymentError::Unknown);
    }
    let mut reply = mint.deposit(&body, now).unwrap_or_else(|refusal| refusal);
    if chance.percent(weather.repeated) {
        reply = mint.deposit(&body, now).unwrap_or_else(|refusal| refusal);
    }
    if chance.percent(weather.lost_answer) {
        return Err(PaymentError::Unknown);
    }
    Ok(Answer { status: reply.status, body: reply.body })
}

fn content_key() -> ContentKey {
    ContentKey::from_bytes([6; 16])
}

fn offer(price: u64, signer: &SigningKey, registry: &Registry, now: UnixSeconds) -> Outcome<Offer> {
    let total = cents(price);
    let items = vec![Item { title: "A text".to_owned(), quantity: 1, price: total, vat_rate_bp: 700 }];
    let mut sealer = Sealer::new(&content_key(), [1; 16], "text/plain".to_owned());
    sealer.push(b"text")?;
    let (_, commitment) = sealer.finish()?;
    let part = Part {
        name: "a.txt".to_owned(),
        title: "The text".to_owned(),
        url: format!("{MERCHANT}/content/a"),
        commitment,
    };
    Ok(Offer {
        merchant: Name { name: "The shop".to_owned(), url: MERCHANT.to_owned(), key: signer.public_key().clone() },
        good: price.to_string(),
        title: "A text".to_owned(),
        summary: "A text.".to_owned(),
        language: "en".to_owned(),
        vat: vat_included(&items, total)?,
        items,
        total,
        terms: Terms::new("None."),
        refund_days: 14,
        delivery: DeliveryTerms { parts: vec![part] },
        accepts: if price == 0 { Vec::new() } else { registry.acceptances() },
        exchange: Exchange::Plain,
        jurisdictions: Vec::new(),
        issued_at: now,
        expires_at: now.plus(10_000_000),
    })
}
