//! The form of a token, before it is text:
//!
//! ```text
//! kind  key id  expiry                      signed: data, HMAC (32)
//! 1     4       8, ms since 1970, 0: never  sealed: nonce (12), data in cipher, tag (16)
//! ```
//!
//! All before the data is covered by the HMAC or, as associated data, by the tag.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ring::{aead, hmac};

use super::{KeyError, base64url};
use crate::clock::Clock;
use crate::random::Random;

/// How long a key's id is. It tells keys apart, it proves nothing.
pub(super) const KEY_ID: usize = 4;

const SIGNED: u8 = 1;
const SEALED: u8 = 2;
const HEAD: usize = 1 + KEY_ID + 8;
const HMAC: usize = 32;
const NONCE: usize = aead::NONCE_LEN;

/// Writes and reads tokens of one key.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) id: [u8; KEY_ID],
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

impl Tokens {
    pub(super) fn sign(&self, key: &hmac::Key, data: &[u8], expires: Option<Duration>) -> String {
        let mut token = self.head(SIGNED, expires, data.len() + HMAC);
        token.extend_from_slice(data);
        let signature = hmac::sign(key, &token);
        token.extend_from_slice(signature.as_ref());
        base64url::encode(&token)
    }

    pub(super) fn verify(&self, key: &hmac::Key, text: &str) -> Result<Vec<u8>, KeyError> {
        let token = self.read(text, SIGNED, HMAC)?;
        let (message, signature) = token.split_at(token.len() - HMAC);
        hmac::verify(key, message, signature).map_err(|_| KeyError::WrongPurposeOrForged)?;
        self.still_good(message)?;
        Ok(message[HEAD..].to_vec())
    }

    #[expect(clippy::expect_used, reason = "ChaCha20-Poly1305 refuses only more than 256 GiB")]
    pub(super) fn seal(&self, key: &aead::LessSafeKey, data: &[u8], expires: Option<Duration>) -> String {
        let mut token = self.head(SEALED, expires, NONCE + data.len() + aead::MAX_TAG_LEN);
        let associated =
            aead::Aad::from(<[u8; HEAD]>::try_from(&token[..]).expect("a token begins with its head"));
        let mut nonce = [0; NONCE];
        self.random.fill(&mut nonce);
        token.extend_from_slice(&nonce);
        let start = token.len();
        token.extend_from_slice(data);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, associated, &mut token[start..]);
        token.extend_from_slice(tag.expect("the data is short enough").as_ref());
        base64url::encode(&token)
    }

    pub(super) fn open(&self, key: &aead::LessSafeKey, text: &str) -> Result<Vec<u8>, KeyError> {
        let mut token = self.read(text, SEALED, NONCE + aead::MAX_TAG_LEN)?;
        let (head, rest) = token.split_at_mut(HEAD);
        let (nonce, cipher) = rest.split_at_mut(NONCE);
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Malformed)?;
        let data = key
            .open_in_place(nonce, aead::Aad::from(&*head), cipher)
            .map_err(|_| KeyError::WrongPurposeOrForged)?
            .to_vec();
        self.still_good(head)?;
        Ok(data)
    }

    fn head(&self, kind: u8, expires: Option<Duration>, rest: usize) -> Vec<u8> {
        let mut token = Vec::with_capacity(HEAD + rest);
        token.push(kind);
        token.extend_from_slice(&self.id);
        let until = expires.map_or(0, |expires| self.millis().saturating_add(millis(expires)).max(1));
        token.extend_from_slice(&until.to_be_bytes());
        token
    }

    /// The bytes of a token of this kind and this key, at least as long as an empty one.
    fn read(&self, text: &str, kind: u8, rest: usize) -> Result<Vec<u8>, KeyError> {
        let token = base64url::decode(text).ok_or(KeyError::Malformed)?;
        if token.len() < HEAD || !matches!(token[0], SIGNED | SEALED) {
            return Err(KeyError::Malformed);
        }
        if token[1..=KEY_ID] != self.id {
            return Err(KeyError::UnknownKey);
        }
        if token[0] != kind {
            return Err(KeyError::WrongPurposeOrForged);
        }
        if token.len() < HEAD + rest {
            return Err(KeyError::Malformed);
        }
        Ok(token)
    }

    /// Asked last: whether a forged token has expired is nobody's business.
    fn still_good(&self, token: &[u8]) -> Result<(), KeyError> {
        let until = token[1 + KEY_ID..HEAD].iter().fold(0_u64, |until, byte| (until << 8) | u64::from(*byte));
        if until != 0 && self.millis() >= until { Err(KeyError::Expired) } else { Ok(()) }
    }

    fn millis(&self) -> u64 {
        millis(self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
