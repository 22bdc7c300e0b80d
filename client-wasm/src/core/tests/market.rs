//! The parties: a bank, a mint and a merchant that check what the real ones check, over the same crate.

use std::collections::BTreeMap;

use semper_shared::commerce::Offer;
use semper_shared::commerce::deal::{DealBody, DealStatus, Opened, State};
use semper_shared::commerce::offer::{DeliveryTerms, Exchange, Item, Merchant, Part, Terms, vat_included};
use semper_shared::foundation::{Amount, Code, Currency, Table, UnixSeconds};
use semper_shared::items::information::{ContentKey, Sealer};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::ecash::{EcashPayee, TrustedMint};
use semper_shared::items::payment::{
    Acceptance, Answer, Bill, ModuleVersion, RefundId, RefundStep, Registry, Repayment, Settlement, Step,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Portable, Signer, SigningKey};
use serde::Serialize;
use serde_json::{Value, json};

use super::mint::Mint;
use super::world::{NOW, TestRng};
use crate::core::ports::{HttpRequest, HttpResponse};

pub(crate) const SHOP: &str = "http://shop.test";
pub(crate) const MINT: &str = "http://mint.test";
pub(crate) const SECOND_MINT: &str = "http://second-mint.test";
pub(crate) const BANK: &str = "http://bank.test";

pub(crate) fn cents(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap()
}

/// What a party says: a body, or a problem.
pub(crate) type Said = Result<Vec<u8>, (u16, Code, Value)>;

pub(crate) fn said(body: &impl Serialize) -> Said {
    Ok(serde_json::to_vec(body).unwrap())
}

pub(crate) fn problem(code: Code) -> (u16, Code, Value) {
    (code.status(), code, json!({}))
}

pub(crate) struct Market {
    pub(crate) mint: Mint,
    /// Another mint at the same bank.
    pub(crate) second: Mint,
    /// What the customer has at the bank.
    pub(crate) account_minor: u64,
    transfers: BTreeMap<String, Value>,
    merchant: SigningKey,
    pub(crate) registry: Registry,
    /// What the merchant says that it takes.
    pub(crate) introduced: Vec<ModuleVersion>,
    /// Changes what an offer accepts.
    pub(crate) accepts: fn(Vec<Acceptance>) -> Vec<Acceptance>,
    /// The policy that the merchant publishes.
    pub(crate) policy: Option<String>,
    pub(crate) deals: BTreeMap<String, Value>,
    /// Makes the merchant answer every order with this.
    pub(crate) merchant_refuses: Option<(u16, Code, Value)>,
    /// Makes the merchant take the money and say nothing of it.
    pub(crate) merchant_is_silent: bool,
    pub(crate) price_minor: u64,
    now: UnixSeconds,
    rng: TestRng,
}

impl Market {
    pub(crate) fn new() -> Self {
        let mint = Mint::new();
        let key = mint.signer.public_key().clone();
        Self {
            registry: Registry::new().with(EcashPayee::new([TrustedMint { url: MINT.to_owned(), key }])),
            mint,
            second: Mint::at(SECOND_MINT, [10; 32]),
            account_minor: 10_000,
            transfers: BTreeMap::new(),
            merchant: SigningKey::from_bytes(&[5; 32]).unwrap(),
            deals: BTreeMap::new(),
            introduced: Vec::new(),
            accepts: |accepts| accepts,
            policy: None,
            merchant_refuses: None,
            merchant_is_silent: false,
            price_minor: 5,
            now: NOW,
            rng: TestRng::new(99),
        }
    }

    pub(crate) fn advance(&mut self, now: UnixSeconds) {
        self.now = now;
        self.mint.advance(now);
        self.second.advance(now);
    }

    pub(crate) fn answer(&mut self, request: &HttpRequest) -> HttpResponse {
        let (status, body) = match self.said(request) {
            Ok(body) => (200, body),
            Err((status, code, mut members)) => {
                members["code"] = code.as_str().into();
                members["detail"] = code.advice().into();
                (status, members.to_string().into_bytes())
            }
        };
        HttpResponse { status, headers: Vec::new(), body }
    }

