//! Two devices with the same words: one has the money, the other finds out, and nothing is paid twice or lost.

use std::rc::Rc;

use semper_shared::foundation::{Code, Coded};
use semper_shared::items::payment::ecash::EcashPayer;
use semper_shared::security::Signer as _;

use super::life::buy;
use super::market::{MINT, cents};
use super::world::{Fate, Here, TestRng, World, run};
use crate::core::{Progress, Wallet, WalletError, Words};

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
const CASH: u64 = 40;

/// Two stores, and one market that is where it is asked.
struct Devices {
    worlds: [Rc<World>; 2],
    at: usize,
}

impl Devices {
    /// The first has money.
    fn new() -> Self {
        Self::funded(&[CASH])
    }

    /// The first has money, by so many top-ups.
    fn funded(top_ups: &[u64]) -> Self {
        let first = World::new();
        first.market.borrow_mut().account_minor = 1_000_000;
        run(async {
            let mut wallet = first.wallet();
            wallet.create(&Words::parse(WORDS).unwrap(), "pass").await.unwrap();
            for minor in top_ups {
                wallet.add_cash(MINT, cents(*minor), Progress::none()).await.unwrap();
            }
        })
        .unwrap();
        let second = first.elsewhere();
        Self { worlds: [first, second], at: 1 }
    }

    fn world(&mut self, device: usize) -> Rc<World> {
        if self.at != device {
            self.worlds[0].market.swap(&self.worlds[1].market);
            self.worlds[device].set_now(self.worlds[self.at].now());
            self.at = device;
        }
        Rc::clone(&self.worlds[device])
    }

    fn wallet(&mut self, device: usize) -> Wallet<Here> {
        let mut wallet = self.world(device).wallet();
        run(wallet.unlock("pass")).unwrap().unwrap();
        wallet
    }

    fn restore(&mut self, device: usize) -> u64 {
        let mut wallet = self.world(device).wallet();
        let words = Words::parse(WORDS).unwrap();
        run(wallet.restore(&words, "pass", &[MINT.to_owned()], Progress::none())).unwrap().unwrap().balance["EUR"]
    }

    fn balance(&mut self, device: usize) -> u64 {
        let mut wallet = self.wallet(device);
        run(wallet.balance()).unwrap().unwrap().get("EUR").copied().unwrap_or(0)
    }

    fn deposited(&self) -> u64 {
        self.worlds[self.at].market.borrow().mint.deposited_minor
    }

    /// What the mint owes to whoever has the words.
    fn owed(&self) -> u64 {
        let market = self.worlds[self.at].market.borrow();
        market.mint.outstanding_minor + market.mint.reserves_minor()
    }
}

#[test]
fn who_restores_has_the_money_and_the_other_stops() {
    let mut devices = Devices::new();
    assert_eq!(devices.restore(1), CASH);
    let mut old = devices.wallet(0);
    run(async {
        // It does not know yet: what it tries is refused, paid by nobody, and proved by nobody's name.
        assert_eq!(buy(&mut old).await.unwrap_err().code(), Code::COIN_ALREADY_SPENT);
        assert!(old.is_taken_over().unwrap());
        // Now it does, also after a restart.
        assert_eq!(buy(&mut old).await.unwrap_err(), WalletError::TakenOver);
        assert_eq!(old.add_cash(MINT, cents(1), Progress::none()).await.unwrap_err(), WalletError::TakenOver);
        assert_eq!(old.refresh().await.unwrap_err(), WalletError::TakenOver);
        let waiting = old.resume(Progress::none()).await.unwrap().waiting;
        assert_eq!(waiting[0].code, "wallet-taken-over");
    })
    .unwrap();
    assert_eq!(run(async { buy(&mut devices.wallet(0)).await }).unwrap().unwrap_err(), WalletError::TakenOver);
    assert_eq!(devices.deposited(), 0);
    run(async { buy(&mut devices.wallet(1)).await }).unwrap().unwrap();
    assert_eq!(devices.balance(1), CASH - 5);

    // And back: the first takes over again.
    let mut first = devices.wallet(0);
    run(first.take_over(Progress::none())).unwrap().unwrap();
    assert_eq!(devices.balance(0), CASH - 5);
    run(async { buy(&mut devices.wallet(0)).await }).unwrap().unwrap();
    assert_eq!(run(async { buy(&mut devices.wallet(1)).await }).unwrap().unwrap_err().code(), Code::COIN_ALREADY_SPENT);
    assert_eq!(devices.deposited(), 10);
    assert_eq!(devices.owed(), CASH - 10);
}

