//! One run: wallets that fund, buy, give up, die and start again in bad weather; then the sky clears, and all must agree.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::rc::Rc;

use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ModuleId;
use semper_shared::items::payment::ecash::transfer::{Direction, Passed};
use semper_wallet::core::{Kdf, Progress, Wallet, WalletError, Words};

use super::bank::cents;
use super::chance::Chance;
use super::keys::PRICES;
use super::merchant::Merchant;
use super::mint::{Defect, Mint};
use super::network::{MERCHANT, MINT, Weather, World};
use super::ports::{Disk, SimPorts};
use crate::Outcome;

/// When every run begins.
pub(super) const BEGIN: UnixSeconds = UnixSeconds(1_000_000);

const WALLETS: usize = 2;
const STEPS: usize = 7;
/// For how long a run lasts at most, in seconds of its own: less than a coin is good, so that no customer is too late.
const LONGEST: u64 = 600_000;
/// For how long a transfer is open at most.
const OPEN_S: u64 = 100_000;
const PASSPHRASE: &str = "a passphrase";

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// Purchases that were delivered.
    pub delivered: u64,
    /// Wallet processes that died.
    pub deaths: u64,
    /// Operations that ended in an error and were left to be resumed.
    pub cut_off: u64,
    /// Purchases that their customer gave up.
    pub given_up: u64,
    /// Wallets that were replaced by an old copy of themselves.
    pub put_back: u64,
    /// Times that many coins were gathered.
    pub gathered: u64,
    /// Everything that went wrong: messages, commits, processes.
    pub trouble: u64,
    /// Refunds, partial or whole.
    pub refunds: u64,
    /// Transfers from person to person that were accepted.
    pub transfers: u64,
    /// Transfers that nobody took, or that were called off.
    pub returned: u64,
    /// Coins of a revoked denomination that were recouped.
    pub recoups: u64,
    /// Cents that were renewed at the end, since their coins were soon too old.
    pub renewed: u64,
}

impl AddAssign for Outline {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.deaths += other.deaths;
        self.cut_off += other.cut_off;
        self.given_up += other.given_up;
        self.put_back += other.put_back;
        self.gathered += other.gathered;
        self.trouble += other.trouble;
        self.refunds += other.refunds;
        self.transfers += other.transfers;
        self.returned += other.returned;
        self.recoups += other.recoups;
        self.renewed += other.renewed;
    }
}

/// A customer: a disk, and the process that runs on it at the moment.
struct Customer {
    number: usize,
    /// How far the clock of this customer's devices is ahead, in seconds.
    ahead: u64,
    disk: Rc<RefCell<Disk>>,
    words: Words,
    process: Option<Wallet<SimPorts>>,
    /// A copy of the disk as it was once.
    copy: Option<Disk>,
    /// The wallet forgot deals: it was restored from words, or an old copy was put back.
    forgetful: bool,
    /// An old copy was put back, which no wallet expects.
    put_back: bool,
}

/// Runs the world that `seed` decides, with a mint that is right, or wrong in one way.
///
/// # Errors
/// Where, in the end, money is missing or too much, or a deal is paid and not delivered or the other way round.
pub async fn run(seed: u64, defect: Option<Defect>) -> Outcome<Outline> {
    let mut chance = Chance::new(seed);
    let world = World::new(chance.clone(), BEGIN, Mint::new(defect)?, Merchant::new()?);
    let world = Rc::new(RefCell::new(world));
    let mut outline = Outline::default();

    let mut customers = Vec::new();
    for number in 0..WALLETS {
        let (ahead, words) = (chance.below(200), Words::make(&mut chance).expect("the list is in the program"));
        let disk = Rc::default();
        let (process, copy, forgetful, put_back) = (None, None, false, false);
        customers.push(Customer { number, ahead, disk, words, process, copy, forgetful, put_back });
    }
    for step in 0..STEPS {
        let deaf = world.borrow().merchant_deaf;
        world.borrow_mut().merchant_deaf = chance.percent(if deaf { 60 } else { 10 });
        for customer in &mut customers {
            let done = customer.act(&world, &mut chance, step, &mut outline).await;
            outline.cut_off += u64::from(done.is_err());
            customer.bury(&mut outline);
        }
        go_on(&mut world.borrow_mut(), &mut chance)?;
    }
    settle(&world, &mut customers, &mut outline).await?;
    check(&world, &mut customers, &mut outline).await?;
    Ok(outline)
}

