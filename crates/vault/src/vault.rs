//! Seals and opens.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use syncline_domain::ports::{Place, SealError, Sealer};
use zeroize::Zeroize as _;

use crate::envelope::{Envelope, bound, header};
use crate::key::Key;
use crate::ring::KeyRing;

/// The product's [`Sealer`]: AES-256-GCM under a key ring.
///
/// A nonce is 96 random bits; with one key some four thousand million seals are safe, far beyond what a ring sees.
#[derive(Clone, Debug)]
pub struct Vault {
    ring: KeyRing,
    random: SystemRandom,
}

impl Vault {
    /// Over a ring.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self { ring, random: SystemRandom::new() }
    }

    /// The ring.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Checks at the start that every key in use is in the ring.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] with the first that is not.
    pub fn must_know<'a>(
        &self,
        key_ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SealError> {
        match key_ids.into_iter().find(|id| self.ring.get(id).is_none()) {
            Some(id) => Err(SealError::UnknownKey(id.to_owned())),
            None => Ok(()),
        }
    }

    /// `None` when the system gives no random bytes.
    fn try_seal(&self, place: &Place, plain: &[u8]) -> Option<Vec<u8>> {
        let key = self.ring.current();
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = header(key.id())?;
        let bound = bound(&sealed, place);
        let mut body = plain.to_vec();
        let nonce_value = Nonce::assume_unique_for_key(nonce);
        let done = cipher(key)?.seal_in_place_append_tag(nonce_value, Aad::from(bound), &mut body);
        if done.is_err() {
            body.zeroize();
            return None;
        }
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        Some(sealed)
    }
}

impl Sealer for Vault {
    fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.try_seal(place, plain).ok_or_else(|| SealError::Broken(place.clone()))
    }

    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let broken = || SealError::Broken(place.clone());
        let envelope = Envelope::split(sealed).ok_or_else(broken)?;
        let key = self
            .ring
            .get(envelope.key_id)
            .ok_or_else(|| SealError::UnknownKey(envelope.key_id.to_owned()))?;
        let bound = bound(envelope.header, place);
        let mut body = envelope.body.to_vec();
        let nonce = Nonce::assume_unique_for_key(envelope.nonce);
        let cipher = cipher(key).ok_or_else(broken)?;
        let length =
            cipher.open_in_place(nonce, Aad::from(bound), &mut body).map_err(|_| broken())?.len();
        body.truncate(length);
        Ok(body)
    }

    fn current_key(&self) -> String {
        self.ring.current().id().to_owned()
    }

    fn key_of(&self, sealed: &[u8]) -> Option<String> {
        Some(Envelope::split(sealed)?.key_id.to_owned())
    }
}

fn cipher(key: &Key) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.bytes()).ok()?))
}

/// Brings a sealed value under the current key; `None` when it is there already.
///
/// The caller stores the new bytes only if the old ones still stand, so that a value entered meanwhile is kept.
///
/// # Errors
/// As [`Sealer::open`] and [`Sealer::seal`].
pub fn reseal(
    sealer: &dyn Sealer,
    place: &Place,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, SealError> {
    if sealer.key_of(sealed).as_deref() == Some(sealer.current_key().as_str()) {
        return Ok(None);
    }
    let mut plain = sealer.open(place, sealed)?;
    let resealed = sealer.seal(place, &plain);
    plain.zeroize();
    resealed.map(Some)
}
