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

use super::root::{KEY_ID, KeyId, Pair};
use super::{KeyError, base64url};
use crate::clock::Clock;
use crate::random::Random;

const SIGNED: u8 = 1;
const SEALED: u8 = 2;
const HEAD: usize = 1 + KEY_ID + 8;
const HMAC: usize = 32;
const NONCE: usize = aead::NONCE_LEN;

/// Writes and reads tokens.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

impl Tokens {
    pub(super) fn sign(&self, key: &Pair, data: &[u8], expires: Option<Duration>) -> String {
        let mut token = self.head(SIGNED, key.id, expires, data.len() + HMAC);
        token.extend_from_slice(data);
        let signature = hmac::sign(&key.signing, &token);
        token.extend_from_slice(signature.as_ref());
        base64url::encode(&token)
    }

    /// `find` has the keys of an id.
    pub(super) fn verify<K: AsRef<Pair>>(
        &self,
        find: impl FnOnce(KeyId) -> Option<K>,
        text: &str,
    ) -> Result<Vec<u8>, KeyError> {
        let (token, key) = read(text, SIGNED, HMAC, find)?;
        let (message, signature) = token.split_at(token.len() - HMAC);
        hmac::verify(&key.as_ref().signing, message, signature)
            .map_err(|_| KeyError::WrongPurposeOrForged)?;
        self.still_good(message)?;
        Ok(message[HEAD..].to_vec())
    }

    #[expect(clippy::expect_used, reason = "ChaCha20-Poly1305 refuses only more than 256 GiB")]
    pub(super) fn seal(&self, key: &Pair, data: &[u8], expires: Option<Duration>) -> String {
        let mut token = self.head(SEALED, key.id, expires, NONCE + data.len() + aead::MAX_TAG_LEN);
        let associated =
            aead::Aad::from(<[u8; HEAD]>::try_from(&token[..]).expect("a token begins with its head"));
        let mut nonce = [0; NONCE];
        self.random.fill(&mut nonce);
        token.extend_from_slice(&nonce);
        let start = token.len();
        token.extend_from_slice(data);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let tag = key.sealing.seal_in_place_separate_tag(nonce, associated, &mut token[start..]);
        token.extend_from_slice(tag.expect("the data is short enough").as_ref());
        base64url::encode(&token)
    }

    /// `find` has the keys of an id.
    pub(super) fn open<K: AsRef<Pair>>(
        &self,
        find: impl FnOnce(KeyId) -> Option<K>,
        text: &str,
    ) -> Result<Vec<u8>, KeyError> {
        let (mut token, key) = read(text, SEALED, NONCE + aead::MAX_TAG_LEN, find)?;
        let (head, rest) = token.split_at_mut(HEAD);
        let (nonce, cipher) = rest.split_at_mut(NONCE);
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Malformed)?;
        let data = key
            .as_ref()
            .sealing
            .open_in_place(nonce, aead::Aad::from(&*head), cipher)
            .map_err(|_| KeyError::WrongPurposeOrForged)?
            .to_vec();
        self.still_good(head)?;
        Ok(data)
    }

    fn head(&self, kind: u8, id: KeyId, expires: Option<Duration>, rest: usize) -> Vec<u8> {
        let mut token = Vec::with_capacity(HEAD + rest);
        token.push(kind);
        token.extend_from_slice(&id.0);
        let until = expires.map_or(0, |expires| self.millis().saturating_add(millis(expires)).max(1));
        token.extend_from_slice(&until.to_be_bytes());
        token
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

/// By which key a text says that it was sealed; `None` if it is no such token.
pub(super) fn sealed_by(text: &str) -> Option<KeyId> {
    let token = base64url::decode(text).filter(|token| token.len() >= HEAD && token[0] == SEALED)?;
    token[1..=KEY_ID].try_into().map(KeyId).ok()
}

/// The bytes of a token of this kind, at least as long as an empty one, and its keys.
fn read<K>(
    text: &str,
    kind: u8,
    rest: usize,
    find: impl FnOnce(KeyId) -> Option<K>,
) -> Result<(Vec<u8>, K), KeyError> {
    let token = base64url::decode(text).ok_or(KeyError::Malformed)?;
    if token.len() < HEAD || !matches!(token[0], SIGNED | SEALED) {
        return Err(KeyError::Malformed);
    }
    let id = token[1..=KEY_ID].try_into().map(KeyId).map_err(|_| KeyError::Malformed)?;
    let key = find(id).ok_or(KeyError::UnknownKey)?;
    if token[0] != kind {
        return Err(KeyError::WrongPurposeOrForged);
    }
    if token.len() < HEAD + rest {
        return Err(KeyError::Malformed);
    }
    Ok((token, key))
}
