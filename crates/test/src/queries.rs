//! Which statements the database ran.

use std::fmt;

use mainstay_db::QueryLog;
use mainstay_db::log::{LoggedQuery, tally};

/// The statements that the database ran in a while, in the order of their replies.
///
/// What shows one row and asks the database for each of its parts looks fine in a test with one row. Count the
/// statements, and let the test have several: their number must not grow with the rows.
#[derive(Clone, Debug)]
pub struct Queries(Vec<LoggedQuery>);

impl Queries {
    pub(crate) fn of(log: &QueryLog) -> Self {
        Self(log.queries())
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Their texts.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|query| &*query.sql)
    }

    /// Claims that there were at most so many. The panic shows them.
    #[track_caller]
    pub fn assert_at_most(&self, most: usize) -> &Self {
        assert!(self.count() <= most, "expected at most {most} statements\n\n{self}");
        self
    }
}

/// Each statement once for each line that ran it, with the number of times.
impl fmt::Display for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            1 => writeln!(f, "The database ran 1 statement:")?,
            count => writeln!(f, "The database ran {count} statements:")?,
        }
        for tally in tally(&self.0) {
            writeln!(f, "{tally}")?;
        }
        Ok(())
    }
}
