//! Where records lie: the arithmetic between positions in the plaintext, records and positions in the stream.
//!
//! Every record but the last is full, so all of it follows from the size alone. Sizes are at most [`MAX_SIZE`]; beyond
//! it the results saturate and mean nothing.

use core::ops::Range;

/// The length of a record in the stream, but for the last one, which may be shorter.
pub const RECORD_SIZE: usize = 65_536;
/// How much plaintext a full record holds: all but its delimiter and its tag.
pub const PLAINTEXT_SIZE: usize = RECORD_SIZE - OVERHEAD;
/// The length of the stream's header: a salt of 16 bytes, the record size in four, and an empty key id.
pub const HEADER_LEN: usize = 21;
/// The most records that a content may have.
pub const MAX_RECORDS: u64 = 1 << 24;
/// The largest content, in bytes: just short of 1 TiB.
pub const MAX_SIZE: u64 = MAX_RECORDS * PLAINTEXT_U64;

pub(super) const OVERHEAD: usize = 1 + 16;

const PLAINTEXT_U64: u64 = PLAINTEXT_SIZE as u64;
const RECORD_U64: u64 = RECORD_SIZE as u64;
const HEADER_U64: u64 = HEADER_LEN as u64;
const OVERHEAD_U64: u64 = OVERHEAD as u64;

/// How many records a content of `size` bytes has; nothing at all is one empty record.
pub const fn record_count(size: u64) -> u64 {
    if size == 0 { 1 } else { size.div_ceil(PLAINTEXT_U64) }
}

/// The length of the stream that encrypts `size` bytes.
pub const fn ciphertext_len(size: u64) -> u64 {
    record_count(size).saturating_mul(OVERHEAD_U64).saturating_add(size).saturating_add(HEADER_U64)
}

/// The size of the content that a stream of `ciphertext_len` bytes encrypts, where there can be one.
pub fn plaintext_len(ciphertext_len: u64) -> Option<u64> {
    let records = ciphertext_len.checked_sub(HEADER_U64)?;
    let size = records.checked_sub(records.div_ceil(RECORD_U64).checked_mul(OVERHEAD_U64)?)?;
    (self::ciphertext_len(size) == ciphertext_len && size <= MAX_SIZE).then_some(size)
}

/// The record that holds the plaintext's byte at `position`.
pub const fn record_of(position: u64) -> u64 {
    position / PLAINTEXT_U64
}

/// Which bytes of a plaintext of `size` bytes record `index` holds; `None` where there is no such record.
pub fn plaintext_range(index: u64, size: u64) -> Option<Range<u64>> {
    let start = index.checked_mul(PLAINTEXT_U64)?;
    (index < record_count(size)).then(|| start..size.min(start.saturating_add(PLAINTEXT_U64)))
}

/// Which bytes of the stream record `index` is: what to ask for with `Range`. `None` where there is no such record.
pub fn ciphertext_range(index: u64, size: u64) -> Option<Range<u64>> {
    let start = index.checked_mul(RECORD_U64)?.checked_add(HEADER_U64)?;
    (index < record_count(size)).then(|| start..ciphertext_len(size).min(start.saturating_add(RECORD_U64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_one_empty_record() {
        assert_eq!((record_count(0), ciphertext_len(0)), (1, 38));
        assert_eq!(plaintext_range(0, 0), Some(0..0));
        assert_eq!(ciphertext_range(0, 0), Some(21..38));
        assert_eq!(plaintext_range(1, 0), None);
    }

    #[test]
    fn a_full_record_is_not_followed_by_an_empty_one() {
        assert_eq!(record_count(PLAINTEXT_U64), 1);
        assert_eq!(ciphertext_len(PLAINTEXT_U64), HEADER_U64 + RECORD_U64);
        assert_eq!(record_count(PLAINTEXT_U64 + 1), 2);
        assert_eq!(plaintext_len(HEADER_U64 + RECORD_U64 + OVERHEAD_U64), None, "an empty second record");
        assert_eq!(plaintext_len(37), None);
        assert_eq!(plaintext_len(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn lengths_invert(size in 0..=MAX_SIZE) {
            prop_assert_eq!(plaintext_len(ciphertext_len(size)), Some(size));
        }

        #[test]
        fn ranges_tile_plaintext_and_stream(size in 0_u64..400_000) {
            let (mut plain, mut stream) = (0, HEADER_U64);
            for index in 0..record_count(size) {
                let p = plaintext_range(index, size).ok_or(TestCaseError::fail("plaintext"))?;
                let c = ciphertext_range(index, size).ok_or(TestCaseError::fail("ciphertext"))?;
                prop_assert_eq!((p.start, c.start), (plain, stream));
                prop_assert_eq!(c.end - c.start, p.end - p.start + OVERHEAD_U64);
                for position in [p.start, p.end.saturating_sub(1)] {
                    prop_assert!(size == 0 || record_of(position) == index);
                }
                (plain, stream) = (p.end, c.end);
            }
            prop_assert_eq!((plain, stream), (size, ciphertext_len(size)));
            prop_assert_eq!(plaintext_range(record_count(size), size), None);
            prop_assert_eq!(ciphertext_range(record_count(size), size), None);
        }
    }
}
