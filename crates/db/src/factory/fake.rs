//! Made-up data, the same in each run.

use std::ops::RangeInclusive;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::words::{FIRST_NAMES, LAST_NAMES, WORDS};

/// Data that looks real and is not. What it says depends on a seed, the model and the number of the row, and on nothing
/// else: a test that fails fails again.
///
/// ```
/// use mainstay_db::factory::Fake;
///
/// let (mut one, mut same) = (Fake::new(7, "users", 1), Fake::new(7, "users", 1));
/// assert_eq!(one.name(), same.name());
/// assert!(one.email().ends_with(".1@example.org"));
/// assert!((3..=5).contains(&one.number(3..=5)));
/// ```
#[derive(Clone, Debug)]
pub struct Fake {
    state: u64,
    row: u64,
}

impl Fake {
    /// For the row of this number in a table.
    pub fn new(seed: u64, table: &str, row: u64) -> Self {
        // FNV-1a, so that tables have different data.
        let table = table.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut fake = Self { state: seed ^ table.rotate_left(32), row };
        // Rows that follow one another have nothing in common.
        fake.state = fake.bits() ^ row;
        fake
    }

    /// 64 random bits: SplitMix64, by Steele, Lea and Flood.
    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number in a range, its ends included. An empty range has its beginning.
    pub fn number(&mut self, range: RangeInclusive<i64>) -> i64 {
        let (least, most) = (i128::from(*range.start()), i128::from(*range.end()));
        let count = u128::try_from(most - least + 1).unwrap_or(1).max(1);
        let offset = (u128::from(self.bits()) * count) >> 64;
        // The offset is less than the count, so that the sum is in the range.
        i128::try_from(offset)
            .ok()
            .and_then(|offset| i64::try_from(least + offset).ok())
            .unwrap_or(*range.start())
    }

    fn index(&mut self, length: usize) -> usize {
        let last = i64::try_from(length.saturating_sub(1)).unwrap_or(i64::MAX);
        usize::try_from(self.number(0..=last)).unwrap_or_default()
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    /// True so many times in a hundred.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.number(1..=100) <= i64::from(percent)
    }

    /// A word.
    pub fn word(&mut self) -> String {
        (*self.pick(WORDS)).to_owned()
    }

    /// So many words.
    pub fn words(&mut self, count: usize) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// A title of two to five words.
    pub fn title(&mut self) -> String {
        let count = 2 + self.index(4);
        capitalized(&self.words(count))
    }

    /// A sentence.
    pub fn sentence(&mut self) -> String {
        let count = 5 + self.index(8);
        capitalized(&self.words(count)) + "."
    }

    /// Three to six sentences.
    pub fn paragraph(&mut self) -> String {
        let count = 3 + self.index(4);
        (0..count).map(|_| self.sentence()).collect::<Vec<_>>().join(" ")
    }

    /// So many paragraphs, with an empty line between.
    pub fn text(&mut self, paragraphs: usize) -> String {
        (0..paragraphs).map(|_| self.paragraph()).collect::<Vec<_>>().join("\n\n")
    }

    /// A first name.
    pub fn first_name(&mut self) -> String {
        (*self.pick(FIRST_NAMES)).to_owned()
    }

    /// A last name.
    pub fn last_name(&mut self) -> String {
        (*self.pick(LAST_NAMES)).to_owned()
    }

    /// A first and a last name.
    pub fn name(&mut self) -> String {
        format!("{} {}", self.first_name(), self.last_name())
    }

    /// A name to sign in with, which no other row of the model has.
    pub fn username(&mut self) -> String {
        format!("{}_{}_{}", self.first_name(), self.last_name(), self.row).to_lowercase()
    }

    /// An address that no other row of the model has, and that reaches nobody.
    pub fn email(&mut self) -> String {
        format!("{}.{}.{}@example.org", self.first_name(), self.last_name(), self.row).to_lowercase()
    }

    /// What the address of a page may end with, which no other row of the model has.
    pub fn slug(&mut self) -> String {
        format!("{}-{}", self.words(2).replace(' ', "-"), self.row)
    }

    /// A day from the first to the second.
    pub fn day(&mut self, from: NaiveDate, to: NaiveDate) -> NaiveDate {
        let days = self.number(0..=(to - from).num_days());
        u64::try_from(days).ok().and_then(|days| from.checked_add_days(Days::new(days))).unwrap_or(from)
    }

    /// A time from the first to the second, in whole seconds after the first.
    pub fn time(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) -> DateTime<Utc> {
        let seconds = self.number(0..=(to - from).num_seconds());
        from.checked_add_signed(TimeDelta::seconds(seconds)).unwrap_or(from)
    }

    /// A random identifier (version 4).
    pub fn uuid(&mut self) -> Uuid {
        let bits = (u128::from(self.bits()) << 64) | u128::from(self.bits());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_in_its_range_and_reaches_both_ends() {
        let mut fake = Fake::new(1, "dice", 1);
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[usize::try_from(fake.number(1..=6)).unwrap() - 1] += 1;
        }
        assert!(seen.iter().all(|times| (60..140).contains(times)), "{seen:?}");
        assert_eq!(fake.number(5..=5), 5);
        #[expect(clippy::reversed_empty_ranges, reason = "it must not panic")]
        let empty = fake.number(5..=4);
        assert_eq!(empty, 5);
        assert!((0..100).all(|_| fake.number(i64::MIN..=i64::MAX) != 0));
    }

    #[test]
    fn depends_on_the_seed_the_table_and_the_row_alone() {
        let text = |seed, table, row| Fake::new(seed, table, row).text(2);
        assert_eq!(text(1, "users", 1), text(1, "users", 1));
        let others = [text(2, "users", 1), text(1, "posts", 1), text(1, "users", 2)];
        assert!(others.iter().all(|other| *other != text(1, "users", 1)));
    }

    #[test]
    fn looks_like_what_it_is() {
        let mut fake = Fake::new(0, "users", 12);
        assert!(fake.sentence().ends_with('.') && fake.title().starts_with(char::is_uppercase));
        assert!(fake.email().ends_with(".12@example.org"));
        assert_eq!(fake.uuid().get_version_num(), 4);
        let (from, to) =
            (NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(), NaiveDate::from_ymd_opt(2026, 1, 3).unwrap());
        assert!((0..50).all(|_| (from..=to).contains(&fake.day(from, to))));
        assert_eq!(fake.day(to, from), to);
    }
}
