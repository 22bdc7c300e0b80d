//! The merchant: the shipped seller and registry over a store in memory, dying between its steps.

mod refunds;

use std::collections::{BTreeMap, BTreeSet};

use semper_server::crypto::Native;
use semper_shared::commerce::deal::{DealBody, DealStatus, Opened, State};
use semper_shared::commerce::offer::Offer;
use semper_shared::foundation::{Code, Coded, Digest};
use semper_shared::items::payment::{Answer, Payment, PaymentError, Settlement, Step};
use semper_shared::items::statement::Signed;
use semper_shared::security::SigningKey;

use super::keys::{self, Shop};
use super::mint::verifier;
use super::network::{Fate, Reply, World};
use crate::Outcome;

/// A deal as it is stored.
struct Deal {
    body: DealBody,
    status: DealStatus,
    refusal: Option<Reply>,
    /// The customer who ordered.
    from: usize,
    /// What was settled, where something was to be paid.
    settlement: Option<Settlement>,
    refunds: Vec<refunds::Stored>,
}

/// The merchant and its store.
pub(super) struct Merchant {
    signer: SigningKey,
    verifier: &'static Native,
    shop: &'static Shop,
    deals: BTreeMap<Digest, Deal>,
    /// What is being worked on, as this process knows.
    underway: BTreeSet<Digest>,
}

/// How far an order has come by itself.
enum Begun {
    Answered(Reply),
    Asking(Box<Opened>, DealBody),
}

impl Merchant {
    pub(super) fn new() -> Outcome<Self> {
        let (deals, underway) = (BTreeMap::new(), BTreeSet::new());
        let signer = keys::signer(keys::MERCHANT_KEY)?;
        Ok(Self { signer, verifier: verifier()?, shop: keys::shop()?, deals, underway })
    }

    pub(super) fn offer(&self, id: &str) -> Reply {
        let offer = self.shop.offers.get(id).map(|offer| Reply::text(offer.compact()));
        offer.unwrap_or_else(|| Reply::problem(Code::OFFER_UNKNOWN))
    }

    pub(super) fn status(&self, deal: &str) -> Reply {
        let deal = deal.parse().ok().and_then(|deal: Digest| self.deals.get(&deal));
        deal.map_or_else(|| Reply::problem(Code::DEAL_UNKNOWN), |deal| Reply::json(&deal.told()))
    }

    fn offered(&self, digest: &Digest) -> Option<&Signed<Offer>> {
        self.shop.offers.values().find(|offer| offer.digest() == *digest)
    }

    /// What a process forgets when it dies.
    fn died(&mut self) {
        self.underway.clear();
    }

    /// The deals that were delivered: what each cost, and who ordered it.
    pub(super) fn delivered(&self) -> BTreeMap<Digest, (u64, usize)> {
        let done = self.deals.iter().filter(|(_, deal)| deal.status.state == State::Delivered);
        done.filter_map(|(name, deal)| {
            Some((*name, (deal.body.order.peek_unverified().ok()?.total.minor(), deal.from)))
        })
        .collect()
    }

    fn refuse(&mut self, deal: &Digest, error: &PaymentError) -> Reply {
        let extra = match error {
            PaymentError::Refused { extra, .. } if extra.is_object() => extra.clone(),
            _ => serde_json::json!({}),
        };
        let reply = Reply::problem_with(error.code(), extra);
        if let Some(known) = self.deals.get_mut(deal).filter(|known| known.status.state == State::Ordered) {
            known.status.state = State::Refused;
            known.refusal = Some(reply.clone());
        }
        reply
    }
}

impl World {
    /// Takes an order and its payment. The merchant may die after each step; then there is no answer.
    pub(super) fn take_order(&mut self, from: usize, body: DealBody) -> Option<Reply> {
        let (opened, body) = match self.begin(body) {
            Begun::Answered(reply) => return Some(reply),
            Begun::Asking(opened, body) => (opened, body),
        };
        let deal = opened.deal();
        if !self.merchant.deals.contains_key(&deal) {
            let fate = self.fate();
            match fate {
                Fate::Full => return Some(Reply::problem(Code::BUSY)),
                Fate::Fails => return Some(Reply::problem(Code::OUTCOME_UNKNOWN)),
                Fate::Good | Fate::Slow | Fate::Unknown => {
                    let state = State::Ordered;
                    let (receipt, delivery, proofs, refunds) = (None, None, Vec::new(), Vec::new());
                    let status = DealStatus { deal, state, receipt, delivery, proofs, refunds };
                    let (body, refusal, settlement, refunds) = (body.clone(), None, None, Vec::new());
                    self.merchant.deals.insert(deal, Deal { body, status, refusal, from, settlement, refunds });
                }
            }
            if fate == Fate::Unknown {
                return Some(Reply::problem(Code::OUTCOME_UNKNOWN));
            }
        }
        if self.happens(self.weather.crash) {
            self.merchant.died();
            return None;
        }
        self.merchant.underway.insert(deal);
        let settled = self.settle(&opened, body.payment.as_ref());
        self.merchant.underway.remove(&deal);
        let settlement = match settled {
            Ok(settlement) => settlement,
            Err(error) if is_final(&error) => return Some(self.merchant.refuse(&deal, &error)),
            Err(_) => return Some(Reply::problem(Code::OUTCOME_UNKNOWN)),
        };
        if self.happens(self.weather.crash) {
            self.merchant.died();
            return None;
        }
        self.close(&opened, settlement.as_ref())
    }

