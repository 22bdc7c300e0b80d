//! Work on all cores.

use std::thread;

use crate::Outcome;

/// Does the same with each item; the results stand in the items' order.
///
/// # Errors
/// The first one.
pub(super) fn each<I: Sync, O: Send>(items: &[I], work: impl Fn(&I) -> Outcome<O> + Sync) -> Outcome<Vec<O>> {
    let share = items.len().div_ceil(thread::available_parallelism().map_or(1, usize::from)).max(1);
    let work = &work;
    let parts: Vec<Outcome<Vec<O>>> = thread::scope(|scope| {
        let workers: Vec<_> = items
            .chunks(share)
            .map(|items| scope.spawn(move || items.iter().map(work).collect::<Outcome<Vec<_>>>()))
            .collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined.map(|part| part.unwrap_or_else(|_| Err("a thread panicked".into()))).collect()
    });
    Ok(parts.into_iter().collect::<Outcome<Vec<_>>>()?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn results_keep_their_order() {
        let items: Vec<u32> = (0..101).collect();
        let doubled: Vec<u32> = items.iter().map(|item| item * 2).collect();
        assert_eq!(each(&items, |item| Ok(item * 2)).unwrap(), doubled);
        assert!(each(&items, |item| if *item == 77 { Err("no".into()) } else { Ok(()) }).is_err());
        assert!(each(&[], |_: &u32| Ok(())).unwrap().is_empty());
    }
}
