//! A job with its types, and the way back to its caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::Tx;
use super::seam::{Job, Session};
use crate::store::StoreError;

enum State<R> {
    Waiting,
    Done(R),
    Panicked,
}

pub(super) struct Call<F, T, E> {
    work: F,
    state: State<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Call<F, T, E> {
    pub(super) fn new(work: F, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Self { work, state: State::Waiting, reply }
    }
}

impl<F, T, E> Job for Call<F, T, E>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, session: &mut dyn Session) -> bool {
        match catch_unwind(AssertUnwindSafe(|| (self.work)(&mut Tx::new(session)))) {
            Ok(result) => {
                let keep = result.is_ok();
                self.state = State::Done(result);
                keep
            }
            Err(_) => {
                self.state = State::Panicked;
                false
            }
        }
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.state) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), State::Done(result)) => result,
            (Ok(()), State::Panicked) => Err(StoreError::Panicked.into()),
            (Ok(()), State::Waiting) => Err(StoreError::Closed.into()),
        };
        // A caller that has gone away no longer wants to know.
        let _gone = self.reply.send(result);
    }
}
