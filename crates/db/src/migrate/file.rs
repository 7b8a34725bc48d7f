//! A migration: what a file of the folder says.

use super::operation::Operation;
use super::text::{self, Mistake};

/// A migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name: `0002_article_subtitle`.
    pub name: String,
    /// Its file, as messages show it.
    pub file: String,
    /// What it comes after. Several in a migration that joins two branches; none in the first.
    pub after: Vec<String>,
    /// What it does, in order.
    pub operations: Vec<Located>,
}

/// An operation and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The line, counted from 1; 0 when it is not in a file yet.
    pub line: usize,
    /// What it does.
    pub operation: Operation,
}

impl Migration {
    /// Reads a file.
    pub fn read(file: &str, name: &str, text: &str) -> Result<Self, Mistake> {
        text::read_migration(file, name, text)
    }

    /// What it does, as a short number: two files with one sum do the same, whatever their comments and spaces are.
    pub fn checksum(&self) -> String {
        // FNV-1a: the sum finds edits, it does not keep out forgers.
        let text = text::write_migration(self, &[]);
        let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{sum:016x}")
    }

    /// Its number, when its name begins with one.
    pub fn number(&self) -> Option<u32> {
        self.name.split('_').next().and_then(|digits| digits.parse().ok())
    }
}