/// A wallet whose words were restored elsewhere says so when it sends or pays a person, and nothing is lost by the attempt.
#[test]
fn who_was_taken_over_sends_nothing_and_says_why() {
    // Less than the coins of this mint are good for.
    const OPEN_S: u64 = 600;
    for asked in [false, true] {
        let mut devices = Devices::new();
        let link = asked.then(|| {
            let here = devices.world(0);
            let there = here.elsewhere();
            let mut payee = there.wallet();
            let link = run(async {
                payee.create(&Words::make(&mut TestRng::new(5)).unwrap(), "pass").await.unwrap();
                payee.request_person(MINT, cents(9), "a share", OPEN_S).await.unwrap().link.unwrap()
            });
            here.market.swap(&there.market);
            link.unwrap()
        });
        assert_eq!(devices.restore(1), CASH);
        let mut old = devices.wallet(0);
        let tried = run(async {
            match &link {
                Some(link) => old.pay_link(link).await,
                None => old.send_person(cents(9), "a gift", OPEN_S).await,
            }
        });
        assert_eq!(tried.unwrap().unwrap_err(), WalletError::TakenOver);
        assert!(old.is_taken_over().unwrap());
        // Also after a restart.
        let mut old = devices.wallet(0);
        let again = run(old.send_person(cents(9), "a gift", OPEN_S)).unwrap();
        assert_eq!(again.unwrap_err(), WalletError::TakenOver);
        assert_eq!((devices.balance(1), devices.owed()), (CASH, CASH));
        // And back: the first has all of it, and can send.
        let mut first = devices.wallet(0);
        run(async {
            let resumed = first.take_over(Progress::none()).await.unwrap();
            assert_eq!(resumed.waiting, []);
            assert_eq!(first.balance().await.unwrap()["EUR"], CASH);
            first.send_person(cents(9), "a gift", OPEN_S).await.unwrap();
        })
        .unwrap();
        assert_eq!(devices.balance(0), CASH - 9);
    }
}

#[test]
fn a_backup_that_is_imported_while_the_first_device_goes_on_takes_over() {
    let mut devices = Devices::new();
    let backup = run(async { devices.wallet(0).export_backup("backup").await }).unwrap().unwrap();
    run(async { buy(&mut devices.wallet(0)).await }).unwrap().unwrap();
    let world = devices.world(1);
    run(async {
        let mut wallet = world.wallet();
        wallet.import_backup(&backup, "backup", "pass").await.unwrap();
        buy(&mut wallet).await.unwrap();
        assert_eq!(wallet.balance().await.unwrap()["EUR"], CASH - 10);
    })
    .unwrap();
    let mut old = devices.wallet(0);
    run(async {
        let error = buy(&mut old).await.unwrap_err();
        assert!([Code::COIN_ALREADY_SPENT, Code::WALLET_TAKEN_OVER].contains(&error.code()), "{error}");
        assert!(old.is_taken_over().unwrap());
    })
    .unwrap();
    assert_eq!(devices.deposited(), 10);
}

/// Both exchange the same coin at once, each unaware of the other: one gets what came of it.
#[test]
fn two_devices_never_hold_the_same_new_coins() {
    let mut devices = Devices::new();
    let backup = run(async {
        let mut wallet = devices.wallet(0);
        buy(&mut wallet).await.unwrap();
        wallet.export_backup("backup").await.unwrap()
    })
    .unwrap();
    let world = devices.world(1);
    run(async {
        let mut copy = world.wallet();
        copy.import_backup(&backup, "backup", "pass").await.unwrap();
        copy.resume(Progress::none()).await.unwrap();
    })
    .unwrap();
    let mut first = devices.wallet(0);
    assert_eq!(run(first.refresh()).unwrap().unwrap_err(), WalletError::TakenOver);
    assert_eq!(devices.balance(1), CASH - 5);
}

/// Both add cash, each unaware of the other, and so into the same reserve.
#[test]
fn money_that_both_devices_add_is_there_for_the_one_that_takes_over() {
    let mut devices = Devices::new();
    devices.restore(1);
    for device in [0, 1] {
        let mut wallet = devices.wallet(device);
        let _ = run(wallet.add_cash(MINT, cents(8), Progress::none())).unwrap();
    }
    // The second found what the first had withdrawn, and stopped before it asked for a transfer.
    assert_eq!(devices.owed(), CASH + 8);
    let mut wallet = devices.wallet(1);
    run(wallet.take_over(Progress::none())).unwrap().unwrap();
    assert_eq!(devices.balance(1), CASH + 8);
}

fn is_pending(wallet: &Wallet<Here>, reserve: u32) -> bool {
    let mut reserves = wallet.state().unwrap().payer.purse().mints.values().flat_map(|held| &held.reserves);
    reserves.any(|known| known.index == reserve && known.pending.is_some())
}

