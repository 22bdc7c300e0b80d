//! Content from one end to the other, and everything that may happen to it in between.

use proptest::prelude::*;

use super::*;
use crate::foundation::Digest;

type Tested = Result<(), Box<dyn std::error::Error>>;

fn key() -> ContentKey {
    ContentKey::from_bytes([7; KEY_LEN])
}

fn seal(content: &[u8], chunk: usize) -> Result<(Vec<u8>, Commitment), InformationError> {
    let mut sealer = Sealer::new(&key(), [9; SALT_LEN], "application/pdf".to_owned());
    let mut stream = Vec::new();
    for piece in content.chunks(chunk) {
        stream.extend(sealer.push(piece)?);
    }
    let (rest, commitment) = sealer.finish()?;
    stream.extend(rest);
    Ok((stream, commitment))
}

fn open(commitment: &Commitment, stream: &[u8], chunk: usize) -> Result<Vec<u8>, InformationError> {
    let mut opener = Opener::new(commitment, &key())?;
    let mut content = Vec::new();
    for piece in stream.chunks(chunk) {
        content.extend(opener.push(piece)?);
    }
    content.extend(opener.finish()?);
    Ok(content)
}

/// Bytes that differ from record to record.
fn content_of(size: usize) -> Vec<u8> {
    (0_u32..).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).take(size).collect()
}

#[test]
fn round_trip_at_the_edges_of_records() -> Tested {
    for size in [0, 1, 2 * PLAINTEXT_SIZE].into_iter().chain(PLAINTEXT_SIZE - 1..=PLAINTEXT_SIZE + 1) {
        let content = content_of(size);
        let (stream, commitment) = seal(&content, 10_000)?;
        assert_eq!(commitment.size, u64::try_from(size)?);
        assert_eq!(commitment.ciphertext_len(), u64::try_from(stream.len())?, "{size}");
        assert_eq!(commitment.ciphertext, Digest::of(&stream));
        assert_eq!(open(&commitment, &stream, 65_536)?, content, "{size}");
    }
    Ok(())
}

#[test]
fn refuses_every_changed_byte() -> Tested {
    let (stream, commitment) = seal(b"forty-two", 3)?;
    for position in 0..stream.len() {
        for bit in 0..8 {
            let mut changed = stream.clone();
            changed[position] ^= 1 << bit;
            assert_eq!(open(&commitment, &changed, 7), Err(InformationError::Content), "byte {position}");
        }
    }
    Ok(())
}

/// In a stream of three records: salt, record size, key id, bodies, tags.
#[test]
fn refuses_every_kind_of_changed_byte_in_a_long_stream() -> Tested {
    let (stream, commitment) = seal(&content_of(2 * PLAINTEXT_SIZE + 100), 65_536)?;
    let second = HEADER_LEN + RECORD_SIZE;
    let third = second + RECORD_SIZE;
    for position in [
        0,
        15,
        16,
        19,
        20,
        HEADER_LEN,
        second - 17,
        second - 1,
        second,
        third - 1,
        third,
        stream.len() - 17,
        stream.len() - 1,
    ] {
        let mut changed = stream.clone();
        changed[position] ^= 0x80;
        assert_eq!(open(&commitment, &changed, 50_000), Err(InformationError::Content), "byte {position}");
    }
    Ok(())
}

#[test]
fn refuses_what_is_cut_short_or_followed() -> Tested {
    let (stream, commitment) = seal(&content_of(PLAINTEXT_SIZE + 10), 65_536)?;
    for length in
        [0, 1, HEADER_LEN, HEADER_LEN + 1, HEADER_LEN + RECORD_SIZE].into_iter().chain(stream.len() - 20..stream.len())
    {
        assert!(open(&commitment, &stream[..length], 65_536).is_err(), "{length} bytes");
    }
    let followed = [stream.as_slice(), &[0]].concat();
    assert!(open(&commitment, &followed, 65_536).is_err());

    let (whole, commitment) = seal(&content_of(PLAINTEXT_SIZE), 65_536)?;
    let followed = [whole.as_slice(), &whole[HEADER_LEN..]].concat();
    assert!(open(&commitment, &followed, 65_536).is_err());
    Ok(())
}

