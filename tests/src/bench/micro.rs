//! Single operations on one core, with the server's native cryptography.

use std::hint::black_box;
use std::time::Instant;

use semper_server::crypto::{BlindSigner, Native, system_rng};
use semper_shared::foundation::Digest;
use semper_shared::items::payment::ecash::coin_message;
use semper_shared::security::blinding::{self, BlindingSecrets};
use semper_shared::security::{Seed, Signer, SigningKey, Verifier};
use serde::Serialize;

use crate::Outcome;

const REPETITIONS: u32 = 2_000;

/// Single operations.
#[derive(Debug, Default, Serialize)]
pub struct Micro {
    /// Verifying the mint's signature on a coin, in microseconds.
    pub rsa_verify_us: f64,
    /// Verifying a coin's signature on a permission, in microseconds.
    pub es256_verify_us: f64,
    /// Both.
    pub verify_us: f64,
    /// Blind signatures a second and core, each checked after it was made.
    pub issue_per_s_core: f64,
}

/// # Errors
/// Where an operation fails.
pub(super) fn measure() -> Outcome<Micro> {
    let native = Native::new()?;
    let issuer = BlindSigner::make()?;
    let coin = SigningKey::make(&mut system_rng());
    let message = coin_message(&Digest::of(b"denomination"), coin.public_key());
    let secrets = BlindingSecrets::derive(issuer.public_key(), &Seed::new([1; 32]))?;
    let blinded = blinding::blind(issuer.public_key(), &message, &secrets)?;
    let signature = blinding::unblind(issuer.public_key(), &message, &issuer.sign(&blinded)?, &secrets)?;
    let permission = coin.sign(&message);

    let rsa_verify_us = us_each(|| black_box(native.rsa_pss(issuer.public_key(), &message, &signature)))?;
    let es256_verify_us = us_each(|| black_box(native.es256(coin.public_key(), &message, &permission)))?;
    let issue_us = us_each(|| issuer.sign(black_box(&blinded)).is_ok())?;
    Ok(Micro {
        rsa_verify_us,
        es256_verify_us,
        verify_us: rsa_verify_us + es256_verify_us,
        issue_per_s_core: 1e6 / issue_us,
    })
}

fn us_each(mut operation: impl FnMut() -> bool) -> Outcome<f64> {
    let begun = Instant::now();
    for _ in 0..REPETITIONS {
        if !operation() {
            return Err("an operation failed".into());
        }
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(REPETITIONS))
}
