//! Cards: kept in the vault alone, enrolled with a gateway, and asked for the person's approval where an issuer wants it.

use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Amount, Code, Digest, json};
use semper_shared::items::party::Role;
use semper_shared::items::payment::card::{
    Brand, Card, CardBody, CardNumber, CardPayer, CertificateBody, Challenge, Expiry, Gateway,
};
use semper_shared::items::payment::{PayerModule, PaymentError};
use serde::{Deserialize, Serialize};

use super::mints::fetch_party;
use super::net::{ask_json, get, host_of, join, origin_of, peer, post};
use super::ports::Ports;
use super::records::{DealRecord, Touched};
use super::{Wallet, WalletError};

/// A card as its owner knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardView {
    /// The brand.
    pub brand: Brand,
    /// The last four digits.
    pub last_four: String,
    /// The last month, `MM/YY`.
    pub expiry: Expiry,
    /// The origin of the gateway that it is used through.
    pub gateway: String,
    /// Whether the gateway has certified its key.
    pub enrolled: bool,
}

/// What the person is to approve, as the gateway says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalView {
    /// Who is to be paid, by the name that the gateway knows it under.
    pub payee: String,
    /// How much.
    pub amount: Amount,
    /// The gateway's host.
    pub gateway: String,
}

#[derive(Deserialize)]
struct Approved {
    approved: bool,
}

impl<P: Ports> Wallet<P> {
    /// Puts a card into the wallet and has its key certified by the gateway at `gateway_url`. The same card again is enrolled
    /// anew where that was cut off.
    ///
    /// # Errors
    /// `card-number-invalid` and `card-expired` before anything is sent; what the gateway refuses.
    pub async fn add_card(&mut self, number: &str, expiry: &str, gateway_url: &str) -> Result<CardView, WalletError> {
        self.sync().await?;
        let (number, expiry): (CardNumber, Expiry) = (number.parse()?, expiry.parse()?);
        expiry.check(self.now())?;
        let origin = origin_of(gateway_url)
            .ok_or_else(|| WalletError::Request(format!("{gateway_url} is not the address of a gateway")))?;
        let party = fetch_party(&self.ports, origin, self.now()).await?;
        if party.role != Role::Gateway {
            return Err(peer(origin, "it is no gateway"));
        }
        party.speaks("card", CardPayer::VERSION).map_err(PaymentError::from)?;
        let gateway = Gateway { url: origin.to_owned(), key: party.key.clone() };
        let (now, mut rng) = (self.now(), self.ports.rng());
        let known = self.state()?.cards.cards.iter().position(|card| card.is(&number, expiry, &gateway));
        let position = match known {
            Some(position) => position,
            None => {
                let card = Card::new(number, expiry, gateway, now, &mut rng)?;
                let cards = &mut self.change()?.cards.cards;
                cards.push(card);
                let position = cards.len() - 1;
                self.save(Touched::cards()).await?;
                position
            }
        };
        let card = self.card(position)?;
        if !card.is_enrolled() {
            let request = post(join(origin, "cards"), &card.enrol(&mut rng)?)?;
            let certificate: Result<CertificateBody, _> = ask_json(&self.ports, &request).await;
            if let Err(WalletError::Refused { .. }) = &certificate {
                self.change()?.cards.cards.remove(position);
                self.save(Touched::cards()).await?;
            }
            let certificate = certificate?;
            let card =
                self.change()?.cards.cards.get_mut(position).ok_or(WalletError::NotFound("there is no such card"))?;
            card.enrolled(certificate)?;
            self.save(Touched::cards()).await?;
        }
        Ok(view(self.card(position)?))
    }

