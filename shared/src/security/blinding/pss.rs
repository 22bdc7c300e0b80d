//! EMSA-PSS (RFC 8017 section 9.1) with SHA-384, MGF1-SHA-384 and a salt of 48 bytes, for 2,048-bit moduli.

use sha2::{Digest, Sha384};
use subtle::ConstantTimeEq;

use super::MODULUS_LEN;

pub(super) const SALT_LEN: usize = 48;
const HASH_LEN: usize = 48;
const MASKED_LEN: usize = MODULUS_LEN - HASH_LEN - 1;
const TRAILER: u8 = 0xbc;

/// Encodes into 2,047 bits, so the first bit of the result is always clear.
pub(super) fn encode(message: &[u8], salt: &[u8; SALT_LEN]) -> [u8; MODULUS_LEN] {
    let mut out = [0; MODULUS_LEN];
    let hash = salted_hash(message, salt);
    let (masked, rest) = out.split_at_mut(MASKED_LEN);
    masked[MASKED_LEN - SALT_LEN - 1] = 0x01;
    masked[MASKED_LEN - SALT_LEN..].copy_from_slice(salt);
    mask(masked, &hash);
    masked[0] &= 0x7f;
    rest[..HASH_LEN].copy_from_slice(&hash);
    rest[HASH_LEN] = TRAILER;
    out
}

/// Whether `encoded` encodes `message` with some salt of 48 bytes.
pub(super) fn verify(message: &[u8], encoded: &[u8; MODULUS_LEN]) -> bool {
    let (masked, rest) = encoded.split_at(MASKED_LEN);
    let (hash, trailer) = rest.split_at(HASH_LEN);
    if trailer != [TRAILER] || masked[0] & 0x80 != 0 {
        return false;
    }
    let mut block = [0; MASKED_LEN];
    block.copy_from_slice(masked);
    mask(&mut block, hash);
    block[0] &= 0x7f;
    let (padding, salt) = block.split_at(MASKED_LEN - SALT_LEN);
    let (zeros, one) = padding.split_at(padding.len() - 1);
    let padded = zeros.iter().all(|byte| *byte == 0) && one == [0x01];
    padded && bool::from(salted_hash(message, salt).ct_eq(hash))
}

fn salted_hash(message: &[u8], salt: &[u8]) -> [u8; HASH_LEN] {
    let message_hash = Sha384::digest(message);
    Sha384::new().chain_update([0; 8]).chain_update(message_hash).chain_update(salt).finalize().into()
}

/// XORs MGF1 of `seed` into `block`.
fn mask(block: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0_u32..).zip(block.chunks_mut(HASH_LEN)) {
        let stream = Sha384::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        for (byte, key) in chunk.iter_mut().zip(stream) {
            *byte ^= key;
        }
    }
}
