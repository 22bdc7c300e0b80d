#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::time::Instant;

use semper_shared::foundation::Digest;
use semper_shared::security::blinding::{self, BlindingSecrets};
use semper_shared::security::sealing::{Agree as _, Ephemeral, Purpose, open, seal};
use semper_shared::security::{Portable, PublicKey, Signer, SigningKey, Verifier};

use super::*;

#[test]
fn native_and_portable_read_each_other_s_signatures() {
    let native = Native::new().unwrap();
    for round in 0_u8..20 {
        let signer = NativeSigner::make().unwrap();
        let message = vec![round; usize::from(round) * 7];
        for signature in [signer.sign(&message), signer.portable().sign(&message)] {
            assert!(native.es256(signer.public_key(), &message, &signature));
            assert!(Portable.es256(signer.public_key(), &message, &signature));
        }
    }
}

#[test]
fn what_is_sealed_with_either_agreement_opens() {
    let native = Native::new().unwrap();
    let deal = Digest::of(b"deal");
    let mut seen = Vec::new();
    for round in 0_u8..50 {
        let recipient = SigningKey::make(&mut system_rng());
        let key = recipient.public_key();
        let natively = seal(Purpose::ContentKey, &deal, key, &[round; 16], &mut &native).unwrap();
        let portably = seal(Purpose::ContentKey, &deal, key, &[round; 16], &mut system_rng()).unwrap();
        for sealed in [natively, portably] {
            assert_eq!(open(Purpose::ContentKey, &deal, &recipient, &sealed).unwrap(), [round; 16]);
            assert!(!seen.contains(&sealed[..65].to_vec()), "an ephemeral key is never used twice");
            seen.push(sealed[..65].to_vec());
        }
        let Ephemeral { public, shared } = (&native).agree(key).unwrap();
        assert_eq!(recipient.diffie_hellman(&PublicKey::from_sec1(&public).unwrap()), shared);
    }
}

#[test]
fn native_and_portable_refuse_the_same() {
    let native = Native::new().unwrap();
    let key = SigningKey::make(&mut system_rng());
    let other = SigningKey::make(&mut system_rng());
    let good = key.sign(b"message");
    let order =
        openssl::bn::BigNum::from_hex_str("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551").unwrap();
    let s = openssl::bn::BigNum::from_slice(&good[32..]).unwrap();
    let mirrored = [&good[..32], &(&order - &s).to_vec_padded(32).unwrap()].concat();
    let beyond_order = [&[0xff; 32], &good[32..]].concat();
    let cases: [(&PublicKey, &[u8], &[u8]); 7] = [
        (key.public_key(), b"message", &good),
        (key.public_key(), b"message", &mirrored),
        (key.public_key(), b"other", &good),
        (other.public_key(), b"message", &good),
        (key.public_key(), b"message", &[0; 64]),
        (key.public_key(), b"message", &beyond_order),
        (key.public_key(), b"message", &[&good[..32], &[0; 32]].concat()),
    ];
    for (index, (key, message, signature)) in cases.into_iter().enumerate() {
        let signature = signature.try_into().unwrap();
        let verdict = native.es256(key, message, signature);
        assert_eq!(verdict, Portable.es256(key, message, signature), "case {index}");
        assert_eq!(verdict, index < 2, "case {index}");
    }
}

#[test]
fn a_key_survives_its_pem() {
    let signer = NativeSigner::make().unwrap();
    let again = NativeSigner::from_pem(&signer.to_pem().unwrap()).unwrap();
    assert_eq!(signer.public_key(), again.public_key());
    assert!(NativeSigner::from_pem(b"-----BEGIN PRIVATE KEY-----").is_err());
    let wrong_curve =
        openssl::ec::EcKey::generate(&openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::SECP256K1).unwrap())
            .unwrap();
    let wrong_curve = openssl::pkey::PKey::from_ec_key(wrong_curve).unwrap().private_key_to_pem_pkcs8().unwrap();
    assert_eq!(NativeSigner::from_pem(&wrong_curve).err(), Some(CryptoError::Key));
}

#[test]
fn signs_blind_what_the_client_unblinds() {
    let signer = BlindSigner::make().unwrap();
    let again = BlindSigner::from_der(&signer.to_der().unwrap()).unwrap();
    let key = again.public_key();
    let factor = {
        let mut factor = [0x5a; 256];
        factor[0] = 0;
        factor
    };
    let secrets = BlindingSecrets::from_parts([7; 48], factor);
    let blinded = blinding::blind(key, b"a coin", &secrets).unwrap();
    let signature = blinding::unblind(key, b"a coin", &again.sign(&blinded).unwrap(), &secrets).unwrap();
    let native = Native::new().unwrap();
    let mut broken = signature;
    broken[100] ^= 1;
    for (message, signature, expect) in [
        (&b"a coin"[..], &signature[..], true),
        (b"a pound", &signature, false),
        (b"a coin", &broken, false),
        (b"a coin", &signature[1..], false),
    ] {
        assert_eq!(native.rsa_pss(key, message, signature), expect);
        assert_eq!(Portable.rsa_pss(key, message, signature), expect);
    }
}

#[test]
fn the_raw_operation_takes_numbers_below_the_modulus_only() {
    let signer = BlindSigner::make().unwrap();
    assert_eq!(signer.sign(&[0; 256]), Err(CryptoError::Input));
    assert_eq!(signer.sign(&[0xff; 256]), Err(CryptoError::Input));
    assert_eq!(signer.sign(signer.public_key().modulus()), Err(CryptoError::Input));
    let mut one = [0; 256];
    one[255] = 1;
    assert_eq!(signer.sign(&one), Ok(one));
}

/// Prints what an operation costs: `cargo nextest run -p semper-server costs --run-ignored all --no-capture`.
#[test]
#[ignore = "a measurement"]
fn costs() {
    let native = Native::new().unwrap();
    let signer = NativeSigner::make().unwrap();
    let blind = BlindSigner::make().unwrap();
    let signature = signer.sign(b"message");
    let input = [0x11; 256];
    let raw = blind.sign(&input).unwrap();
    let measure = |name: &str, rounds: u32, operation: &dyn Fn()| {
        let started = Instant::now();
        (0..rounds).for_each(|_| operation());
        eprintln!("{name}: {:?}", started.elapsed() / rounds);
    };
    measure("ES256 sign", 5_000, &|| assert!(signer.sign(b"message") != [0; 64]));
    measure("ES256 verify", 5_000, &|| assert!(native.es256(signer.public_key(), b"message", &signature)));
    measure("ES256 verify, portable", 500, &|| assert!(Portable.es256(signer.public_key(), b"message", &signature)));
    let deal = Digest::of(b"deal");
    measure("seal", 5_000, &|| {
        seal(Purpose::ContentKey, &deal, signer.public_key(), &[1; 16], &mut &native).unwrap();
    });
    measure("seal, portable", 500, &|| {
        seal(Purpose::ContentKey, &deal, signer.public_key(), &[1; 16], &mut system_rng()).unwrap();
    });
    measure("RSA private, checked", 1_000, &|| assert!(blind.sign(&input) == Ok(raw)));
    measure("RSA-PSS verify", 5_000, &|| assert!(!native.rsa_pss(blind.public_key(), b"a", &raw)));
    measure("RSA-PSS verify, portable", 500, &|| assert!(!Portable.rsa_pss(blind.public_key(), b"a", &raw)));
}
