//! Project Wycheproof's sets: what an attacker would try on signatures and key agreement.
#![allow(clippy::unwrap_used)]

use semper_shared::security::blinding::{self, RsaPublicKey};
use semper_shared::security::{Portable, PublicKey, SigningKey, Verifier as _};
use wycheproof::TestResult;

/// ES256 accepts what the set calls valid, and nothing else.
#[test]
fn ecdsa_p256_sha256_p1363() {
    let set = wycheproof::ecdsa::TestSet::load(wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut run = 0;
    for group in &set.test_groups {
        let key = PublicKey::from_sec1(&group.key.key).unwrap();
        for test in &group.tests {
            let verifies = <[u8; 64]>::try_from(test.sig.as_slice())
                .is_ok_and(|signature| Portable.es256(&key, &test.msg, &signature));
            assert_eq!(verifies, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            run += 1;
        }
    }
    assert!(run > 200, "{run} tests");
}

/// A point off the curve is no key, and what is a key agrees as the set says.
#[test]
fn ecdh_p256() {
    let set = wycheproof::ecdh::TestSet::load(wycheproof::ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    let mut run = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            let mut scalar = [0; 32];
            let private = &test.private_key[test.private_key.len().saturating_sub(32)..];
            scalar[32 - private.len()..].copy_from_slice(private);
            let agreed = PublicKey::from_sec1(&test.public_key)
                .and_then(|public| Ok(SigningKey::from_bytes(&scalar)?.diffie_hellman(&public)))
                .is_ok_and(|shared| shared.as_slice() == test.shared_secret.as_slice());
            assert_eq!(agreed, test.result != TestResult::Invalid, "{}: {}", test.tc_id, test.comment);
            run += 1;
        }
    }
    assert!(run > 200, "{run} tests");
}

/// Unblinded signatures are RSASSA-PSS: accepts what the set calls valid, and nothing else.
#[test]
fn rsa_pss_2048_sha384_salt_48() {
    let name = wycheproof::rsa_pss_verify::TestName::RsaPss2048Sha384Mgf1SaltLen48;
    let set = wycheproof::rsa_pss_verify::TestSet::load(name).unwrap();
    let mut run = 0;
    for group in &set.test_groups {
        let modulus = group.key.n.as_slice();
        let key = RsaPublicKey::from_modulus(modulus.strip_prefix(&[0]).unwrap_or(modulus)).unwrap();
        for test in &group.tests {
            let verifies = blinding::verify(&key, &test.msg, &test.sig).is_ok();
            assert_eq!(verifies, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            run += 1;
        }
    }
    assert!(run > 50, "{run} tests");
}