    /// What can be said to an order without anybody else.
    fn begin(&self, body: DealBody) -> Begun {
        let refuse = |code| Begun::Answered(Reply::problem(code));
        let merchant = &self.merchant;
        let named = body.order.peek_unverified().ok().and_then(|order| merchant.offered(&order.offer));
        let Some(offer) = named else { return refuse(Code::OFFER_UNKNOWN) };
        let now = self.now.plus(self.ahead[1]);
        let opened = match Opened::open(&body.order, offer, now, merchant.verifier) {
            Ok(opened) => opened,
            Err(error) => return refuse(error.code()),
        };
        if merchant.underway.contains(&opened.deal()) {
            return refuse(Code::IN_PROGRESS);
        }
        if let Some(known) = merchant.deals.get(&opened.deal()) {
            if known.body != body {
                return refuse(Code::REQUEST_CONFLICT);
            }
            if let Some(refusal) = &known.refusal {
                return Begun::Answered(refusal.clone());
            }
            if known.status.state == State::Delivered {
                return Begun::Answered(Reply::json(&known.status));
            }
        } else if let Err(error) = opened.check_age(now) {
            return refuse(error.code());
        }
        Begun::Asking(Box::new(opened), body)
    }

    fn settle(&mut self, opened: &Opened, payment: Option<&Payment>) -> Result<Option<Settlement>, PaymentError> {
        if opened.bill().total.is_zero() {
            return Ok(None);
        }
        let registry = &self.merchant.shop.registry;
        let verifier = self.merchant.verifier;
        let payment = payment.ok_or(PaymentError::Invalid("there is none"))?;
        let now = self.now.plus(self.ahead[1]);
        let mut step = registry.check(opened.bill(), payment, now)?;
        loop {
            match step {
                Step::Settled(settlement) => return Ok(Some(settlement)),
                Step::Ask(request) => {
                    let body = serde_json::to_vec(&request.body).map_err(|_| PaymentError::Invalid("no JSON"))?;
                    let reply = self.ask_for_merchant("/deposits", &body).ok_or(PaymentError::Unknown)?;
                    let answer = Answer { status: reply.status, body: reply.body };
                    step = registry.resume(opened.bill(), payment, &answer, verifier)?;
                }
            }
        }
    }

    fn close(&mut self, opened: &Opened, settlement: Option<&Settlement>) -> Option<Reply> {
        let sealed = [("a.txt".to_owned(), keys::content_key())];
        let now = self.now.plus(self.ahead[1]);
        let closed = match opened.close(settlement, &sealed, &self.merchant.signer, now, &mut self.chance) {
            Ok(closed) => closed,
            Err(error) => return Some(Reply::problem(error.code())),
        };
        let status = DealStatus {
            deal: opened.deal(),
            state: State::Delivered,
            receipt: Some(closed.receipt.to_compact()),
            delivery: Some(closed.delivery.to_compact()),
            proofs: settlement.map(|settlement| settlement.statements.clone()).unwrap_or_default(),
            refunds: Vec::new(),
        };
        let fate = self.fate();
        match fate {
            Fate::Full => return Some(Reply::problem(Code::BUSY)),
            Fate::Fails => return Some(Reply::problem(Code::OUTCOME_UNKNOWN)),
            Fate::Good | Fate::Slow | Fate::Unknown => {}
        }
        let known = self.merchant.deals.get_mut(&opened.deal())?;
        if known.status.state == State::Ordered {
            known.status = status;
            known.settlement = settlement.cloned();
        }
        let reply = known.refusal.clone().unwrap_or_else(|| Reply::json(&known.status));
        if self.happens(self.weather.crash) {
            self.merchant.died();
            return None;
        }
        Some(if fate == Fate::Unknown { Reply::problem(Code::OUTCOME_UNKNOWN) } else { reply })
    }

    /// Repeats every deposit whose outcome is not known, as the server does when it starts.
    pub(super) fn recover(&mut self) {
        let open = self.merchant.deals.values().filter(|deal| deal.status.state == State::Ordered);
        let open: Vec<(usize, DealBody)> = open.map(|deal| (deal.from, deal.body.clone())).collect();
        for (from, body) in open {
            self.take_order(from, body);
        }
    }
}

/// What the mint will say tomorrow too, having taken nothing.
fn is_final(error: &PaymentError) -> bool {
    match error {
        PaymentError::Refused { code, .. } => {
            !matches!(*code, Code::BUSY | Code::OUTCOME_UNKNOWN | Code::IN_PROGRESS | Code::INTERNAL)
        }
        PaymentError::Unknown | PaymentError::Peer(_) => false,
        _ => true,
    }
}