    /// The cards, the preferred first.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn cards(&mut self) -> Result<Vec<CardView>, WalletError> {
        self.sync().await?;
        Ok(self.state()?.cards.cards.iter().map(view).collect())
    }

    /// Takes the card with these last four digits out of the wallet.
    ///
    /// # Errors
    /// [`WalletError::NotFound`] where there is none.
    pub async fn remove_card(&mut self, last_four: &str) -> Result<(), WalletError> {
        self.sync().await?;
        let cards = &mut self.change()?.cards.cards;
        let before = cards.len();
        cards.retain(|card| card.last_four() != last_four);
        if cards.len() == before {
            return Err(WalletError::NotFound("there is no such card"));
        }
        self.save(Touched::cards()).await
    }

    /// What the person is to approve before a deal's payment can go on, as the gateway itself says it; checked against what
    /// the person agreed to pay.
    ///
    /// # Errors
    /// Where the deal is not paid by card, or the gateway wants another amount approved.
    pub async fn approval(&mut self, deal: &Digest) -> Result<ApprovalView, WalletError> {
        self.sync().await?;
        let (gateway, common, amount) = self.card_payment(deal)?;
        let challenge: Challenge = ask_json(&self.ports, &get(address(&gateway, &common))).await?;
        if challenge.challenge != common || challenge.amount != amount {
            return Err(peer(&gateway, "it wants another payment approved"));
        }
        Ok(ApprovalView { payee: challenge.payee, amount: challenge.amount, gateway: host_of(&gateway) })
    }

    /// Gives the person's word on a deal's payment; the purchase is then finished as any that was cut off. Whether the
    /// gateway has it as approved: the first word counts.
    ///
    /// # Errors
    /// As [`Wallet::approval`], and where no enrolled card of this wallet made the payment.
    pub async fn approve(&mut self, deal: &Digest, approved: bool) -> Result<bool, WalletError> {
        let seen = self.approval(deal).await?;
        let (gateway, common, _) = self.card_payment(deal)?;
        let fitting = |card: &&Card| card.is_enrolled() && card.gateway().url == gateway;
        let words = self.state()?.cards.cards.iter().filter(fitting);
        let words: Vec<_> = words.map(|card| card.step_up(common, seen.amount, approved)).collect::<Result<_, _>>()?;
        let mut refused = WalletError::NotFound("the card that pays this deal is not in the wallet");
        for word in words {
            match ask_json::<_, Approved>(&self.ports, &post(address(&gateway, &common), &word)?).await {
                Ok(answer) => return Ok(answer.approved),
                // It was another of the cards.
                Err(error @ WalletError::Refused { code: Code::SIGNATURE_INVALID, .. }) => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    /// The last deal that is to be paid by card and is not: the one that waits for the person.
    ///
    /// # Errors
    /// [`WalletError::NotFound`] where there is none.
    pub async fn awaiting_approval(&mut self) -> Result<Digest, WalletError> {
        self.sync().await?;
        let waits = |deal: &&DealRecord| deal.state == State::Ordered && deal.paid_by("card").is_some();
        let deal = self.state()?.deals.iter().rev().find(waits);
        deal.map(|deal| deal.deal).ok_or(WalletError::NotFound("no payment waits for your approval"))
    }

    /// Through which gateway a deal is paid, and by what name the gateway knows the payment.
    fn card_payment(&self, deal: &Digest) -> Result<(String, Digest, Amount), WalletError> {
        let record = self.deal_record(deal)?;
        let payment = record.paid_by("card");
        let body = payment.and_then(|payment| json::from_value::<CardBody>(payment.body).ok());
        let terms = body.ok_or(WalletError::NotFound("the deal is not paid by card"))?.terms;
        let cards = &self.state()?.cards.cards;
        let card = cards.iter().find(|card| card.gateway().key.thumbprint() == terms.gateway);
        let card = card.ok_or(WalletError::NotFound("the card that pays this deal is not in the wallet"))?;
        Ok((card.gateway().url.clone(), terms.common(), terms.amount))
    }

    fn card(&self, position: usize) -> Result<&Card, WalletError> {
        self.state()?.cards.cards.get(position).ok_or(WalletError::NotFound("there is no such card"))
    }
}

fn address(gateway: &str, common: &Digest) -> String {
    join(gateway, &format!("challenges/{common}"))
}

fn view(card: &Card) -> CardView {
    CardView {
        brand: card.brand(),
        last_four: card.last_four().to_owned(),
        expiry: card.expiry(),
        gateway: card.gateway().url.clone(),
        enrolled: card.is_enrolled(),
    }
}
