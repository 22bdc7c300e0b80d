//! The threads that read.

use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

use super::link::Link;
use super::session::Connected;
use super::trouble::Trouble;
use crate::store::StoreError;
use crate::store::sql::seam::{Access, Job};

/// How often a reader's work is begun anew before it is answered as busy.
const ATTEMPTS: u32 = 3;

pub(super) type Queue = Arc<Mutex<mpsc::Receiver<(Access, Box<dyn Job>)>>>;

pub(super) struct Reader {
    pub(super) runtime: Runtime,
    pub(super) link: Link,
    pub(super) queue: Queue,
}

impl Reader {
    /// Works until the queue is closed and empty.
    pub(super) fn work(mut self) {
        loop {
            let next = {
                let Self { runtime, link, queue } = &mut self;
                runtime.block_on(async {
                    tokio::select! {
                        biased;
                        job = async { queue.lock().await.recv().await } => Some(job),
                        () = link.disturbed() => None,
                    }
                })
            };
            match next {
                Some(None) => return,
                Some(Some((access, mut job))) => {
                    let done = self.read(access, &mut *job);
                    job.finish(done);
                }
                None => drop(self.link.live(&self.runtime).map(|_| ())),
            }
        }
    }

    fn read(&mut self, access: Access, job: &mut dyn Job) -> Result<(), StoreError> {
        let mut answer = Err(StoreError::Busy);
        for _ in 0..ATTEMPTS {
            match self.attempt(access, job)? {
                None => return Ok(()),
                Some(Trouble::Conflict(_)) => answer = Err(StoreError::Busy),
                Some(Trouble::Lost(cause)) => {
                    self.link.drop_connection();
                    answer = Err(StoreError::Unavailable(cause));
                }
            }
        }
        answer
    }

    fn attempt(&mut self, access: Access, job: &mut dyn Job) -> Result<Option<Trouble>, StoreError> {
        let live = self.link.live(&self.runtime)?;
        let before = match access {
            Access::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            _ => "",
        };
        let mut session = Connected::new(&self.runtime, live, before);
        job.run(&mut session);
        let trouble = session.take_trouble();
        // Nothing was changed, so it does not matter how it ends; a connection that cannot end it is given up.
        if session.begun() && session.end("ROLLBACK").is_err() {
            self.link.drop_connection();
        }
        Ok(trouble)
    }
}
