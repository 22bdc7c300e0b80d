//! Statements as the store keeps them: base64url stands for bytes, and bytes are a quarter shorter.

use semper_shared::foundation::base64;

/// The text itself, where it is not three parts of base64url.
const TEXT: u8 = 0;
/// Three parts: the lengths of the first two in two bytes each, then all of their bytes.
const PARTS: u8 = 1;

/// Packs a compact JWS.
pub(super) fn pack(compact: &str) -> Vec<u8> {
    try_pack(compact).unwrap_or_else(|| [&[TEXT], compact.as_bytes()].concat())
}

fn try_pack(compact: &str) -> Option<Vec<u8>> {
    let mut parts = compact.split('.').map(base64::decode);
    let (header, payload, signature) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    let header_len = u16::try_from(header.len()).ok()?.to_be_bytes();
    let payload_len = u16::try_from(payload.len()).ok()?.to_be_bytes();
    Some([&[PARTS][..], &header_len, &payload_len, &header, &payload, &signature].concat())
}

/// Undoes [`pack`]; `None` for anything else.
pub(super) fn unpack(bytes: &[u8]) -> Option<String> {
    let (kind, rest) = bytes.split_first()?;
    match *kind {
        TEXT => String::from_utf8(rest.to_vec()).ok(),
        PARTS => {
            let (header_len, rest) = rest.split_first_chunk()?;
            let (payload_len, rest) = rest.split_first_chunk()?;
            let (header, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*header_len)))?;
            let (payload, signature) = rest.split_at_checked(usize::from(u16::from_be_bytes(*payload_len)))?;
            Some([header, payload, signature].map(base64::encode).join("."))
        }
        _ => None,
    }
}

/// Packs several into one: each with its length before it.
pub(super) fn pack_all(compacts: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    for compact in compacts {
        let packed = pack(compact);
        // Statements are at most 64 KiB, and packing adds five bytes.
        let length = u32::try_from(packed.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&packed);
    }
    out
}

/// Undoes [`pack_all`].
pub(super) fn unpack_all(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut compacts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (packed, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        compacts.push(unpack(packed)?);
        bytes = rest;
    }
    Some(compacts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_comes_back(texts: Vec<String>) {
            prop_assert_eq!(unpack_all(&pack_all(&texts)), Some(texts));
        }

        #[test]
        fn statements_come_back_shorter(header: Vec<u8>, payload: Vec<u8>, signature: [u8; 32]) {
            let compact = [&header[..], &payload, &signature].map(base64::encode).join(".");
            let packed = pack(&compact);
            prop_assert!(packed.len() < compact.len());
            prop_assert_eq!(unpack(&packed), Some(compact));
        }

        #[test]
        fn rubbish_is_refused_without_panic(bytes: Vec<u8>) {
            let _any = (unpack(&bytes), unpack_all(&bytes));
        }
    }
}
