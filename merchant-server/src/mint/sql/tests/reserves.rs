//! What is withdrawn from a reserve, by wallets that do not know of each other.

use super::*;

on_every_database!(coins_are_numbered_on_from_all_before,);

/// Of several at once that number their coins alike, one is first; who knows of it goes on from there.
async fn coins_are_numbered_on_from_all_before(place: Place) {
    let stores = replicas(&place).await;
    let store = stores[0].clone();
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    funded(&store, 20 * VALUE).await;
    let new = |number: u64, first: Option<u32>| NewWithdrawal {
        digest: digest(b'w', number),
        reserve: key(b'r', 1),
        amount: VALUE,
        fee: 0,
        requested_at: UnixSeconds(1),
        day: None,
        first,
        batch: planchet(number),
        signatures: number.to_be_bytes().to_vec(),
        proof: Proof::Signature([1; 64]),
    };
    let asked = both_at_once(&stores, |store, task| {
        let new = new(u64::try_from(task).unwrap(), Some(0));
        Box::pin(async move { store.withdraw(new).await })
    });
    let asked = asked.await;
    let winner = asked.iter().position(Result::is_ok).unwrap();
    for (task, result) in asked.iter().enumerate() {
        assert!(task == winner || matches!(result, Err(LedgerError::Conflict(_))), "{task}: {result:?}");
    }
    assert_eq!(store.balance(key(b'r', 1)).await.unwrap(), Some(19 * VALUE), "what was refused took nothing");

    assert!(store.withdraw(new(20, Some(1))).await.is_ok());
    for first in [0, 1, 3, u32::MAX] {
        assert!(matches!(store.withdraw(new(21, Some(first))).await, Err(LedgerError::Conflict(_))), "{first}");
    }
    assert!(store.withdraw(new(22, None)).await.is_ok(), "an earlier version does not say what it knows of");
    assert!(store.withdraw(new(23, Some(3))).await.is_ok());
    // What was signed is answered the same, whoever has withdrawn since.
    let again = store.withdraw(new(20, Some(1))).await.unwrap();
    assert_eq!(again, 20_u64.to_be_bytes());
    assert_eq!(store.balance(key(b'r', 1)).await.unwrap(), Some(16 * VALUE));
}