    fn said(&mut self, request: &HttpRequest) -> Said {
        let body: Value = request.body.as_deref().map_or(Value::Null, |body| serde_json::from_slice(body).unwrap());
        let rest = |origin: &str| request.url.strip_prefix(origin).map(|path| path.split('?').next().unwrap_or(path));
        if let Some(path) = rest(MINT) {
            return self.mint.said(path, body);
        }
        if let Some(path) = rest(SECOND_MINT) {
            return self.second.said(path, body);
        }
        if let Some(path) = rest(BANK) {
            return self.bank(path, body);
        }
        match rest(SHOP) {
            Some("/.well-known/semper") => Ok(self.party().compact().into()),
            Some("/offers/article") => Ok(Signed::sign(self.offer(), &self.merchant).compact().into()),
            Some("/policy") => Ok(self.policy.clone().unwrap_or_default().into()),
            Some("/deals") => self.deal(&serde_json::from_value(body).unwrap()),
            Some(path) if request.method == "GET" && path.starts_with("/deals/") => {
                let status = self.deals.get(path.trim_start_matches("/deals/"));
                said(status.ok_or_else(|| problem(Code::DEAL_UNKNOWN))?)
            }
            Some(path) if path.ends_with("/acknowledgement") => said(&json!({})),
            _ => Err(problem(Code::NOT_FOUND)),
        }
    }

    /// Gives part of a deal back, as the merchant's operator would.
    pub(crate) fn refund(&mut self, deal: &str, number: u8, minor: u64, reason: &str) {
        let status: DealStatus = serde_json::from_value(self.deals[deal].clone()).unwrap();
        let receipt = status.receipt.unwrap().peek_unverified().unwrap();
        let bill = Bill {
            deal: receipt.deal,
            payee: self.merchant.public_key().thumbprint(),
            total: receipt.paid,
            refund_by: receipt.refund_by,
        };
        let settlement =
            Settlement { paid: receipt.paid, owed: None, proofs: receipt.payment, statements: status.proofs };
        let repayment =
            Repayment { id: RefundId([number; 16]), amount: cents(minor), reason: reason.to_owned(), at: NOW };
        let module = (&receipt.module, receipt.version);
        let begun = self.registry.refund(module, &bill, &settlement, &repayment, &self.merchant).unwrap();
        let RefundStep::Ask(request) = begun else { panic!("the mint is asked") };
        let answer = Answer { status: 200, body: self.mint.said("/refunds", request.body.clone()).unwrap() };
        let done = self.registry.resume_refund(module, &request, &answer, &Portable).unwrap();
        let RefundStep::Done(refund) = done else { panic!("one question is enough") };
        let told = self.deals.get_mut(deal).unwrap();
        let mut refunds = told["refunds"].as_array().cloned().unwrap_or_default();
        refunds.push(serde_json::to_value(refund).unwrap());
        told["refunds"] = refunds.into();
    }

    fn bank(&mut self, path: &str, body: Value) -> Said {
        match path {
            "/test-account" => said(&json!({ "account": "customer", "token": "t", "name": "Customer" })),
            "/transfers" => {
                let id = body["id"].as_str().unwrap().to_owned();
                match self.transfers.get(&id) {
                    Some(earlier) if *earlier == body => return said(&body),
                    Some(_) => return Err(problem(Code::REQUEST_CONFLICT)),
                    None => {}
                }
                let minor = body["amount"]["minor"].as_u64().unwrap();
                self.account_minor =
                    self.account_minor.checked_sub(minor).ok_or_else(|| problem(Code::FUNDS_INSUFFICIENT))?;
                let mint = if body["to"] == SECOND_MINT { &mut self.second } else { &mut self.mint };
                mint.fund(body["subject"].as_str().unwrap(), minor);
                self.transfers.insert(id, body.clone());
                said(&body)
            }
            _ => Err(problem(Code::NOT_FOUND)),
        }
    }