/// What happens without any customer: the merchant goes on and gives back, time passes, a denomination is revoked.
fn go_on(world: &mut World, chance: &mut Chance) -> Outcome {
    if chance.percent(20) {
        world.recover();
        world.recover_refunds();
    }
    if chance.percent(25) {
        world.give_back();
    }
    if chance.percent(25) && world.now < BEGIN.plus(LONGEST) {
        let day = 86_400;
        world.wait(if chance.percent(50) { chance.below(day) } else { chance.below(3 * day) });
    }
    if chance.percent(3) {
        let now = world.now.plus(world.ahead[0]);
        world.mint.revoke(now).map_err(|_| "the mint cannot revoke")?;
    }
    Ok(())
}

impl Customer {
    fn start(&self, world: &Rc<RefCell<World>>) -> Wallet<SimPorts> {
        Wallet::new(SimPorts::new(world, &self.disk, self.number, self.ahead)).with_kdf(Kdf::KEY_FILE)
    }

    /// The running process, started and unlocked where there is none.
    async fn wallet(&mut self, world: &Rc<RefCell<World>>) -> Result<&mut Wallet<SimPorts>, WalletError> {
        if self.process.is_none() {
            let mut wallet = self.start(world);
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
        let choice = if step == 0 { 0 } else { chance.below(100) };
        if chance.percent(25) {
            self.copy = Some(self.disk.borrow().clone());
        }
        if world.borrow().merchant_deaf && chance.percent(40) {
            return self.give_up(world, outline).await;
        }
        match choice {
            0..12 => {
                // Now and then so many small coins that the wallet gathers them.
                if step == 0 && chance.percent(10) {
                    for _ in 0..3 {
                        self.wallet(world).await?.add_cash(MINT, cents(63), Progress::none()).await?;
                    }
                }
                let amount = cents(1 + chance.below(90));
                self.wallet(world).await?.add_cash(MINT, amount, Progress::none()).await?;
            }
            12..50 => {
                let index = usize::try_from(chance.below(PRICES.len() as u64)).unwrap_or(0);
                buy(self.wallet(world).await?, PRICES[index]).await?;
            }
            50..57 => {
                self.wallet(world).await?.resume(Progress::none()).await?;
            }
            57..63 => drop(self.wallet(world).await?.check_refunds(None).await?),
            63..68 => self.give_up(world, outline).await?,
            68..72 => self.lose_device(world, outline).await?,
            72..77 => self.put_back(outline),
            77..84 => self.offer_link(world, chance, true).await?,
            84..88 => self.offer_link(world, chance, false).await?,
            88..97 => self.follow_link(world, chance).await?,
            _ => self.call_off(world).await?,
        }
        Ok(())
    }

    /// Sends cash, or asks for it, by a link that anybody may follow.
    async fn offer_link(
        &mut self,
        world: &Rc<RefCell<World>>,
        chance: &mut Chance,
        send: bool,
    ) -> Result<(), WalletError> {
        let (amount, expires_s) = (cents(1 + chance.below(20)), 1 + chance.below(OPEN_S));
        let number = self.number;
        let wallet = self.wallet(world).await?;
        let made = match send {
            true => wallet.send_person(amount, "a gift", expires_s).await?,
            false => wallet.request_person(MINT, amount, "a share", expires_s).await?,
        };
        let mut world = world.borrow_mut();
        if !send {
            world.mint.asked_by.insert(made.transfer, number);
        }
        world.links.extend(made.link);
        Ok(())
    }

    /// Follows some link: another's or this customer's own, open or long over, for the first time or again.
    async fn follow_link(&mut self, world: &Rc<RefCell<World>>, chance: &mut Chance) -> Result<(), WalletError> {
        let which = usize::try_from(chance.below(8)).unwrap_or(0);
        let link = world.borrow().links.iter().rev().nth(which % world.borrow().links.len().max(1)).cloned();
        let Some(link) = link else { return Ok(()) };
        let wallet = self.wallet(world).await?;
        match link.starts_with("receive=") {
            true => wallet.receive_link(&link).await?,
            false => wallet.pay_link(&link).await?,
        };
        Ok(())
    }

    /// Calls off what was sent and not yet taken.
    async fn call_off(&mut self, world: &Rc<RefCell<World>>) -> Result<(), WalletError> {
        let wallet = self.wallet(world).await?;
        let transfers = wallet.transfers().await?;
        match transfers.iter().find(|transfer| (transfer.direction, transfer.state) == (Direction::Sent, Passed::Open))
        {
            Some(open) => wallet.cancel_transfer(&open.transfer).await.map(drop),
            None => Ok(()),
        }
    }

    /// Gives up a purchase that hangs.
    async fn give_up(&mut self, world: &Rc<RefCell<World>>, outline: &mut Outline) -> Result<(), WalletError> {
        let wallet = self.wallet(world).await?;
        let deals = wallet.deals().await?;
        if let Some(hanging) = deals.iter().find(|deal| deal.state == State::Ordered) {
            wallet.abandon(&hanging.deal).await?;
            outline.given_up += 1;
        }
        Ok(())
    }

    /// The device is lost: the words alone bring the money back. Deals that hang are lost with it, so only when none does.
    async fn lose_device(&mut self, world: &Rc<RefCell<World>>, outline: &mut Outline) -> Result<(), WalletError> {
        let resumed = self.wallet(world).await?.resume(Progress::none()).await?;
        if !resumed.waiting.is_empty() {
            return Ok(());
        }
        outline.deaths += 1;
        self.restore(world).await
    }

    /// Takes a new device, and restores from the words. Where that is cut off, the old device is found again.
    async fn restore(&mut self, world: &Rc<RefCell<World>>) -> Result<(), WalletError> {
        let kept = std::mem::take(&mut self.disk);
        self.process = None;
        let mut wallet = self.start(world);
        match wallet.restore(&self.words, PASSPHRASE, &[MINT.to_owned()], Progress::none()).await {
            Ok(_) => {
                self.process = Some(wallet);
                self.forgetful = true;
                self.copy = None;
                Ok(())
            }
            Err(error) => {
                self.disk = kept;
                Err(error)
            }
        }
    }

    /// Puts the old copy of the wallet in the place of the present one, as a cheat would, or a careless customer.
    fn put_back(&mut self, outline: &mut Outline) {
        if let Some(copy) = self.copy.take() {
            self.process = None;
            self.disk = Rc::new(RefCell::new(copy));
            (self.forgetful, self.put_back) = (true, true);
            outline.put_back += 1;
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

/// Clears the sky, lets everything arrive that is late, and lets everyone finish: today, and again when what was sent and
/// not taken has gone back.
async fn settle(world: &Rc<RefCell<World>>, customers: &mut [Customer], outline: &mut Outline) -> Outcome {
    {
        let mut world = world.borrow_mut();
        (world.weather, world.merchant_deaf) = (Weather::CLEAR, false);
        world.deliver_all();
        world.recover();
        world.recover_refunds();
    }
    finish(world, customers, outline).await?;
    world.borrow_mut().wait(OPEN_S + 3_600);
    finish(world, customers, outline).await
}

async fn finish(world: &Rc<RefCell<World>>, customers: &mut [Customer], outline: &mut Outline) -> Outcome {
    for customer in customers {
        customer.process = None;
        let mut waiting = Vec::new();
        for _ in 0..4 {
            let wallet = customer.wallet(world).await?;
            let resumed = wallet.resume(Progress::none()).await?;
            outline.renewed += resumed.renewed.values().sum::<u64>();
            waiting = resumed.waiting;
            // A lost device's request that came late looks like another device at work: the customer takes the money over.
            if wallet.is_taken_over()? {
                waiting = wallet.take_over(Progress::none()).await?.waiting;
            }
            if waiting.is_empty() {
                break;
            }
        }
        if customer.put_back {
            // What an old copy has forgotten, the words bring back.
            customer.restore(world).await?;
            waiting = customer.wallet(world).await?.resume(Progress::none()).await?.waiting;
        } else if customer.forgetful {
            // Money may have come by what was forgotten with the device: a request that was paid, a refund.
            waiting = customer.wallet(world).await?.take_over(Progress::none()).await?.waiting;
        }
        customer.wallet(world).await?.check_refunds(None).await?;
        if !waiting.is_empty() {
            return Err(format!("customer {} waits under a clear sky: {waiting:?}", customer.number).into());
        }
    }
    Ok(())
}

/// What must hold, whatever happened.
async fn check(world: &Rc<RefCell<World>>, customers: &mut [Customer], outline: &mut Outline) -> Outcome {
    let mut balances = Vec::new();
    let mut delivered_to = Vec::new();
    for customer in &mut *customers {
        let wallet = customer.wallet(world).await?;
        balances.push(wallet.balance().await?.get("EUR").copied().unwrap_or(0));
        let deals = wallet.deals().await?;
        let delivered = deals.iter().filter(|deal| matches!(deal.state, State::Delivered | State::Acknowledged));
        delivered_to.push(delivered.map(|deal| deal.deal).collect::<BTreeSet<Digest>>());
    }
    let world = world.borrow();
    let (mint, bank) = (&world.mint, &world.bank);
    let (outstanding, reserves) = (mint.outstanding(), mint.in_reserves(bank));
    let (half_melted, owed, paid_in) = (mint.half_melted(), mint.owed(), bank.paid_in());
    let (pending, [transfers, returned, recoups]) = (mint.pending(), mint.counts());
    let require = |holds: bool, what: &str| {
        let books = format!(
            "coins {outstanding:?}, melting {half_melted}, reserves {reserves:?}, pending {pending}, owed {owed}"
        );
        if holds { Ok(()) } else { Err(format!("{what}: {books}, paid in {paid_in}, wallets {balances:?}")) }
    };
    let (Some(outstanding), Some(reserves)) = (outstanding, reserves) else {
        return require(false, "more was taken out than there is").map_err(Into::into);
    };
    require(mint.overspent().is_none(), "a coin gave more than it is worth")?;
    require(paid_in == outstanding + half_melted + reserves + pending + owed, "the mint's books do not balance")?;
    require(reserves == 0, "money is left in a reserve")?;
    require(pending == 0, "a transfer is neither accepted nor back in its coins")?;
    // Clocks differ by minutes.
    let old = mint.left_behind(UnixSeconds(world.now.0 - 600));
    require(old == Some(0), &format!("{old:?} are in coins that are too old or revoked"))?;

    let sold = world.merchant.delivered();
    let paid: BTreeSet<Digest> = mint.ledger.deposits.keys().copied().collect();
    let priced: BTreeSet<Digest> = sold.iter().filter(|(_, (price, _))| *price > 0).map(|(deal, _)| *deal).collect();
    require(paid == priced, "a deal is paid and not delivered, or delivered and not paid")?;
    let (refunded, refunds) = world.merchant.refunded(None);
    require(world.merchant.refused_refund().is_none(), &format!("a refund: {:?}", world.merchant.refused_refund()))?;
    require(owed + refunded == sold.values().map(|(price, _)| price).sum::<u64>(), "the merchant is owed another sum")?;
    for (customer, (balance, delivered)) in customers.iter().zip(balances.iter().zip(&delivered_to)) {
        let number = customer.number;
        let mine = || sold.iter().filter(|(_, (_, from))| *from == number);
        let spent: u64 = mine().map(|(_, (price, _))| price).sum();
        let (back, given) = (world.merchant.refunded(Some(number)).0, mint.given_away(number));
        let has = i128::from(balance + spent - back) + given;
        let what = format!("customer {number} bought for {spent}, had {back} back and gave {given} away");
        require(i128::from(bank.paid_by(number)) == has, &what)?;
        require(delivered.iter().all(|deal| sold.contains_key(deal)), "goods that were not delivered")?;
        // A gift that was given up may still be sent.
        let has_all = mine().all(|(deal, (price, _))| *price == 0 || delivered.contains(deal));
        require(customer.forgetful || has_all, &format!("customer {number} did not get the goods"))?;
    }
    outline.delivered = sold.len() as u64;
    outline.gathered = mint.gatherings();
    (outline.refunds, outline.transfers, outline.returned, outline.recoups) = (refunds, transfers, returned, recoups);
    outline.trouble = world.trouble;
    Ok(())
}
