//! One run: wallets that fund, buy, die and start again in bad weather; then the sky clears, and everything must agree.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ModuleId;
use semper_wallet::core::{Kdf, Progress, Wallet, WalletError, Words};

use super::bank::{Bank, cents};
use super::chance::Chance;
use super::merchant::{Merchant, PRICES};
use super::mint::Mint;
use super::network::{MERCHANT, MINT, Weather, World};
use super::ports::{Disk, SimPorts};
use crate::Outcome;

const BEGIN: UnixSeconds = UnixSeconds(1_000_000);
const WALLETS: usize = 2;
const STEPS: usize = 6;
const PASSPHRASE: &str = "a passphrase";

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// Purchases that were delivered.
    pub delivered: usize,
    /// Wallet processes that died.
    pub deaths: usize,
    /// Operations that ended in an error and were left to be resumed.
    pub cut_off: usize,
}

/// A customer: a disk, and the process that runs on it at the moment.
struct Customer {
    disk: Rc<RefCell<Disk>>,
    words: Words,
    process: Option<Wallet<SimPorts>>,
}

/// Runs the world that `seed` decides.
///
/// # Errors
/// Where, in the end, money is missing or too much, or a deal is paid and not delivered or the other way round.
pub async fn run(seed: u64) -> Outcome<Outline> {
    let mut chance = Chance::new(seed);
    let weather = Weather {
        lost_request: chance.below(15),
        lost_answer: chance.below(15),
        repeated: chance.below(15),
        crash: chance.below(5),
    };
    let mint = Mint::new(BEGIN)?;
    let merchant = Merchant::new(mint.key(), BEGIN)?;
    let world = World { chance: chance.clone(), weather, now: BEGIN, bank: Bank::default(), mint, merchant };
    let world = Rc::new(RefCell::new(world));
    let mut outline = Outline::default();

    let mut customers = Vec::new();
    for _ in 0..WALLETS {
        let disk = Rc::default();
        let words = Words::make(&mut chance);
        customers.push(Customer { disk, words, process: None });
    }
    for step in 0..STEPS {
        for customer in &mut customers {
            let done = customer.act(&world, &mut chance, step, &mut outline).await;
            outline.cut_off += usize::from(done.is_err());
            customer.bury(&mut outline);
        }
        if chance.percent(20) {
            let mut world = world.borrow_mut();
            let World { mint, merchant, now, .. } = &mut *world;
            merchant.recover(mint, &mut chance, *now);
        }
    }
    settle(&world, &mut customers, &mut chance).await?;
    check(&world, &mut customers, &mut outline).await?;
    Ok(outline)
}

impl Customer {
    /// The running process, started and unlocked where there is none.
    async fn wallet(&mut self, world: &Rc<RefCell<World>>) -> Result<&mut Wallet<SimPorts>, WalletError> {
        if self.process.is_none() {
            let mut wallet = Wallet::new(SimPorts::new(world, &self.disk)).with_kdf(Kdf::KEY_FILE);
            match wallet.unlock(PASSPHRASE).await {
                Err(WalletError::Empty) => wallet.create(&self.words, PASSPHRASE).await?,
                other => other?,
            }
            self.process = Some(wallet);
        }
        self.process.as_mut().ok_or(WalletError::Empty)
    }

    /// Does one thing that a customer does.
    async fn act(
        &mut self,
        world: &Rc<RefCell<World>>,
        chance: &mut Chance,
        step: usize,
        outline: &mut Outline,
    ) -> Result<(), WalletError> {
        let choice = if step == 0 { 0 } else { chance.below(10) };
        let loses_disk = choice == 9 && chance.percent(30);
        if loses_disk {
            // The device is lost: the words alone bring the money back. Deals that hang are lost with it, so only
            // when none does.
            return self.lose_device(world, outline).await;
        }
        let wallet = self.wallet(world).await?;
        match choice {
            0 | 1 => {
                wallet.add_cash(MINT, cents(1 + chance.below(1500)), Progress::none()).await?;
            }
            2..=7 => {
                let index = usize::try_from(chance.below(PRICES.len() as u64)).unwrap_or(0);
                buy(wallet, PRICES[index]).await?;
            }
            _ => {
                wallet.resume(Progress::none()).await?;
            }
        }
        Ok(())
    }

