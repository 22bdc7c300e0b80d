//! The wallet by name: methods with JSON parameters, as pages call them through the Worker.

use semper_shared::foundation::{Amount, Digest, json};
use semper_shared::items::payment::ModuleId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ports::Ports;
use super::{Wallet, WalletError, Words};

/// Where a long operation says how far it has come.
#[derive(Clone, Copy)]
pub struct Progress<'a>(&'a dyn Fn(&Value));

impl<'a> Progress<'a> {
    /// Tells `report`.
    pub const fn new(report: &'a dyn Fn(&Value)) -> Self {
        Self(report)
    }

    /// Tells nobody.
    pub const fn none() -> Self {
        Self(&|_| {})
    }

    pub(super) fn step(self, step: &str) {
        (self.0)(&json!({ "step": step }));
    }

    pub(super) fn report(self, value: &Value) {
        (self.0)(value);
    }
}

/// What a call gives back.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A value.
    Json(Value),
    /// A file.
    Bytes(Vec<u8>),
}

#[derive(Deserialize)]
struct Create {
    words: String,
    passphrase: String,
}

#[derive(Deserialize)]
struct Restore {
    words: String,
    passphrase: String,
    mints: Vec<String>,
}

#[derive(Deserialize)]
struct Passphrase {
    passphrase: String,
}

#[derive(Deserialize)]
struct ChangePassphrase {
    old: String,
    new: String,
}

#[derive(Deserialize)]
struct Url {
    url: String,
}

#[derive(Deserialize)]
struct AddCash {
    mint: String,
    amount: Amount,
}

#[derive(Deserialize)]
struct OfferUrl {
    offer_url: String,
}

#[derive(Deserialize)]
struct Pay {
    offer_digest: Digest,
    module: ModuleId,
}

#[derive(Deserialize)]
struct Deal {
    deal: Digest,
}

#[derive(Deserialize)]
struct DealPart {
    deal: Digest,
    part: String,
}

#[derive(Deserialize)]
struct Import {
    passphrase: String,
    new_passphrase: String,
}

impl<P: Ports> Wallet<P> {
    /// Calls a method by its name. `params` is a JSON object; `bytes` is its one member that is a file.
    ///
    /// # Errors
    /// The method's own, or [`WalletError::Request`] for an unknown method or wrong parameters.
    pub async fn call(
        &mut self,
        method: &str,
        params: &str,
        bytes: Option<&[u8]>,
        progress: Progress<'_>,
    ) -> Result<Answer, WalletError> {
        let p = Params(params);
        match method {
            "status" => {
                let (state, backup_confirmed) = self.status().await?;
                answer(&json!({ "state": state, "backup_confirmed": backup_confirmed }))
            }
            "make_words" => answer(&json!({ "words": self.make_words()?.text().as_str() })),
            "create" => {
                let Create { words, passphrase } = p.read()?;
                done(self.create(&Words::parse(&words)?, &passphrase).await)
            }
            "restore" => {
                let Restore { words, passphrase, mints } = p.read()?;
                answer(&self.restore(&Words::parse(&words)?, &passphrase, &mints, progress).await?)
            }
            "unlock" => done(self.unlock(&p.read::<Passphrase>()?.passphrase).await),
            "lock" => done(self.lock().await),
            "change_passphrase" => {
                let ChangePassphrase { old, new } = p.read()?;
                done(self.change_passphrase(&old, &new).await)
            }
            "confirm_backup" => done(self.confirm_backup().await),
            "export_backup" => Ok(Answer::Bytes(self.export_backup(&p.read::<Passphrase>()?.passphrase).await?)),
            "import_backup" => {
                let Import { passphrase, new_passphrase } = p.read()?;
                let bytes = bytes.ok_or_else(|| WalletError::Request("the backup's bytes are missing".to_owned()))?;
                done(self.import_backup(bytes, &passphrase, &new_passphrase).await)
            }
            _ => self.call_open(method, p, progress).await,
        }
    }

    /// The methods of an open wallet.
    async fn call_open(&mut self, method: &str, p: Params<'_>, progress: Progress<'_>) -> Result<Answer, WalletError> {
        match method {
            "balance" => answer(&self.balance().await?),
            "purses" => answer(&self.purses().await?),
            "mint_info" => answer(&self.mint_info(&p.read::<Url>()?.url).await?),
            "add_cash" => {
                let AddCash { mint, amount } = p.read()?;
                answer(&self.add_cash(&mint, amount, progress).await?)
            }
            "review" => answer(&self.review(&p.read::<OfferUrl>()?.offer_url).await?),
            "pay" => {
                let Pay { offer_digest, module } = p.read()?;
                answer(&self.pay(&offer_digest, &module, progress).await?)
            }
            "resume" => answer(&self.resume(progress).await?),
            "refresh" => done(self.refresh().await),
            "deals" => answer(&self.deals().await?),
            "deal" => answer(&self.deal(&p.read::<Deal>()?.deal).await?),
            "evidence" => answer(&self.evidence(&p.read::<Deal>()?.deal).await?),
            "library" => answer(&self.library().await?),
            "part_access" => {
                let DealPart { deal, part } = p.read()?;
                answer(&self.part_access(&deal, &part).await?)
            }
            _ => Err(WalletError::Request(format!("there is no method {method}"))),
        }
    }
}

#[derive(Clone, Copy)]
struct Params<'a>(&'a str);

impl Params<'_> {
    fn read<T: DeserializeOwned>(self) -> Result<T, WalletError> {
        json::from_slice(self.0.as_bytes()).map_err(|error| WalletError::Request(error.detail()))
    }
}

fn answer(value: &impl Serialize) -> Result<Answer, WalletError> {
    serde_json::to_value(value).map(Answer::Json).map_err(|_| WalletError::Damaged("an answer cannot be written"))
}

fn done(result: Result<(), WalletError>) -> Result<Answer, WalletError> {
    result.map(|()| Answer::Json(json!({})))
}
