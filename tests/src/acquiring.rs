//! A merchant of the tests' own before a real gateway: it authorises, captures, voids and refunds as it pleases.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use reqwest::blocking::Client;
use semper_shared::foundation::{Amount, Currency, Digest, UnixSeconds};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::card::{
    Card, CardBody, CardPayee, CardPayer, Certificate, CertificateBody, Done, Gateway, Level, Operation,
};
use semper_shared::items::payment::{Answer, Bill, PayeeModule, PayerModule, Request, Step};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Portable, Signer as _, SigningKey};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;
use crate::{Outcome, demo};

/// A gateway process with the sandbox behind it, and the one merchant that has an account there.
pub struct Acquiring {
    folder: TempDir,
    process: Process,
    client: Client,
    gateway: Gateway,
    payee: CardPayee,
    merchant: SigningKey,
}

/// What a request came to: the stable code of a refusal.
pub type Answered<T> = Result<T, String>;

impl Acquiring {
    /// Starts both. The gateway holds authorisations for `hold_s` seconds, and clears every second.
    ///
    /// # Errors
    /// Where they do not meet.
    pub fn start(hold_s: u64, level: Level) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let merchant = SigningKey::make(&mut UnwrapErr(SysRng));
        let at = introduce(&merchant)?;
        let port = demo::free_base()?;
        let config = format!(
            "[gateway]\ndata = \"{}\"\nmerchants = [\"{at}\"]\nhold_s = {hold_s}\nclearance_s = 1\n\
             [gateway.server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://localhost:{port}\"\n",
            folder.path().join("gateway").display()
        );
        fs::write(folder.path().join("gateway.toml"), config)?;
        let process = Process::serve(&folder.path().join("gateway.toml"), &folder.path().join("log"))?;
        let (client, url) = (Client::builder().no_proxy().build()?, format!("http://localhost:{port}"));
        let document = client.get(format!("{url}/.well-known/semper")).send()?.text()?;
        let party = Party::verify(&document, &url, now(), &Portable)?;
        let gateway = Gateway { url, key: party.key.clone() };
        let payee = CardPayee::new(gateway.clone(), level, [7; 16], Arc::new(merchant.clone()));
        let acquiring = Self { folder, process, client, gateway, payee, merchant };
        acquiring.meet()?;
        Ok(acquiring)
    }

    /// A gateway that has not met the merchant yet refuses its requests.
    fn meet(&self) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut payer = self.card("4242424242424242")?;
        self.enrol(&mut payer)?;
        let slip = self.slip(&mut payer, b"a first meeting", 1)?;
        while let Err(code) = self.authorise(&slip)? {
            assert!(Instant::now() < deadline, "gateway and merchant do not meet: {code}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A card in a wallet, not enrolled.
    ///
    /// # Errors
    /// Where the number is none.
    pub fn card(&self, number: &str) -> Outcome<CardPayer> {
        let rng = &mut UnwrapErr(SysRng);
        let card = Card::new(number.parse()?, "12/40".parse()?, self.gateway.clone(), now(), rng)?;
        Ok(CardPayer { cards: vec![card] })
    }

    /// Enrols a card.
    ///
    /// # Errors
    /// Where the gateway refuses.
    pub fn enrol(&self, payer: &mut CardPayer) -> Outcome {
        let card = payer.cards.first_mut().ok_or("no card")?;
        let body = serde_json::to_value(card.enrol(&mut UnwrapErr(SysRng))?)?;
        let answer = self.send(&Request { url: format!("{}/cards", self.gateway.url), body })?;
        let body: CertificateBody = serde_json::from_slice(&answer.body)?;
        let _certificate: Signed<Certificate> = body.certificate.verify(&self.gateway.key, &Portable)?;
        Ok(card.enrolled(body)?)
    }

    /// A customer's slip for a deal.
    ///
    /// # Errors
    /// Where the card cannot pay it.
    pub fn slip(&self, payer: &mut CardPayer, deal: &[u8], minor: u64) -> Outcome<(CardBody, Bill)> {
        let bill = Bill {
            deal: Digest::of(deal),
            payee: self.merchant.public_key().thumbprint(),
            total: euros(minor)?,
            refund_by: now().plus(86_400),
        };
        let body = payer.pay(&bill, &PayeeModule::parameters(&self.payee), now(), &mut UnwrapErr(SysRng))?;
        Ok((body, bill))
    }

    /// Has a slip authorised; the gateway's answer as it was sent.
    ///
    /// # Errors
    /// Where the gateway cannot be asked.
    pub fn authorise(&self, (body, bill): &(CardBody, Bill)) -> Outcome<Answered<Value>> {
        let Step::Ask(request) = PayeeModule::check(&self.payee, bill, body, now())? else {
            return Err("nobody is asked".into());
        };
        answered(&self.send(&request)?)
    }

    /// Orders something of what was authorised; the gateway's signed word.
    ///
    /// # Errors
    /// Where the gateway cannot be asked, or its word is not its own.
    pub fn order(&self, common: Digest, id: u8, operation: Operation) -> Outcome<Answered<Signed<Done>>> {
        let answer = self.send(&self.payee.order(common, [id; 16], operation)?)?;
        match answered(&answer)? {
            Ok(_) => Ok(Ok(self.payee.done(&answer, &Portable)?)),
            Err(code) => Ok(Err(code)),
        }
    }

    /// How an authorisation stands.
    ///
    /// # Errors
    /// Where the gateway cannot be asked.
    pub fn standing(&self, common: Digest) -> Outcome<Value> {
        Ok(self.client.get(format!("{}/authorisations/{common}", self.gateway.url)).send()?.json()?)
    }

    /// The lines of all clearance files, without their heads.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn cleared(&self) -> Outcome<Vec<String>> {
        let folder: PathBuf = self.folder.path().join("gateway/clearance");
        let mut lines = Vec::new();
        for file in fs::read_dir(folder).into_iter().flatten() {
            lines.extend(fs::read_to_string(file?.path())?.lines().skip(1).map(str::to_owned));
        }
        Ok(lines)
    }

    /// Kills the gateway (SIGKILL) and starts it again.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn restart(&mut self) -> Outcome {
        self.process.restart()
    }

    fn send(&self, request: &Request) -> Outcome<Answer> {
        let answer = self.client.post(&request.url).json(&request.body).send()?;
        Ok(Answer { status: answer.status().as_u16(), body: answer.bytes()?.to_vec() })
    }
}