    fn party(&self) -> Signed<Party> {
        let mut endpoints = Table::new();
        if self.policy.is_some() {
            endpoints.insert("policy".to_owned(), "/policy".to_owned());
        }
        let party = Party {
            name: "Shop".to_owned(),
            role: Role::Merchant,
            url: SHOP.to_owned(),
            key: self.merchant.public_key().clone(),
            modules: self.introduced.clone(),
            endpoints,
            issued_at: self.now,
            expires_at: self.now.plus(1_000),
        };
        Signed::sign(party, &self.merchant)
    }

    pub(crate) fn content_key() -> ContentKey {
        ContentKey::from_bytes([8; 16])
    }

    fn offer(&self) -> Offer {
        let total = cents(self.price_minor);
        let items = vec![Item { title: "An article".into(), quantity: 1, price: total, vat_rate_bp: 700 }];
        let mut sealer = Sealer::new(&Self::content_key(), [1; 16], "text/html".into());
        sealer.push(b"<p>Good.</p>").unwrap();
        let (_, commitment) = sealer.finish().unwrap();
        let url = format!("{SHOP}/content/x");
        let part = Part { name: "a.html".into(), title: "Article".into(), url, commitment };
        Offer {
            merchant: Merchant {
                name: "Shop".into(),
                url: SHOP.into(),
                jurisdiction: None,
                key: self.merchant.public_key().clone(),
            },
            good: "article".into(),
            title: "An article".into(),
            summary: "It is good.".into(),
            kind: Some("article".into()),
            language: "en".into(),
            vat: vat_included(&items, total).unwrap(),
            items,
            total,
            terms: Terms::new("No terms."),
            refund_days: 14,
            delivery: DeliveryTerms { parts: vec![part] },
            accepts: if total.is_zero() { Vec::new() } else { (self.accepts)(self.registry.acceptances()) },
            split: Vec::new(),
            exchange: Exchange::Plain,
            jurisdictions: Vec::new(),
            issued_at: self.now,
            expires_at: self.now.plus(1_000),
        }
    }

    fn deal(&mut self, body: &DealBody) -> Said {
        let offer = Signed::sign(self.offer(), &self.merchant);
        let opened = Opened::open(&body.order, &offer, self.now, &Portable).unwrap();
        if let Some(answer) = self.deals.get(&opened.deal().to_string()) {
            return said(answer);
        }
        if let Some(refusal) = &self.merchant_refuses {
            return Err(refusal.clone());
        }
        let settlement = match &body.payment {
            Some(payment) => Some(self.settle(&opened, payment)?),
            None => None,
        };
        if self.merchant_is_silent {
            return Err(problem(Code::OUTCOME_UNKNOWN));
        }
        let keys = [("a.html".to_owned(), Self::content_key())];
        let closed = opened.close(settlement.as_ref(), &keys, &self.merchant, self.now, &mut self.rng).unwrap();
        let status = DealStatus {
            refunds: Vec::new(),
            deal: opened.deal(),
            state: State::Delivered,
            receipt: Some(closed.receipt.to_compact()),
            delivery: Some(closed.delivery.to_compact()),
            proofs: settlement.map(|settlement| settlement.statements).unwrap_or_default(),
        };
        let status = serde_json::to_value(status).unwrap();
        self.deals.insert(opened.deal().to_string(), status.clone());
        said(&status)
    }

    fn settle(
        &mut self,
        opened: &Opened,
        payment: &semper_shared::items::payment::Payment,
    ) -> Result<Settlement, (u16, Code, Value)> {
        let request = match self.registry.check(opened.bill(), payment, self.now).unwrap() {
            Step::Ask(request) => request,
            Step::Settled(settlement) => return Ok(settlement),
        };
        let body = self.mint.said("/deposits", request.body)?;
        let answer = Answer { status: 200, body };
        match self.registry.resume(opened.bill(), payment, &answer, &Portable).unwrap() {
            Step::Settled(settlement) => Ok(settlement),
            Step::Ask(_) => panic!("one deposit settles"),
        }
    }
}
