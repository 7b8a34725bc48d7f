//! Chance, injected: `Inject<dyn Random>`. A test seeds it, and gets the same ids every time.

mod ids;

use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::{SecureRandom as _, SystemRandom};

pub use ids::{Id, Ids};

/// Makes bytes that nobody can guess.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// Any number.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number from 0 up to, not including, `end`, each as likely as the other. 0 when `end` is 0.
    fn below(&self, end: u64) -> u64 {
        if end < 2 {
            return 0;
        }
        // Lemire, "Fast random integer generation in an interval" (2019): the rejected few would be too likely.
        let threshold = end.wrapping_neg() % end;
        loop {
            let product = u128::from(self.number()) * u128::from(end);
            if (product as u64) >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// As many random bytes as asked for, as twice as many hexadecimal digits.
    fn hex(&self, bytes: usize) -> String {
        let mut raw = vec![0; bytes];
        self.fill(&mut raw);
        hex(&raw)
    }
}

/// Bytes as hexadecimal digits, twice as many.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The operating system's generator: fit for keys, tokens and nonces.
#[derive(Clone, Debug)]
pub struct SecureRandom(SystemRandom);

impl SecureRandom {
    /// The generator.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SecureRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SecureRandom {
    /// # Panics
    ///
    /// When the operating system has no randomness to give. Nothing that goes on without it is safe.
    #[expect(clippy::expect_used, reason = "an operating system without randomness cannot keep any secret")]
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the operating system gives random bytes");
    }
}

/// The same numbers for the same seed. For tests alone: whoever sees one number can compute the next.
///
/// The algorithm is SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.next().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_follows_the_published_sequence() {
        let random = SeededRandom::new(1_234_567);
        // The reference implementation's first numbers for this seed.
        assert_eq!(random.number(), 6_457_827_717_110_365_317);
        assert_eq!(random.number(), 3_203_168_211_198_807_973);
        assert_eq!(SeededRandom::new(7).hex(9), SeededRandom::new(7).hex(9));
        assert_ne!(SeededRandom::new(7).hex(9), SeededRandom::new(8).hex(9));
    }

    #[test]
    fn the_system_never_gives_the_same_twice() {
        let random = SecureRandom::new();
        assert_ne!(random.hex(16), random.hex(16));
        assert_eq!(random.hex(16).len(), 32);
    }

    #[test]
    fn every_number_below_the_end_comes_about_equally_often() {
        let random = SeededRandom::new(1);
        let mut counts = [0; 6];
        for _ in 0..6000 {
            counts[random.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }
}
