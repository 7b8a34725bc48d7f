//! The hash of the paths of literal routes.

use std::hash::Hasher;

/// FxHash (Firefox, rustc) over eight bytes at a time. The keys are the application's own, so nobody can make a long
/// bucket, and the standard hasher's protection would cost more than the rest of the look-up.
#[derive(Default)]
pub(crate) struct PathHasher(u64);

impl PathHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for PathHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    fn write_u8(&mut self, _end_of_text: u8) {}

    fn finish(&self) -> u64 {
        // The table takes the upper bits for its tags and the lower for its buckets.
        self.0 ^ (self.0 >> 32)
    }
}
