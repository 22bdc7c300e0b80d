//! A wallet's ports into the simulated world: a disk that survives, a process that may die at any of its uses.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use semper_shared::foundation::UnixSeconds;
use semper_wallet::core::ports::{
    Change, Clock, Http, HttpError, HttpRequest, HttpResponse, NoSession, Ports, Store, StoreError, Stored,
};

use super::chance::Chance;
use super::network::{Fate, World};

/// What outlives the wallet's process.
#[derive(Default, Clone)]
pub(super) struct Disk {
    generation: u64,
    meta: Option<Vec<u8>>,
    records: BTreeMap<String, Vec<u8>>,
}

/// One process of a wallet.
pub(super) struct SimPorts {
    pub(super) world: Rc<RefCell<World>>,
    pub(super) disk: Rc<RefCell<Disk>>,
    /// Which customer's.
    customer: usize,
    /// How far its clock is ahead, in seconds.
    ahead: u64,
    dead: Cell<bool>,
}

impl SimPorts {
    pub(super) fn new(world: &Rc<RefCell<World>>, disk: &Rc<RefCell<Disk>>, customer: usize, ahead: u64) -> Self {
        Self { world: Rc::clone(world), disk: Rc::clone(disk), customer, ahead, dead: Cell::new(false) }
    }

    /// Whether the process has died: it must be dropped, and another started.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.get()
    }

    /// Perhaps the process dies here.
    fn dies(&self) -> bool {
        let mut world = self.world.borrow_mut();
        let crash = world.weather.crash;
        if world.happens(crash) {
            self.dead.set(true);
        }
        self.dead.get()
    }
}

impl Http for SimPorts {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        if self.dies() {
            return Err(HttpError::Unreachable);
        }
        let answer = self.world.borrow_mut().send(self.customer, request);
        if self.dies() { Err(HttpError::Unreachable) } else { answer }
    }
}

impl Store for SimPorts {
    async fn load(&self, known: Option<u64>) -> Result<Option<Stored>, StoreError> {
        if self.dead.get() {
            return Err(StoreError::Failed("the process is dead".to_owned()));
        }
        let disk = self.disk.borrow();
        let stored = || Stored {
            generation: disk.generation,
            meta: disk.meta.clone(),
            records: disk.records.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        };
        Ok((known != Some(disk.generation)).then(stored))
    }

    async fn commit(&self, change: Change) -> Result<u64, StoreError> {
        let died = || StoreError::Failed("the process is dead".to_owned());
        if self.dies() {
            return Err(died());
        }
        let fate = self.world.borrow_mut().fate();
        let failed = || StoreError::Failed("the disk is full".to_owned());
        if matches!(fate, Fate::Full | Fate::Fails) {
            return Err(failed());
        }
        let mut disk = self.disk.borrow_mut();
        if change.expected_generation != disk.generation {
            return Err(StoreError::Conflict);
        }
        disk.generation += 1;
        disk.meta = change.meta.or(disk.meta.take());
        disk.records.extend(change.puts);
        for key in change.deletes {
            disk.records.remove(&key);
        }
        let generation = disk.generation;
        drop(disk);
        if fate == Fate::Unknown {
            return Err(failed());
        }
        if self.dies() { Err(died()) } else { Ok(generation) }
    }
}

impl Clock for SimPorts {
    fn now(&self) -> UnixSeconds {
        self.world.borrow().now.plus(self.ahead)
    }

    async fn sleep(&self, ms: u32) {
        let mut world = self.world.borrow_mut();
        world.now = world.now.plus(u64::from(ms) / 1000 + 1);
    }
}

impl Ports for SimPorts {
    type Http = Self;
    type Store = Self;
    type Clock = Self;
    type Session = NoSession;
    type Rng = Chance;

    fn http(&self) -> &Self {
        self
    }

    fn store(&self) -> &Self {
        self
    }

    fn clock(&self) -> &Self {
        self
    }

    fn session(&self) -> &NoSession {
        &NoSession
    }

    fn rng(&self) -> Chance {
        let mut world = self.world.borrow_mut();
        Chance::new(world.chance.below(u64::MAX))
    }
}