fn answered(answer: &Answer) -> Outcome<Answered<Value>> {
    let body: Value = serde_json::from_slice(&answer.body)?;
    match answer.status {
        200 => Ok(Ok(body)),
        _ => Ok(Err(body["code"].as_str().ok_or("a refusal without a code")?.to_owned())),
    }
}

/// An amount in cents.
///
/// # Errors
/// Where it is beyond what an amount may be.
pub fn euros(minor: u64) -> Outcome<Amount> {
    Ok(Amount::new(Currency::EUR, minor)?)
}

fn now() -> UnixSeconds {
    UnixSeconds(SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()))
}

/// Serves the merchant's document, to whoever asks for anything, until the process ends. Returns its origin.
fn introduce(key: &SigningKey) -> Outcome<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://localhost:{}", listener.local_addr()?.port());
    let party = Party {
        name: "A merchant".to_owned(),
        role: Role::Merchant,
        url: url.clone(),
        key: key.public_key().clone(),
        modules: Vec::new(),
        endpoints: Default::default(),
        issued_at: now(),
        expires_at: now().plus(86_400),
    };
    let document = Signed::sign(party, key).compact().to_owned();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", document.len());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Whoever hangs up is served the next time.
            let asked = stream.read(&mut [0; 4096]);
            drop(asked.and_then(|_| stream.write_all(format!("{head}{document}").as_bytes())));
        }
    });
    Ok(url)
}
