//! Secrets wipe themselves when they are dropped, and show themselves nowhere.
#![allow(missing_docs)]

use semper_shared::items::information::ContentKey;
use semper_shared::items::payment::ecash::CoinSecret;
use semper_shared::security::blinding::BlindingSecrets;
use semper_shared::security::{Seed, SigningKey};
use zeroize::ZeroizeOnDrop;

/// A secret type that stops wiping itself does not compile here.
const fn wipes_itself<T: ZeroizeOnDrop>() {}

const _: () = {
    wipes_itself::<Seed>();
    wipes_itself::<SigningKey>();
    wipes_itself::<CoinSecret>();
    wipes_itself::<ContentKey>();
    wipes_itself::<BlindingSecrets>();
};

#[test]
fn secrets_show_themselves_nowhere() {
    let bytes = [0xa7; 32];
    let seed = Seed::new(bytes);
    let coin = CoinSecret::from_seed(seed.clone());
    let shown = [
        format!("{seed:?}"),
        format!("{coin:?}"),
        format!("{:?}", coin.key()),
        format!("{:?}", ContentKey::from_bytes([0xa7; 16])),
        format!("{:?}", SigningKey::from_bytes(&bytes)),
        format!("{:?}", BlindingSecrets::from_parts([0xa7; 48], [0xa7; 256])),
    ];
    for shown in shown {
        let told = shown.to_lowercase();
        assert!(["a7a7", "167, 167", "p6enp6"].iter().all(|secret| !told.contains(secret)), "{shown}");
        assert!(told.contains("secret") || told.contains("signingkey"), "{shown}");
    }
}
