//! What follows from one secret: a key for each purpose, and a name.

use std::fmt;

use ring::{aead, hkdf, hmac};

/// How long a key's id is. It tells keys apart, it proves nothing.
pub(super) const KEY_ID: usize = 4;

/// What tells keys apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyId(pub(super) [u8; KEY_ID]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::random::hex(&self.0))
    }
}

/// A secret, ready to derive keys from (HKDF-SHA256, RFC 5869).
#[derive(Clone)]
pub(super) struct Root {
    pub(super) id: KeyId,
    root: hkdf::Prk,
}

impl Root {
    pub(super) fn of(secret: &[u8]) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"mainstay keys 1").extract(secret);
        let mut id = [0; KEY_ID];
        fill(&root, &mut id);
        Self { id: KeyId(id), root }
    }

    /// Its keys for a purpose.
    pub(super) fn pair(&self, purpose: &str) -> Pair {
        Pair { id: self.id, signing: self.signing(purpose), sealing: self.sealing(purpose) }
    }

    fn signing(&self, purpose: &str) -> hmac::Key {
        hmac::Key::from(expand(&self.root, &[b"sign ", purpose.as_bytes()], hmac::HMAC_SHA256))
    }

    /// Its key for the digests of a purpose, which sign nothing.
    pub(super) fn indexing(&self, purpose: &str) -> hmac::Key {
        hmac::Key::from(expand(&self.root, &[b"index ", purpose.as_bytes()], hmac::HMAC_SHA256))
    }

    fn sealing(&self, purpose: &str) -> aead::LessSafeKey {
        let info = [&b"seal "[..], purpose.as_bytes()];
        let key = expand(&self.root, &info, &aead::CHACHA20_POLY1305);
        aead::LessSafeKey::new(aead::UnboundKey::from(key))
    }
}

/// The keys of one secret for one purpose.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) id: KeyId,
    pub(super) signing: hmac::Key,
    pub(super) sealing: aead::LessSafeKey,
}

#[expect(
    clippy::expect_used,
    reason = "HKDF-SHA256 refuses only more than 8160 bytes, and no key is that long"
)]
fn expand<'a, L: hkdf::KeyType>(root: &'a hkdf::Prk, info: &'a [&'a [u8]], length: L) -> hkdf::Okm<'a, L> {
    root.expand(info, length).expect("the key is short enough")
}

#[expect(clippy::expect_used, reason = "the output has the length that was asked for")]
fn fill(root: &hkdf::Prk, id: &mut [u8; KEY_ID]) {
    struct Length;

    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            KEY_ID
        }
    }

    expand(root, &[b"id"], Length).fill(id).expect("the lengths agree");
}
