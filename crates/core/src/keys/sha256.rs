//! What stands for something that is not to be kept as it is: its SHA-256, in hexadecimal digits.

use ::ring::digest::{SHA256, digest};

use crate::random::hex as digits;

/// The digest of these bytes, in 64 letters.
pub fn hex(bytes: &[u8]) -> String {
    digits(digest(&SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_example_of_the_standard() {
        // FIPS 180-2, B.1.
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
