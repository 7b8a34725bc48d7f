//! What stands for something that is not to be kept, or compared, as it is: its SHA-256.

use ::ring::digest::{SHA256, digest};
use ::ring::hmac;

use crate::random::hex as digits;

/// The digest of these bytes, in 64 letters.
pub fn hex(bytes: &[u8]) -> String {
    digits(digest(&SHA256, bytes).as_ref())
}

/// Whether two secrets are one, in a time that says nothing of where they differ: what is compared are digests that nobody else can make.
pub fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, expected);
    hmac::verify(&key, given, hmac::sign(&key, expected).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_one_secret_from_another() {
        assert!(is_same(b"one", b"one") && is_same(b"", b""));
        for other in [&b"two"[..], b"on", b"onee", b"One", b""] {
            assert!(!is_same(other, b"one") && !is_same(b"one", other));
        }
    }

    #[test]
    fn follows_the_example_of_the_standard() {
        // FIPS 180-2, B.1.
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
