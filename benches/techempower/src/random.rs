//! Random numbers for rows: quick ones, of which nothing depends but the load.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// How many worlds there are.
pub(crate) const WORLDS: i64 = 10_000;

/// A number from 1 to [`WORLDS`]: xorshift in each thread, seeded by the standard library.
pub(crate) fn random() -> i64 {
    thread_local!(static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1));
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        // The upper half, scaled into the range.
        (((x >> 32) * WORLDS.unsigned_abs()) >> 32).cast_signed() + 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_the_range_and_stays_in_it() {
        let mut seen = [false; 10];
        for _ in 0..10_000 {
            let number = random();
            assert!((1..=WORLDS).contains(&number));
            seen[usize::try_from((number - 1) / 1_000).unwrap()] = true;
        }
        assert_eq!(seen, [true; 10]);
    }
}
