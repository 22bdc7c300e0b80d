//! Content encrypted record by record: RFC 8188, `aes128gcm`, in one shape only.
//!
//! The RFC lets a writer choose the record size, name a key and pad each record. Here the record size is 65,536, the key
//! has no name and nothing is padded, so that one content has one length and each record one place. Whatever is sealed
//! here, any reader of `aes128gcm` opens; what is opened here must have this shape.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::InformationError;
use super::key::{ContentKey, KEY_LEN};
use super::layout::{HEADER_LEN, MAX_RECORDS, OVERHEAD, PLAINTEXT_SIZE, RECORD_SIZE};

/// The length of a salt, in bytes.
pub const SALT_LEN: usize = 16;

const DELIMITER_MORE: u8 = 0x01;
const DELIMITER_LAST: u8 = 0x02;
const NONCE_LEN: usize = 12;

/// Seals records, one after the other. A key and a salt together serve one content, once.
pub struct Encryptor {
    records: Records,
    next: u64,
    ended: bool,
}

impl Encryptor {
    /// Begins a stream: the encryptor, and the header that stands before the first record.
    pub fn new(key: &ContentKey, salt: [u8; SALT_LEN]) -> (Self, [u8; HEADER_LEN]) {
        let encryptor = Self { records: Records::new(key, &salt), next: 0, ended: false };
        (encryptor, header(&salt))
    }

    /// Seals the next record. Every one but the last must be full; the last may be empty only where it is the first.
    ///
    /// # Errors
    /// [`InformationError::Record`] out of turn, [`InformationError::TooLarge`] after [`MAX_RECORDS`].
    pub fn seal_record(&mut self, plaintext: &[u8], last: bool) -> Result<Vec<u8>, InformationError> {
        if self.next == MAX_RECORDS {
            return Err(InformationError::TooLarge);
        }
        if self.ended || !fits(self.next, plaintext.len(), last) {
            return Err(InformationError::Record);
        }
        let mut padded = Vec::with_capacity(plaintext.len() + OVERHEAD);
        padded.extend_from_slice(plaintext);
        padded.push(if last { DELIMITER_LAST } else { DELIMITER_MORE });
        let sealed = self.records.seal(self.next, padded)?;
        self.next += 1;
        self.ended = last;
        Ok(sealed)
    }
}

/// Opens records, one after the other.
pub struct Decryptor {
    records: Records,
    next: u64,
    ended: bool,
}

impl Decryptor {
    /// Reads the header.
    ///
    /// # Errors
    /// [`InformationError::Content`] where it names another record size or a key.
    pub fn new(key: &ContentKey, header: &[u8; HEADER_LEN]) -> Result<Self, InformationError> {
        let mut salt = [0; SALT_LEN];
        salt.copy_from_slice(&header[..SALT_LEN]);
        if *header != self::header(&salt) {
            return Err(InformationError::Content);
        }
        Ok(Self { records: Records::new(key, &salt), next: 0, ended: false })
    }

    /// Opens the next record: its plaintext.
    ///
    /// # Errors
    /// [`InformationError::Content`] where it was changed, moved, or follows the last one;
    /// [`InformationError::TooLarge`] after [`MAX_RECORDS`].
    pub fn open_record(&mut self, record: &[u8]) -> Result<Vec<u8>, InformationError> {
        if self.next == MAX_RECORDS {
            return Err(InformationError::TooLarge);
        }
        if self.ended || record.len() < OVERHEAD || record.len() > RECORD_SIZE {
            return Err(InformationError::Content);
        }
        let mut plaintext = self.records.open(self.next, record.to_vec())?;
        let last = match plaintext.pop() {
            Some(DELIMITER_MORE) => false,
            Some(DELIMITER_LAST) => true,
            _ => return Err(InformationError::Content),
        };
        if !fits(self.next, plaintext.len(), last) {
            return Err(InformationError::Content);
        }
        self.next += 1;
        self.ended = last;
        Ok(plaintext)
    }

