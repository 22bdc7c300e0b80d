//! The protocol crate's sealing seam, natively.

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcKey, EcPoint, PointConversionForm};
use semper_shared::security::sealing::{Agree, Ephemeral};
use semper_shared::security::{PublicKey, SecurityError};
use zeroize::Zeroizing;

use super::{CryptoError, Native, system_rng};

impl Native {
    /// Multiplies by itself: the library's general way copies keys and looks algorithms up each time, under locks. The curve's
    /// own multiplication takes the same time whatever the number is.
    fn agree_natively(&self, recipient: &PublicKey) -> Result<Ephemeral, CryptoError> {
        let mut context = BigNumContext::new()?;
        let key = EcKey::generate(self.group())?;
        let mut public = [0; 65];
        let point = key.public_key().to_bytes(self.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
        public.copy_from_slice(point.get(..65).filter(|_| point.len() == 65).ok_or(CryptoError::Library)?);
        let recipient = EcPoint::from_bytes(self.group(), &recipient.to_uncompressed(), &mut context)?;
        let mut agreed = EcPoint::new(self.group())?;
        agreed.mul2(self.group(), &recipient, key.private_key(), &mut context)?;
        let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
        agreed.affine_coordinates(self.group(), &mut x, &mut y, &mut context)?;
        let shared = x.to_vec_padded(32).map(Zeroizing::new);
        x.clear();
        y.clear();
        let shared = Zeroizing::new(shared?.as_slice().try_into().map_err(|_| CryptoError::Library)?);
        Ok(Ephemeral { public, shared })
    }
}

/// A fifth of the portable time. Should the library fail, the portable code agrees: what is paid for is to be delivered.
impl Agree for &Native {
    fn agree(&mut self, recipient: &PublicKey) -> Result<Ephemeral, SecurityError> {
        self.agree_natively(recipient).or_else(|_| system_rng().agree(recipient))
    }
}