/// Both gather at once, each coins that the other does not know of, into the reserve of the same number; between the two the
/// mint begins to issue other denominations, and the reserve is filled once more. Wherever the first is cut off, no two coins get
/// the same number, and the one that takes over has everything.
#[test]
fn two_devices_that_gather_into_one_reserve_lose_nothing() {
    const ALL: u64 = 17 * 128 + 256 + 256;
    const RESERVE: u32 = 20;
    let prepare = || {
        let mut devices = Devices::funded(&[128; 17]);
        assert_eq!(devices.restore(1), 17 * 128);
        let mut second = devices.wallet(1);
        run(async {
            // What it waits for takes the numbers that the first will have used.
            for _ in 0..3 {
                second.request_person(MINT, cents(1), "", 5_000).await.unwrap();
            }
        })
        .unwrap();
        let mut first = devices.wallet(0);
        run(async {
            for minor in [127, 127, 2] {
                first.add_cash(MINT, cents(minor), Progress::none()).await.unwrap();
            }
        })
        .unwrap();
        devices
    };
    let (mut cut, mut planned_apart) = (0, 0);
    loop {
        let mut devices = prepare();
        let world = devices.world(0);
        let mut first = devices.wallet(0);
        world.set_fates(move |event| if event == cut { Fate::DiesBefore } else { Fate::Good });
        let ended = run(first.refresh()).is_some();
        world.set_fates(|_| Fate::Good);
        drop(first);
        world.advance(850);
        let here = devices.world(1);
        let mut second = devices.wallet(1);
        let result = run(second.refresh()).unwrap();
        assert!(matches!(result, Ok(()) | Err(WalletError::TakenOver)), "cut off at {cut}: {result:?}");
        {
            let mut market = here.market.borrow_mut();
            let payer = EcashPayer::new(Words::parse(WORDS).unwrap().seed());
            let reserve = payer.reserve_key(&market.mint.signer.public_key().thumbprint(), RESERVE);
            market.mint.fund(&reserve.public_key().to_text(), 256);
        }
        let mut first = devices.wallet(0);
        planned_apart += u32::from(is_pending(&first, RESERVE));
        let result = run(first.refresh()).unwrap();
        assert_eq!(result, Err(WalletError::TakenOver), "cut off at {cut}");
        let resumed = run(first.take_over(Progress::none())).unwrap().unwrap();
        assert!(resumed.waiting.is_empty(), "cut off at {cut}: {:?}", resumed.waiting);
        assert_eq!(devices.balance(0), ALL, "cut off at {cut}");
        assert_eq!(devices.owed(), ALL, "cut off at {cut}");
        if ended {
            break;
        }
        cut += 1;
    }
    assert!(cut >= 6 && planned_apart >= 1, "{cut} events, {planned_apart} with a plan of its own");
}

/// Whatever two devices do, in whatever order: what was paid was delivered, nothing is paid twice, and the one that takes over
/// in the end has all that the mint owes.
#[test]
fn any_order_of_what_two_devices_do_loses_nothing() {
    let seeds = std::env::var("SEMPER_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        let mut devices = Devices::new();
        devices.restore(1);
        let mut rng = TestRng::new(seed);
        let (mut added, mut bought) = (CASH, 0);
        let account = devices.worlds[devices.at].market.borrow().account_minor;
        for step in 0..14 {
            let device = usize::from(rng.next().is_multiple_of(2));
            let what = rng.next() % 8;
            let mut wallet = devices.wallet(device);
            let world = devices.world(device);
            let result = run(async {
                match what {
                    0..3 => {
                        let result = buy(&mut wallet).await.map(|_| ());
                        bought += u64::from(result.is_ok());
                        result
                    }
                    3 => wallet.add_cash(MINT, cents(1 + rng.next() % 9), Progress::none()).await.map(|_| ()),
                    4 => wallet.refresh().await,
                    5 => wallet.resume(Progress::none()).await.map(|_| ()),
                    6 => wallet.take_over(Progress::none()).await.map(|_| ()),
                    _ => {
                        world.advance(900);
                        Ok(())
                    }
                }
            })
            .unwrap();
            if let Err(error) = result {
                let expected = [Code::COIN_ALREADY_SPENT, Code::WALLET_TAKEN_OVER, Code::FUNDS_INSUFFICIENT];
                assert!(expected.contains(&error.code()), "seed {seed}, step {step}: {error:?}");
            }
            assert_eq!(devices.deposited(), bought * 5, "seed {seed}, step {step}: paid is delivered");
        }
        added += account - devices.worlds[devices.at].market.borrow().account_minor;
        assert_eq!(devices.owed(), added - bought * 5, "seed {seed}: the mint owes the rest");
        let mut last = devices.wallet(0);
        run(async {
            last.take_over(Progress::none()).await.unwrap();
            last.resume(Progress::none()).await.unwrap();
        })
        .unwrap();
        assert_eq!(devices.balance(0), added - bought * 5, "seed {seed}: and who takes over has it");
        assert!(!run(async { devices.wallet(0).is_unfinished().await }).unwrap().unwrap());
    }
}
