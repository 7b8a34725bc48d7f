//! Migration files as text: reading TOML with the line of every mistake, and writing it for people to review.

mod read;
mod write;

use std::fmt;

pub use read::{read_migration, read_snapshot_list};
pub use write::{write_migration, write_snapshot};

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistake {
    /// The file, as it is shown.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}