/// A merchant who encrypts something else under the promised key, or promises what it does not hold.
#[test]
fn refuses_promises_that_were_not_kept() -> Tested {
    let (stream, promised) = seal(b"the whole truth", 100)?;
    let other = Digest::of(b"other");
    for (broken, why) in [
        (Commitment { size: 14, ..promised.clone() }, "less"),
        (Commitment { size: 16, ..promised.clone() }, "more"),
        (Commitment { ciphertext: other, ..promised.clone() }, "ciphertext"),
        (Commitment { plaintext_root: other, ..promised.clone() }, "plaintext"),
    ] {
        assert_eq!(open(&broken, &stream, 100), Err(InformationError::Content), "{why}");
    }
    let broken = Commitment { key_hash: other, ..promised };
    assert_eq!(open(&broken, &stream, 100), Err(InformationError::Key));
    Ok(())
}

/// A merchant who promised a stream without an end: all that it holds is what was promised, and it is still refused.
#[test]
fn refuses_a_promised_stream_without_end() -> Tested {
    let record = vec![1; PLAINTEXT_SIZE];
    let (mut encryptor, header) = Encryptor::new(&key(), [9; SALT_LEN]);
    let stream = [header.as_slice(), &encryptor.seal_record(&record, false)?].concat();
    let promised = Commitment {
        media_type: "text/plain".to_owned(),
        size: u64::try_from(record.len())?,
        ciphertext: Digest::of(&stream),
        plaintext_root: merkle::leaf(&record),
        key_hash: key().commitment(),
    };
    assert_eq!(open(&promised, &stream, 65_536), Err(InformationError::Content));
    Ok(())
}

#[test]
fn one_record_and_its_path_are_proof() -> Tested {
    let content = content_of(3 * PLAINTEXT_SIZE + 5);
    let (_, commitment) = seal(&content, 65_536)?;
    let records: Vec<_> = content.chunks(PLAINTEXT_SIZE).collect();
    let leaves: Vec<_> = records.iter().map(|record| merkle::leaf(record)).collect();
    for (index, record) in records.iter().enumerate() {
        let path = InclusionPath::make(&leaves, index).ok_or("no path")?;
        commitment.check_record(record, &path)?;
        assert!(commitment.check_record(&record[1..], &path).is_err());
    }
    Ok(())
}

#[test]
fn a_commitment_is_bounded() -> Tested {
    let (_, commitment) = seal(b"", 1)?;
    let mut json = serde_json::to_value(&commitment)?;
    assert_eq!(serde_json::from_value::<Commitment>(json.clone())?, commitment);
    json["size"] = (MAX_SIZE + 1).into();
    assert!(serde_json::from_value::<Commitment>(json).is_err());
    Ok(())
}

#[test]
fn a_key_shows_itself_only_when_asked() -> Tested {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Stored {
        #[serde(with = "exposed_key")]
        key: ContentKey,
    }
    let json = serde_json::to_string(&Stored { key: key() })?;
    assert_eq!(json, r#"{"key":"BwcHBwcHBwcHBwcHBwcHBw"}"#);
    let stored: Stored = serde_json::from_str(&json)?;
    assert_eq!(stored.key.as_bytes(), key().as_bytes());
    assert!(serde_json::from_str::<Stored>(r#"{"key":"BwcH"}"#).is_err());
    assert_eq!(format!("{:?}", key()), "ContentKey(secret)");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_it_is_cut_it_is_the_same(size in 0_usize..200_000, sealed_by in 1_usize..100_000, opened_by in 1_usize..100_000) {
        let content = content_of(size);
        let (stream, commitment) = seal(&content, sealed_by)?;
        prop_assert_eq!(&seal(&content, 65_536)?, &(stream.clone(), commitment.clone()));
        prop_assert_eq!(open(&commitment, &stream, opened_by)?, content);
    }
}