    /// Ends the stream: the last record must have been opened.
    ///
    /// # Errors
    /// [`InformationError::Content`] where the stream was cut short.
    pub fn finish(self) -> Result<(), InformationError> {
        if self.ended { Ok(()) } else { Err(InformationError::Content) }
    }
}

fn header(salt: &[u8; SALT_LEN]) -> [u8; HEADER_LEN] {
    const RECORD_SIZE_FIELD: [u8; 4] = 65_536_u32.to_be_bytes();
    let mut header = [0; HEADER_LEN];
    header[..SALT_LEN].copy_from_slice(salt);
    header[SALT_LEN..SALT_LEN + 4].copy_from_slice(&RECORD_SIZE_FIELD);
    header
}

/// Whether a record of `len` bytes of plaintext may stand at `index`.
const fn fits(index: u64, len: usize, last: bool) -> bool {
    if last { len <= PLAINTEXT_SIZE && (len > 0 || index == 0) } else { len == PLAINTEXT_SIZE }
}

/// The cipher of one content, and the nonce that each record's index is mixed into (RFC 8188 sections 2.2 and 2.3).
struct Records {
    cipher: Aes128Gcm,
    nonce: [u8; NONCE_LEN],
}

impl Records {
    fn new(key: &ContentKey, salt: &[u8; SALT_LEN]) -> Self {
        let secret = Hkdf::<Sha256>::new(Some(salt), key.as_bytes());
        let mut content_key = Zeroizing::new([0; KEY_LEN]);
        let mut nonce = [0; NONCE_LEN];
        secret
            .expand(b"Content-Encoding: aes128gcm\0", &mut *content_key)
            .and_then(|()| secret.expand(b"Content-Encoding: nonce\0", &mut nonce))
            .expect("HKDF-SHA256 gives up to 8,160 bytes");
        Self { cipher: Aes128Gcm::new(&(*content_key).into()), nonce }
    }

    fn nonce(&self, index: u64) -> Nonce<aes_gcm::aead::consts::U12> {
        let mut nonce = self.nonce;
        for (byte, mixed) in nonce[NONCE_LEN - 8..].iter_mut().zip(index.to_be_bytes()) {
            *byte ^= mixed;
        }
        nonce.into()
    }

    fn seal(&self, index: u64, mut padded: Vec<u8>) -> Result<Vec<u8>, InformationError> {
        self.cipher.encrypt_in_place(&self.nonce(index), b"", &mut padded).map_err(|_| InformationError::Record)?;
        Ok(padded)
    }