    async fn lose_device(&mut self, world: &Rc<RefCell<World>>, outline: &mut Outline) -> Result<(), WalletError> {
        let resumed = self.wallet(world).await?.resume(Progress::none()).await?;
        if !resumed.waiting.is_empty() {
            return Ok(());
        }
        let kept = Rc::clone(&self.disk);
        self.disk = Rc::default();
        self.process = None;
        outline.deaths += 1;
        let mut wallet = Wallet::new(SimPorts::new(world, &self.disk)).with_kdf(Kdf::KEY_FILE);
        let restored = wallet.restore(&self.words, PASSPHRASE, &[MINT.to_owned()], Progress::none()).await;
        match restored {
            Ok(_) => {
                self.process = Some(wallet);
                Ok(())
            }
            Err(error) => {
                // The restoring was cut off; the customer finds the old device again.
                self.disk = kept;
                Err(error)
            }
        }
    }

    /// Removes a process that has died.
    fn bury(&mut self, outline: &mut Outline) {
        if self.process.as_ref().is_some_and(|wallet| wallet.ports().is_dead()) {
            self.process = None;
            outline.deaths += 1;
        }
    }
}

async fn buy(wallet: &mut Wallet<SimPorts>, price: u64) -> Result<(), WalletError> {
    let review = wallet.review(&format!("{MERCHANT}/offers/{price}")).await?;
    let module = if price == 0 { ModuleId::none() } else { ModuleId::new("ecash").unwrap_or_else(ModuleId::none) };
    wallet.pay(&review.offer_digest, &module, Progress::none()).await?;
    Ok(())
}

/// Clears the sky and lets everyone finish.
async fn settle(world: &Rc<RefCell<World>>, customers: &mut [Customer], chance: &mut Chance) -> Outcome {
    {
        let mut world = world.borrow_mut();
        world.weather = Weather::CLEAR;
        let World { mint, merchant, now, .. } = &mut *world;
        merchant.recover(mint, chance, *now);
    }
    for customer in customers {
        customer.process = None;
        for _ in 0..4 {
            let resumed = customer.wallet(world).await?.resume(Progress::none()).await?;
            if resumed.waiting.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// What must hold, whatever happened.
async fn check(world: &Rc<RefCell<World>>, customers: &mut [Customer], outline: &mut Outline) -> Outcome {
    let mut in_wallets = 0;
    let mut delivered_to = BTreeSet::new();
    for customer in customers {
        let wallet = customer.wallet(world).await?;
        in_wallets += wallet.balance().await?.get("EUR").copied().unwrap_or(0);
        let deals = wallet.deals().await?;
        delivered_to.extend(
            deals
                .iter()
                .filter(|deal| matches!(deal.state, State::Delivered | State::Acknowledged))
                .map(|deal| deal.deal),
        );
    }
    let world = world.borrow();
    let (mint, bank) = (&world.mint, &world.bank);
    let books = (mint.outstanding(), mint.half_melted(), mint.in_reserves(bank), mint.owed(), bank.paid_in());
    let (outstanding, half_melted, reserves, owed, paid_in) = books;
    let require =
        |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what}: {books:?}, wallets {in_wallets}")) };

    require(paid_in == outstanding + half_melted + reserves + owed, "the mint's books do not balance")?;
    require(in_wallets == outstanding + half_melted, "wallets and mint disagree on what is in coins")?;
    require(reserves == 0, "money is left in a reserve")?;

    let by_merchant = world.merchant.delivered();
    let paid: BTreeSet<Digest> = mint.deposits.keys().copied().collect();
    let sold: BTreeSet<Digest> = by_merchant.iter().filter(|(_, price)| **price > 0).map(|(deal, _)| *deal).collect();
    require(paid == sold, "a deal is paid and not delivered, or delivered and not paid")?;
    require(owed == by_merchant.values().sum::<u64>(), "the merchant is owed another sum than its goods cost")?;
    let strangers = delivered_to.iter().filter(|deal| !by_merchant.contains_key(*deal)).count();
    require(strangers == 0, "a wallet has goods that the merchant did not deliver")?;
    outline.delivered = delivered_to.len();
    Ok(())
}
