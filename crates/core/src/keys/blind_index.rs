//! Digests by which a value is found again that is stored sealed.

use std::fmt;
use std::sync::Arc;

use ring::hmac;

use super::Keys;

/// How long a digest is. Among 2^40 values, two share one with a chance of 2^-49.
pub const DIGEST: usize = 16;

/// The digests of one purpose: HMAC-SHA256, cut to 128 bits. One value has one digest as long as `keys.secret` stays the same,
/// whatever becomes of the ring; so that whoever sees digests sees which values are equal, and nothing else of them.
///
/// ```
/// # use std::sync::Arc;
/// # use mainstay_core::Profile;
/// # use mainstay_core::clock::TestClock;
/// # use mainstay_core::keys::{Keys, KeysConfig};
/// # use mainstay_core::random::SecureRandom;
/// # let (clock, random) = (Arc::new(TestClock::default()), Arc::new(SecureRandom::new()));
/// # let keys = Keys::new(&KeysConfig::default(), &Profile::Test, clock, random).unwrap();
/// let emails = keys.blind_index("users.email");
/// assert_eq!(emails.digest(b"ann@example.org"), emails.digest(b"ann@example.org"));
/// assert_ne!(emails.digest(b"ann@example.org"), keys.blind_index("users.name").digest(b"ann@example.org"));
/// ```
#[derive(Clone)]
pub struct BlindIndex(Arc<Pair>);

struct Pair {
    current: hmac::Key,
    previous: Option<hmac::Key>,
}

impl BlindIndex {
    pub(super) fn of(keys: &Keys, purpose: &str) -> Self {
        let (base, previous) = (&keys.0.base, keys.0.previous.first());
        let key = |root: &super::Root| root.indexing(purpose);
        Self(Arc::new(Pair { current: key(base), previous: previous.map(key) }))
    }

    /// The digest of a value.
    pub fn digest(&self, value: &[u8]) -> [u8; DIGEST] {
        cut(&self.0.current, value)
    }

    /// What the digest was before `keys.secret` was changed: by the first of `keys.previous`, if there is one.
    pub fn previous_digest(&self, value: &[u8]) -> Option<[u8; DIGEST]> {
        self.0.previous.as_ref().map(|key| cut(key, value))
    }
}

fn cut(key: &hmac::Key, value: &[u8]) -> [u8; DIGEST] {
    let whole = hmac::sign(key, value);
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(&whole.as_ref()[..DIGEST]);
    digest
}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindIndex(********)")
    }
}
