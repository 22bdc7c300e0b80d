//! The protocol crate's sealing seam, natively.

use openssl::bn::BigNumContext;
use openssl::derive::Deriver;
use openssl::ec::{EcKey, EcPoint, PointConversionForm};
use openssl::pkey::PKey;
use semper_shared::security::sealing::{Agree, Ephemeral};
use semper_shared::security::{PublicKey, SecurityError};
use zeroize::Zeroizing;

use super::{CryptoError, Native, system_rng};

impl Native {
    fn agree_natively(&self, recipient: &PublicKey) -> Result<Ephemeral, CryptoError> {
        let mut context = BigNumContext::new()?;
        let key = EcKey::generate(self.group())?;
        let mut public = [0; 65];
        let point = key.public_key().to_bytes(self.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
        public.copy_from_slice(point.get(..65).filter(|_| point.len() == 65).ok_or(CryptoError::Library)?);
        let recipient = EcPoint::from_bytes(self.group(), &recipient.to_uncompressed(), &mut context)?;
        let (key, recipient) =
            (PKey::from_ec_key(key)?, PKey::from_ec_key(EcKey::from_public_key(self.group(), &recipient)?)?);
        let mut deriver = Deriver::new(&key)?;
        deriver.set_peer(&recipient)?;
        let mut shared = Zeroizing::new([0; 32]);
        if deriver.derive(&mut *shared)? != shared.len() {
            return Err(CryptoError::Library);
        }
        Ok(Ephemeral { public, shared })
    }
}

/// A fifth of the portable time. Should the library fail, the portable code agrees: what is paid for is to be delivered.
impl Agree for &Native {
    fn agree(&mut self, recipient: &PublicKey) -> Result<Ephemeral, SecurityError> {
        self.agree_natively(recipient).or_else(|_| system_rng().agree(recipient))
    }
}