    fn open(&self, index: u64, mut record: Vec<u8>) -> Result<Vec<u8>, InformationError> {
        self.cipher.decrypt_in_place(&self.nonce(index), b"", &mut record).map_err(|_| InformationError::Content)?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::base64;

    const SALT: [u8; SALT_LEN] = [9; SALT_LEN];

    fn key() -> ContentKey {
        ContentKey::from_bytes([7; KEY_LEN])
    }

    fn decryptor() -> Result<Decryptor, InformationError> {
        Decryptor::new(&key(), &header(&SALT))
    }

    /// RFC 8188 sections 3.1 and 3.2: other record sizes, a key id and padding, opened with the same cipher.
    #[test]
    fn opens_the_examples_of_the_rfc() -> Result<(), Box<dyn std::error::Error>> {
        for (ikm, body, record_size, padded_records) in [
            (
                "yqdlZ-tYemfogSmv7Ws5PQ",
                "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg",
                4096,
                vec![b"I am the walrus\x02".to_vec()],
            ),
            (
                "BO3ZVPxUlnLORbVGMpbT1Q",
                "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA",
                25,
                vec![b"I am th\x01\0".to_vec(), b"e walrus\x02".to_vec()],
            ),
        ] {
            let key = base64::decode_array(ikm).ok_or("ikm")?;
            let body = base64::decode(body).ok_or("body")?;
            let salt = body[..SALT_LEN].try_into()?;
            assert_eq!(body[16..20], u32::to_be_bytes(record_size.try_into()?));
            let start = HEADER_LEN + usize::from(body[20]);
            let records = Records::new(&ContentKey::from_bytes(key), &salt);
            let mut opened = Vec::new();
            for (index, record) in (0..).zip(body[start..].chunks(record_size)) {
                opened.push(records.open(index, record.to_vec())?);
            }
            assert_eq!(opened, padded_records);
        }
        Ok(())
    }

    #[test]
    fn refuses_to_seal_out_of_turn() -> Result<(), InformationError> {
        let (mut encryptor, _) = Encryptor::new(&key(), SALT);
        let full = vec![0; PLAINTEXT_SIZE];
        for (plaintext, last) in [(&full[1..], false), (&[], false)] {
            assert_eq!(encryptor.seal_record(plaintext, last), Err(InformationError::Record));
        }
        encryptor.seal_record(&full, false)?;
        assert_eq!(encryptor.seal_record(&[], true), Err(InformationError::Record), "an empty record after the first");
        encryptor.seal_record(&full, true)?;
        assert_eq!(encryptor.seal_record(&[1], true), Err(InformationError::Record), "after the last");
        Ok(())
    }

    #[test]
    fn refuses_other_headers() {
        for position in SALT_LEN..HEADER_LEN {
            let mut header = header(&SALT);
            header[position] ^= 1;
            assert!(Decryptor::new(&key(), &header).is_err(), "header byte {position}");
        }
    }

    #[test]
    fn refuses_streams_that_were_rearranged() -> Result<(), InformationError> {
        let (mut encryptor, _) = Encryptor::new(&key(), SALT);
        let first = encryptor.seal_record(&[1; PLAINTEXT_SIZE], false)?;
        let second = encryptor.seal_record(&[2; PLAINTEXT_SIZE], false)?;
        let last = encryptor.seal_record(&[3; 5], true)?;

        let mut straight = decryptor()?;
        for record in [&first, &second, &last] {
            straight.open_record(record)?;
        }
        assert!(straight.open_record(&last).is_err(), "after the last");
        straight.finish()?;

        let mut cut = decryptor()?;
        cut.open_record(&first)?;
        assert!(cut.open_record(&last).is_err(), "a record left out");
        assert!(cut.open_record(&first).is_err(), "a record repeated");
        assert!(cut.open_record(&last[..16]).is_err(), "less than a tag");
        cut.open_record(&second)?;
        assert!(cut.finish().is_err(), "cut short between two records");
        assert!(decryptor()?.finish().is_err(), "nothing at all");
        Ok(())
    }

    /// What the key's owner could encrypt, and no honest one does: padding, short records, other delimiters.
    #[test]
    fn refuses_other_shapes() -> Result<(), InformationError> {
        let records = Records::new(&key(), &SALT);
        for (padded, why) in [
            (&b"abc\x01"[..], "a short record that is not the last"),
            (b"abc\x02\0", "padding"),
            (b"abc\x03", "another delimiter"),
            (b"\0\0\0", "padding alone"),
            (b"", "no delimiter"),
        ] {
            let record = records.seal(0, padded.to_vec())?;
            assert!(decryptor()?.open_record(&record).is_err(), "{why}");
        }
        let mut decryptor = decryptor()?;
        decryptor.open_record(&records.seal(0, [&[0; PLAINTEXT_SIZE][..], &[1]].concat())?)?;
        let empty = records.seal(1, vec![DELIMITER_LAST])?;
        assert!(decryptor.open_record(&empty).is_err(), "an empty record after the first");
        decryptor.open_record(&records.seal(1, vec![7, DELIMITER_LAST])?)?;
        let more = records.seal(2, vec![7, DELIMITER_LAST])?;
        assert!(decryptor.open_record(&more).is_err(), "a record after the last");
        Ok(())
    }
}
