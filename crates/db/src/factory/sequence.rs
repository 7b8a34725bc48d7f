//! Numbers for rows that factories make.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many rows factories have made, by table. It belongs to the handle of a database, so that each test counts from 1.
#[derive(Debug, Default)]
pub(crate) struct Sequences(Mutex<HashMap<&'static str, u64>>);

impl Sequences {
    /// The next number, from 1.
    pub(super) fn next(&self, table: &'static str) -> u64 {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = numbers.entry(table).or_default();
        *number += 1;
        *number
    }
}
