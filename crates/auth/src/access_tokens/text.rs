//! How a secret looks that a person may copy, commit or paste where it does not belong.
//!
//! ```text
//! mst_  30 letters and digits  6 more: a checksum of all before
//! ```
//!
//! By the prefix, scanners of repositories and logs find it, and people see what they have. By the checksum, neither they nor this
//! program take another text for one. The form is that of GitHub's tokens; the checksum is theirs too: CRC-32 (IEEE 802.3), in base 62.

use mainstay_core::keys::sha256;
use mainstay_core::random::Random;
use zeroize::Zeroizing;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^30 is more than 2^178.
const SECRET: usize = 30;
const CHECKSUM: usize = 6;
/// How much of the secret is kept to be shown: enough to tell two apart, too little to guess the rest.
const SHOWN: usize = 4;

/// A secret as text.
pub(crate) struct SecretText {
    text: Zeroizing<String>,
    /// How long the prefix is, with its underscore.
    prefix: usize,
}

impl SecretText {
    /// A new one.
    pub(crate) fn new(prefix: &str, random: &dyn Random) -> Self {
        let secret: String =
            (0..SECRET).map(|_| char::from(LETTERS[random.below(LETTERS.len() as u64) as usize])).collect();
        Self::of_secret(prefix, &secret)
    }

    /// The one that follows from these bytes, which nobody else knows.
    pub(crate) fn derived(prefix: &str, bytes: &[u8; 32]) -> Self {
        // As a number to the base of 62: 30 digits take 178 bits of the 256.
        let mut digits = [0_u8; SECRET];
        let mut number = *bytes;
        for digit in &mut digits {
            let mut rest = 0_u32;
            for byte in &mut number {
                let value = (rest << 8) | u32::from(*byte);
                *byte = (value / 62) as u8;
                rest = value % 62;
            }
            *digit = LETTERS[rest as usize];
        }
        Self::of_secret(prefix, &String::from_utf8_lossy(&digits))
    }

    fn of_secret(prefix: &str, secret: &str) -> Self {
        let start = format!("{prefix}_{secret}");
        let checksum = checksum(&start);
        Self { text: Zeroizing::new(format!("{start}{checksum}")), prefix: prefix.len() + 1 }
    }

    /// Reads one that somebody sends. `None` if it is no such text, or has a slip of the pen.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if !looks_like_one(text) {
            return None;
        }
        let (start, sum) = text.split_at(text.len() - CHECKSUM);
        let prefix = text.len() - CHECKSUM - SECRET;
        (checksum(start) == sum).then(|| Self { text: Zeroizing::new(text.to_owned()), prefix })
    }

    /// Whether it begins with this prefix.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        &self.text[..self.prefix - 1] == prefix
    }

    /// What may be shown of it.
    pub(crate) fn start(&self) -> &str {
        &self.text[..self.prefix + SHOWN]
    }

    /// What is kept of it. No salt and no slow hash: nobody guesses 178 random bits.
    pub(crate) fn digest(&self) -> String {
        sha256::hex(self.text.as_bytes())
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_text(self) -> String {
        self.text.to_string()
    }
}

/// Whether a text has the form of one, whatever its checksum is.
pub(crate) fn looks_like_one(text: &str) -> bool {
    let Some((prefix, rest)) = text.split_once('_') else { return false };
    is_prefix(prefix)
        && rest.len() == SECRET + CHECKSUM
        && rest.bytes().all(|letter| letter.is_ascii_alphanumeric())
}

/// What may stand before the underscore. A token of [`Tokens`](crate::Tokens) begins with a capital letter: it is never taken for one.
pub(crate) fn is_prefix(text: &str) -> bool {
    (2..=16).contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_lowercase())
}

fn checksum(text: &str) -> String {
    let mut number = crc32(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = LETTERS[(number % 62) as usize];
        number /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    !sum
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(********)")
    }
}

#[cfg(test)]
mod tests {
    use mainstay_core::random::SeededRandom;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn has_a_prefix_and_a_checksum_that_others_can_compute() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let text = SecretText::new("mst", &SeededRandom::new(1)).into_text();
        assert!(text.starts_with("mst_") && text.len() == 40, "{text}");
        let read = SecretText::read(&text).unwrap();
        assert!(read.has_prefix("mst") && !read.has_prefix("ms"));
        assert_eq!(read.start(), &text[..8]);
        assert_eq!(read.digest().len(), 64);
        assert!(!format!("{read:?}").contains(&text));
    }

    #[test]
    fn follows_from_bytes_and_uses_all_letters() {
        let of = |byte: u8| SecretText::derived("mstr", &[byte; 32]).into_text();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert!(SecretText::read(&of(255)).is_some());
        assert_eq!(&of(0)[..35], "mstr_000000000000000000000000000000");
    }

    proptest! {
        #[test]
        fn tells_a_slip_of_the_pen(seed: u64, at in 4..40_usize, letter in "[0-9A-Za-z]") {
            let text = SecretText::new("mst", &SeededRandom::new(seed)).into_text();
            let slip = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
            prop_assert_eq!(SecretText::read(&slip).is_some(), slip == text);
            prop_assert!(SecretText::read(&text[..at]).is_none());
        }

        #[test]
        fn takes_nothing_else_for_one(text in "\\PC*") {
            prop_assert!(SecretText::read(&text).is_none());
        }
    }
}
