//! The template of a payment module: it settles every bill at once and moves no money.
//!
//! Copy this folder to begin a module of your own; nothing else needs to change. It is for tests and for builds that say
//! so: a merchant that registers it gives its goods away.
//!
//! ```
//! use semper_shared::foundation::{Amount, Currency, Digest, UnixSeconds};
//! use semper_shared::items::payment::dummy::{DummyPayee, DummyPayer};
//! use semper_shared::items::payment::{Bill, ErasedPayer, Registry, Step};
//! # use rand_core::UnwrapErr;
//! # let mut rng = UnwrapErr(getrandom::SysRng);
//!
//! let total = Amount::parse_decimal("3.20", Currency::EUR)?;
//! let bill = Bill { deal: Digest::of(b"deal"), payee: Digest::of(b"shop"), total, refund_by: UnixSeconds(0) };
//! let merchant = Registry::new().with(DummyPayee);
//! let mut wallet: Box<dyn ErasedPayer> = Box::new(DummyPayer);
//!
//! let payment = wallet.pay(&bill, &merchant.acceptances()[0], UnixSeconds(0), &mut rng)?;
//! assert!(matches!(merchant.check(&bill, &payment, UnixSeconds(0))?, Step::Settled(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod messages;
mod payee;
mod payer;

pub use messages::{Parameters, Promise};
pub use payee::DummyPayee;
pub use payer::DummyPayer;

const ID: &str = "dummy";
const VERSION: u32 = 1;
